"""W1, b1, W2, b2 and their gradients; random initialisation on the host."""

from __future__ import annotations

import math
from typing import Generic, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray, SomeArray_co
from gdnet.errors import DataError


class Parameters(NamedTuple, Generic[SomeArray_co]):
    """The parameters of the network.

    Attributes
    ----------
    W1 : array of shape (n1, n0)
        Weights of the hidden layer.
    b1 : array of shape (n1, 1)
        Biases of the hidden layer, a column.
    W2 : array of shape (n2, n1)
        Weights of the output layer.
    b2 : array of shape (n2, 1)
        Biases of the output layer, a column.
    """

    W1: SomeArray_co
    b1: SomeArray_co
    W2: SomeArray_co
    b2: SomeArray_co


class Gradients(NamedTuple, Generic[SomeArray_co]):
    """The derivatives of the cost J with respect to the parameters.

    Attributes
    ----------
    dW1 : array of shape (n1, n0)
        Derivatives with respect to W1.
    db1 : array of shape (n1, 1)
        Derivatives with respect to b1.
    dW2 : array of shape (n2, n1)
        Derivatives with respect to W2.
    db2 : array of shape (n2, 1)
        Derivatives with respect to b2.
    """

    dW1: SomeArray_co
    db1: SomeArray_co
    dW2: SomeArray_co
    db2: SomeArray_co


def initialise(
    n0: int,
    n1: int,
    n2: int,
    *,
    random_state: int | np.random.RandomState | None = None,
    init_scale: float | str = "auto",
    dtype: npt.DTypeLike = np.float64,
) -> Parameters[HostArray]:
    """Draw random weights; the biases are zero.

    The numbers are drawn by NumPy on the host, W1 before W2, from the legacy stream of
    `numpy.random.RandomState`: the CPU and a GPU start alike, and ``random_state=2`` with
    ``init_scale=0.01`` is the start of the lecture's lab.

    Parameters
    ----------
    n0, n1, n2 : int
        Number of input features, hidden units and outputs, each at least 1.
    random_state : int, RandomState or None
        Seed, from 0 to 2**32 - 1, or the generator to draw from. None draws from fresh entropy.
    init_scale : float or "auto", default "auto"
        Factor of the standard normal numbers; "auto" is 1 / sqrt(fan-in) of each layer.
        0 is taken, as a lesson: hidden units that start equal stay equal for ever.
    dtype : float32 or float64, default float64
        Type of the parameters.

    Returns
    -------
    gdnet.parameters.Parameters
        NumPy arrays W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).

    Raises
    ------
    DataError
        If a size is below 1, the scale is negative or not finite, or the seed is of another kind.

    References
    ----------
    The "auto" scale: LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.6.
    """
    for name, size in (("input features", n0), ("hidden units", n1), ("outputs", n2)):
        if size < 1:
            raise DataError(f"expected at least 1 of {name}, got {size}")
    if init_scale == "auto":
        scale1, scale2 = 1 / math.sqrt(n0), 1 / math.sqrt(n1)
    elif isinstance(init_scale, str) or not (math.isfinite(init_scale) and init_scale >= 0):
        raise DataError(f"expected 'auto' or a finite init_scale of at least 0, got {init_scale!r}")
    else:
        scale1 = scale2 = float(init_scale)
    if not isinstance(random_state, np.random.RandomState):
        try:
            random_state = np.random.RandomState(random_state)
        except (TypeError, ValueError) as error:
            raise DataError(
                "random_state: expected a whole number from 0 to 2**32 - 1, a RandomState or "
                f"None, got {random_state!r} ({error})"
            ) from None
    W1 = random_state.randn(n1, n0) * scale1
    W2 = random_state.randn(n2, n1) * scale2
    return Parameters(
        W1.astype(dtype), np.zeros((n1, 1), dtype), W2.astype(dtype), np.zeros((n2, 1), dtype)
    )


def check_shapes(parameters: Parameters, n0: int, n2: int) -> None:
    """Check that the four shapes fit each other, n0 input features and n2 outputs.

    Parameters
    ----------
    parameters : Parameters
        The arrays to check.
    n0, n2 : int
        Number of input features and outputs.

    Raises
    ------
    DataError
        If an array does not fit; the message names the first one, with both shapes.
    """
    n1 = parameters.W1.shape[0] if parameters.W1.ndim else 0
    expected = {"W1": (n1, n0), "b1": (n1, 1), "W2": (n2, n1), "b2": (n2, 1)}
    for (name, shape), array in zip(expected.items(), parameters, strict=True):
        if array.shape != shape or n1 < 1:
            hint = ""
            if len(array.shape) == 1:
                hint = "; no rank-1 arrays: give it as a column, b.reshape(-1, 1)"
            raise DataError(f"{name}: expected shape {shape}, got {array.shape}{hint}")
