"""The hidden activations g1 with their derivatives, and the outputs g2.

Formulas are written with ``exp(-|Z|)``, which never overflows, so that values are accurate to a few
units in the last place for any Z. `gdnet.losses` has the losses of the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from gdnet.errors import DataError
from gdnet.losses import Parts, sigmoid_loss, softmax_loss, squared_loss

if TYPE_CHECKING:  # the command line names the activations in its help, without NumPy
    from gdnet._typing import Array, Namespace

Elementwise: TypeAlias = "Callable[[Array, Namespace], Array]"


@dataclass(frozen=True)
class Activation:
    """A hidden activation g1 and its derivative.

    Parameters
    ----------
    name : str
        The name in messages and model files.
    value : callable ``(Z, xp) -> A``
        The function g1, element by element: Z and A are arrays of shape (n1, m). It does not write
        to Z.
    slope : callable ``(A, xp)`` or ``(Z, xp)`` ``-> array``
        The derivative g1' as a function of A = g1(Z), or of Z where `slope_needs_Z1` is true;
        arrays of shape (n1, m). `backward` writes to what it returns; what it was given, a number,
        or another dtype is copied by `get_activation`, and so by everything that trains.
    slope_needs_Z1 : bool, default False
        Whether `slope` takes Z1 instead of A1.

    References
    ----------
    "gelu": Hendrycks and Gimpel (2016), Gaussian error linear units, arXiv:1606.08415, in the form
    with tanh. "silu": Elfwing, Uchibe and Doya (2018), Sigmoid-weighted linear units for neural
    network function approximation in reinforcement learning, Neural Networks 107.

    Examples
    --------
    A custom activation:

    >>> import numpy as np
    >>> from gdnet.activations import Activation
    >>> square = Activation("square", lambda Z, xp: Z * Z, lambda Z, xp: 2 * Z, slope_needs_Z1=True)
    >>> square.derivative(np.array([[3.0]]), np.array([[9.0]]), np)
    array([[6.]])
    """

    name: str
    value: Elementwise
    slope: Elementwise
    slope_needs_Z1: bool = False

    def derivative(self, Z1: Array, A1: Array, xp: Namespace) -> Array:
        """Return g1'(Z1) as a new array.

        Parameters
        ----------
        Z1 : array of shape (n1, m)
            The hidden pre-activation.
        A1 : array of shape (n1, m)
            The hidden activation g1(Z1).
        xp : module
            The array module that owns both.

        Returns
        -------
        array of shape (n1, m)
            The derivative at each element of Z1.
        """
        return self.slope(Z1 if self.slope_needs_Z1 else A1, xp)


@dataclass(frozen=True)
class Output:
    """An output activation g2 with the loss for which dZ2 = A2 - Y.

    Parameters
    ----------
    name : str
        ``"sigmoid"`` or ``"softmax"``, with the cross-entropy, or ``"identity"``, with half the
        squared error.
    value : callable ``(Z2, xp) -> (A2, parts)``
        The function g2 of Z2, of shape (n2, m), and parts of A2 that the loss uses again.
    loss : callable ``(Z2, parts, Y, xp) -> L``
        L(g2(Z2), Y) as a row of shape (1, m): summed over the outputs of each example.
    """

    name: str
    value: Callable[[Array, Namespace], tuple[Array, Parts]]
    loss: Callable[[Array, Parts, Array, Namespace], Array]


def sigmoid(Z: Array, xp: Namespace) -> Array:
    """Return 1 / (1 + exp(-Z)), as ``exp(min(Z, 0)) / (1 + exp(-|Z|))``.

    Parameters
    ----------
    Z : array
        Real numbers, of any shape; not written to.
    xp : module
        The array module that owns Z.

    Returns
    -------
    array
        Of the shape and dtype of Z, from 0 to 1; without overflow for any Z.
    """
    return xp.exp(xp.minimum(Z, 0)) / (1 + xp.exp(-xp.abs(Z)))


def softplus(Z: Array, xp: Namespace) -> Array:
    """Return log(1 + exp(Z)), as ``max(Z, 0) + log1p(exp(-|Z|))``.

    Parameters
    ----------
    Z : array
        Real numbers, of any shape; not written to.
    xp : module
        The array module that owns Z.

    Returns
    -------
    array
        Of the shape and dtype of Z, at least 0; infinite only where Z is.
    """
    return xp.maximum(Z, 0) + xp.log1p(xp.exp(-xp.abs(Z)))


def _sigmoid_output(Z2: Array, xp: Namespace) -> tuple[Array, Parts]:
    positive = xp.maximum(Z2, 0)
    negative = Z2 - positive
    E = xp.exp(negative - positive)  # exp(-|Z2|)
    return xp.exp(negative) / (1 + E), (positive, E)


def _softmax_output(Z2: Array, xp: Namespace) -> tuple[Array, Parts]:
    highest = xp.max(Z2, axis=0, keepdims=True)
    E = xp.exp(Z2 - highest)
    return E / xp.sum(E, axis=0, keepdims=True), (highest, E)


_GELU = 2 * math.sqrt(2 / math.pi)


def _gelu_gate(Z: Array, xp: Namespace) -> tuple[Array, Array]:
    # The tanh form of Hendrycks and Gimpel (2016), because NumPy has no erf; written with
    # sigmoid(2u) = (1 + tanh(u)) / 2, which keeps its digits where tanh(u) is near -1. Beyond 30
    # the gate is 0 or 1 in any precision, and the cube could overflow.
    bounded = xp.minimum(xp.maximum(Z, -30), 30)
    return sigmoid(_GELU * (bounded + 0.044715 * bounded * bounded * bounded), xp), bounded


def _gelu(Z: Array, xp: Namespace) -> Array:
    S, _ = _gelu_gate(Z, xp)
    return Z * S


def _gelu_slope(Z: Array, xp: Namespace) -> Array:
    S, bounded = _gelu_gate(Z, xp)
    return S + bounded * S * (1 - S) * _GELU * (1 + 3 * 0.044715 * bounded * bounded)


def _silu_slope(Z: Array, xp: Namespace) -> Array:
    S = sigmoid(Z, xp)
    return S * (1 + Z * (1 - S))


def _tanh_slope(A: Array, xp: Namespace) -> Array:
    D = A * A
    return xp.subtract(1, D, out=D)  # in place: one array less is worth 10 % of an iteration


TANH = Activation("tanh", lambda Z, xp: xp.tanh(Z), _tanh_slope)

#: The hidden activations by name. CONTRIBUTING.md has the recipe for another one.
ACTIVATIONS: dict[str, Activation] = {
    g1.name: g1
    for g1 in (
        TANH,
        Activation("sigmoid", sigmoid, lambda A, xp: A * (1 - A)),
        Activation(
            "relu",
            lambda Z, xp: xp.maximum(Z, 0),
            lambda A, xp: xp.astype(A > 0, A.dtype),
        ),
        Activation(
            "leaky_relu",
            lambda Z, xp: xp.maximum(Z, 0.01 * Z),
            lambda A, xp: xp.where(A > 0, xp.ones_like(A), 0.01),
        ),
        Activation("identity", lambda Z, xp: Z, lambda A, xp: xp.ones_like(A)),
        Activation("softplus", softplus, lambda A, xp: -xp.expm1(-A)),
        Activation("gelu", _gelu, _gelu_slope, slope_needs_Z1=True),
        Activation("silu", lambda Z, xp: Z * sigmoid(Z, xp), _silu_slope, slope_needs_Z1=True),
    )
}

#: The outputs by name.
OUTPUTS: dict[str, Output] = {
    g2.name: g2
    for g2 in (
        Output("sigmoid", _sigmoid_output, sigmoid_loss),
        Output("softmax", _softmax_output, softmax_loss),
        Output("identity", lambda Z2, xp: (Z2, (Z2, Z2)), squared_loss),
    )
}


def get_activation(activation: str | Activation) -> Activation:
    """Return the activation of that name, or a custom one, made safe to compute with.

    Parameters
    ----------
    activation : str or Activation
        A name in `ACTIVATIONS`, or a custom activation.

    Returns
    -------
    Activation
        That of the name. Of a custom one the value comes in the dtype of Z1, which a float64
        constant in it would change, and the slope as a new array, which may be written to.

    Raises
    ------
    DataError
        For a name that is not in `ACTIVATIONS`.
    """
    if isinstance(activation, Activation):
        if activation is ACTIVATIONS.get(activation.name):
            return activation
        return replace(
            activation,
            value=_in_dtype(activation.value),
            slope=_as_new_array(activation.slope),
        )
    try:
        return ACTIVATIONS[activation]
    except (KeyError, TypeError):
        raise DataError(
            f"unknown activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}"
        ) from None


def _in_dtype(value: Elementwise) -> Elementwise:
    def converted(Z: Array, xp: Namespace) -> Array:
        return xp.asarray(value(Z, xp), dtype=Z.dtype)

    return converted


def _as_new_array(slope: Elementwise) -> Elementwise:
    def new(of: Array, xp: Namespace) -> Array:
        D = xp.zeros_like(of)
        D += slope(of, xp)
        return D

    return new


def get_output(output: str | Output) -> Output:
    """Return the output of that name, or the given one as it is.

    Parameters
    ----------
    output : str or Output
        A name in `OUTPUTS`, or an output.

    Returns
    -------
    Output
        That of the name, or `output` itself.

    Raises
    ------
    DataError
        For a name that is not in `OUTPUTS`.
    """
    if isinstance(output, Output):
        return output
    try:
        return OUTPUTS[output]
    except (KeyError, TypeError):
        raise DataError(
            f"unknown output {output!r}: choose sigmoid (one or several independent labels), "
            "softmax (exclusive classes) or identity (numbers)"
        ) from None
