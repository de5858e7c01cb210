"""The cost and the gradient of the full batch, computed block by block."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, Namespace
from gdnet.activations import (
    ACTIVATIONS,
    OUTPUTS,
    Activation,
    Output,
    get_activation,
    get_output,
)
from gdnet.backends import Backend, Block, BlockGradient
from gdnet.blocks import BlockGrid, TreeSum
from gdnet.data.device_arrays import DeviceLoader
from gdnet.data.source import Source, as_Y
from gdnet.equations import backward, cost, forward, update
from gdnet.errors import DataError
from gdnet.parameters import Gradients, Parameters, check_shapes


def block_gradient(
    parameters: Parameters,
    X: Array,
    Y: Array,
    g1: Activation,
    g2: Output,
    m: float,
    xp: Namespace,
    weights: Array | None = None,
) -> tuple[Gradients, Array]:
    """Return what one block of examples contributes to the gradient and to the cost.

    This is the reference: the equations in the order of the lecture. See `gdnet.equations` for
    the shapes.
    """
    activations = forward(parameters, X, g1, g2, xp)
    J = cost(activations, Y, g2, m, xp, weights)
    if not g1.slope_needs_Z1:
        # The memory of Z1, still in the cache, becomes that of dZ1.
        activations.Z1 = None
    return backward(parameters, X, Y, activations, g1, m, xp, weights), J


class FullBatch:
    """The cost J and its gradient over all examples of a source, exactly, at any m.

    Call it with parameters (inside ``backend.activate()``) to get gradients and cost, both as
    arrays of ``backend.xp``. The bits of the result depend on the data, the parameters, the dtype
    and the block size, and not on threads, memory layout, or where the data are kept.

    Parameters
    ----------
    source : Source
        The examples.
    backend : Backend
        Where to compute.
    n1 : int
        Number of hidden units.
    activation : str or Activation, default "tanh"
        The hidden activation g1.
    output : str or Output, default "sigmoid"
        The output activation g2.
    dtype : float32 or float64, default float32
        What to compute in.
    block_columns : int, optional
        Examples a block; None is the backend's choice from the shapes and the dtype.
    l2 : float, default 0
        Adds ``(l2 / 2m) (|W1|^2 + |W2|^2)`` to the cost.

    Raises
    ------
    DataError
        For an unknown activation or output, another dtype, an l2 that is negative or not finite,
        or a softmax of fewer than 2 outputs, or of labels that do not exclude each other.
    """

    def __init__(
        self,
        source: Source,
        backend: Backend,
        *,
        n1: int,
        activation: str | Activation = "tanh",
        output: str | Output = "sigmoid",
        dtype: npt.DTypeLike = np.float32,
        block_columns: int | None = None,
        l2: float = 0.0,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise DataError(f"expected dtype float32 or float64, got {self.dtype}")
        if n1 < 1:
            raise DataError(f"expected at least 1 hidden unit, got {n1}")
        if not (math.isfinite(l2) and l2 >= 0):
            raise DataError(f"expected a finite l2 of at least 0, got {l2}")
        self.source = source
        self.backend = backend
        self.shape = (source.n0, n1, source.n2)
        self.g1 = get_activation(activation)
        self.g2 = get_output(output)
        if self.g2.name == "softmax":
            _check_exclusive(source)
        self.l2 = l2
        with np.errstate(over="ignore"):
            total = float(np.array(source.total_weight).astype(self.dtype))
        if not 0 < total < math.inf:
            raise DataError(
                f"weights: expected a sum that {self.dtype} can hold, got {source.total_weight:g}; "
                "scale the weights"
            )
        if block_columns is None:
            block_columns = backend.block_columns(source.m, *self.shape, self.dtype.itemsize)
        self.grid = BlockGrid(source.m, block_columns)
        # As the lecture's lab is: then nothing stands between the loop and the equations.
        self._alone = len(self.grid) == 1
        with backend.activate():
            # A 0-d array of the dtype: NumPy computes with it twice as fast as with a Python float.
            self._m = backend.asarray(source.total_weight, self.dtype)
            self._classes = backend.asarray(np.arange(source.n2).reshape(-1, 1))
            self._load = self._loader()
        self._kept: tuple[Array, Array, Array | None] | None = None

    def release(self) -> None:
        """Give back the memory of the device; blocks are loaded anew when they are needed."""
        self._kept = None
        with self.backend.activate():
            self._load = self._loader()
        self.backend.trim()

    @cached_property
    def _block(self) -> BlockGradient:
        # Made when the first gradient is asked for: an evaluation needs none.
        g1, g2, xp = self.g1, self.g2, self.backend.xp

        def reference(
            parameters: Parameters, X: Array, Y: Array, m: float, weights: Array | None
        ) -> tuple[Gradients, Array]:
            return block_gradient(parameters, X, Y, g1, g2, m, xp, weights)

        if g1 is not ACTIVATIONS.get(g1.name) or g2 is not OUTPUTS.get(g2.name):
            # A backend knows activations by their names, which a user's own might share.
            return BlockGradient(reference)
        return self.backend.block_gradient(
            reference, g1=g1.name, g2=g2.name, shape=self.shape, dtype=self.dtype
        )

    @property
    def kernel(self) -> str:
        """How the gradient of a block is computed: "reference", or a backend's faster way.

        Raises
        ------
        DataError
            If the backend was told to use one that is not made for this network.
        """
        return self._block.name

    def _loader(self) -> Callable[[int], Block]:
        if self.source.on_device:
            return DeviceLoader(self.source, self.grid, self.backend, self.dtype)
        return self.backend.loader(self.source.read, self.grid, self.dtype, self.shape)

    def place(self, parameters: Parameters) -> Parameters:
        """Return the parameters on the backend, in the dtype; raise DataError if shapes differ."""
        n0, n1, n2 = self.shape
        check_shapes(parameters, n0, n2)
        if parameters.W1.shape[0] != n1:
            raise DataError(f"W1: expected {n1} hidden units, got {parameters.W1.shape[0]}")
        return Parameters(*(self.backend.asarray(p, self.dtype) for p in parameters))

    def __call__(self, parameters: Parameters) -> tuple[Gradients, Array]:
        """Return the gradients and the cost J (0-d) at these parameters."""
        if self._alone:
            X, Y, weights = self._kept or self._only()
            gradients, J = self._block.whole(parameters, X, Y, self._m, weights)
        else:
            sums = self._summed(lambda i: self._of_block(parameters, i))
            *gradients, J = self._block.split(sums)
        if not isinstance(gradients, Gradients):
            gradients = Gradients(*gradients)
        return self._with_l2(parameters, gradients, J) if self.l2 else (gradients, J)

    def step(self, parameters: Parameters, alpha: Array) -> tuple[Array, Parameters]:
        """Return the cost J (0-d) at these parameters, and the parameters after one update.

        `alpha` is the learning rate as a 0-d array of the backend, in the dtype.
        """
        if self._alone and self._block.steps and not self.l2:
            X, Y, weights = self._kept or self._only()
            J, after = self._block.step(parameters, X, Y, self._m, weights, alpha)
            return J, Parameters(*after)
        gradients, J = self(parameters)
        return J, update(parameters, gradients, alpha)

    def cost(self, parameters: Parameters) -> Array:
        """Return the cost J (0-d) at these parameters, without the gradient."""

        def of_block(i: int) -> tuple[Array]:
            X, Y, weights = self.examples(i)
            activations = forward(parameters, X, self.g1, self.g2, self.backend.xp)
            return (cost(activations, Y, self.g2, self._m, self.backend.xp, weights),)

        J = self._summed(of_block)[0]
        return J + self._l2_cost(parameters) if self.l2 else J

    def examples(self, i: int) -> tuple[Array, Array, Array | None]:
        """Return X (n0, b), Y (n2, b) and weights (1, b) or None of block i, on the backend."""
        return self._only() if self._alone else self._placed(i)

    def _only(self) -> tuple[Array, Array, Array | None]:
        if self._kept is None:
            self._kept = self._placed(0)
        return self._kept

    def _placed(self, i: int) -> tuple[Array, Array, Array | None]:
        X, labels, weights = self._load(i)
        xp = self.backend.xp
        return X, as_Y(labels, self._classes, getattr(xp, self.dtype.name), xp), weights

    def _of_block(self, parameters: Parameters, i: int) -> tuple[Array, ...]:
        X, Y, weights = self._placed(i)
        return self._block.sums(parameters, X, Y, self._m, weights)

    def _summed(self, of_block: Callable[[int], tuple[Array, ...]]) -> tuple[Array, ...]:
        total = TreeSum(len(self.grid))
        self.backend.run(lambda i: total.add(i, of_block(i)), len(self.grid))
        return total.total()

    def _with_l2(
        self, parameters: Parameters, gradients: Gradients, J: Array
    ) -> tuple[Gradients, Array]:
        decay = self.l2 / self.source.total_weight
        W1, _, W2, _ = parameters
        dW1, db1, dW2, db2 = gradients
        gradients = Gradients(dW1 + decay * W1, db1, dW2 + decay * W2, db2)
        return gradients, J + self._l2_cost(parameters)

    def _l2_cost(self, parameters: Parameters) -> Array:
        xp, decay = self.backend.xp, self.l2 / self.source.total_weight
        return (decay / 2) * (xp.sum(parameters.W1**2) + xp.sum(parameters.W2**2))


def _check_exclusive(source: Source) -> None:
    """Raise unless every example is of exactly one class."""
    if source.n2 < 2:
        raise DataError("expected at least 2 classes for a softmax output, got 1 output")
    if len(source.labels) == 1:
        return
    classes = source.labels.sum(axis=0)
    if (classes != 1).any():
        example = int(np.argmax(classes != 1))
        raise DataError(
            f"Y: expected exactly one 1 in each column for a softmax output, got "
            f"{classes[example]} in example {example} (counted from 0); for labels that do not "
            "exclude each other choose the output sigmoid"
        )
