"""The engine "compiled" of the CPU: cost and gradient of a block in one pass over small tiles."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gdnet._typing import Array, HostArray
from gdnet.errors import DataError

from .block_gradient import BlockGradient
from .cpu_library import Library

if TYPE_CHECKING:
    from gdnet.parameters import Parameters

#: The hidden activations, as in cpu_kernel/activations.hpp.
ACTIVATIONS = {
    "tanh": 0,
    "sigmoid": 1,
    "relu": 2,
    "leaky_relu": 3,
    "identity": 4,
    "softplus": 5,
}
#: The outputs, as in cpu_kernel/outputs.hpp.
OUTPUTS = {"sigmoid": 0, "softmax": 1, "identity": 2}
# As in cpu_kernel/outputs.hpp.
MAX_OUTPUTS = 10
# Up to here the tests go; wider networks are BLAS's.
MAX_FEATURES, MAX_HIDDEN = 256, 512
# Up to so many numbers of W1 they are faster than BLAS, with any instruction set.
MAX_WEIGHTS = 2**15
NOT_MADE = (
    f"expected at most {MAX_FEATURES} features, {MAX_HIDDEN} hidden units and {MAX_OUTPUTS} "
    f"outputs, and an activation of {', '.join(ACTIVATIONS)}"
)


def is_made_for(g1: str, g2: str, shape: tuple[int, int, int]) -> bool:
    """Return whether there are kernels for a network."""
    n0, n1, n2 = shape
    small = n0 <= MAX_FEATURES and n1 <= MAX_HIDDEN and n2 <= MAX_OUTPUTS
    return g1 in ACTIVATIONS and g2 in OUTPUTS and small


def is_faster(g1: str, g2: str, shape: tuple[int, int, int]) -> bool:
    """Return whether they are faster than BLAS, with any instruction set."""
    n0, n1, _ = shape
    return is_made_for(g1, g2, shape) and n0 * n1 <= MAX_WEIGHTS


class CompiledGradient(BlockGradient):
    """Cost and gradients of a block by the compiled kernels, the same bits on every processor.

    Parameters
    ----------
    library : Library
        The kernels.
    g1, g2 : str
        Names of the hidden and output activations.
    shape : tuple of int
        (n0, n1, n2).
    dtype : float32 or float64
        What is computed in.
    """

    name = "compiled"
    arithmetic = 2
    has_step = True
    forward = True

    def __init__(
        self,
        library: Library,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
    ) -> None:
        self._kernels, self._dtype, self._shape = library.kernels(dtype), dtype, shape
        self._functions = ACTIVATIONS[g1], OUTPUTS[g2]
        n0, n1, n2 = shape
        self._shapes = ((n1, n0), (n1, 1), (n2, n1), (n2, 1))
        ends = np.cumsum([0, *(rows * columns for rows, columns in self._shapes)]).tolist()
        self._cuts = [slice(lo, hi) for lo, hi in itertools.pairwise(ends)]
        self._size = ends[-1]
        self._memory_size = self._kernels.memory(*shape, 0)
        self._of_thread = threading.local()

    def partial_sums(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Array, ...]:
        """Return dW1, db1, dW2, db2 and J in one array.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        out = np.empty(self._size + 1, self._dtype)
        self._call(self._kernels.gradient, parameters, X, Y, weights, out)
        out /= float(m)
        return (out,)

    def unpack(self, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return views of it."""
        return (*self._views(sums[0]), sums[0][-1])

    def single_block(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Sequence[Array], Array]:
        """Return the gradients and J.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        *gradients, J = self.unpack(self.partial_sums(parameters, X, Y, m, weights))
        return gradients, J

    def step(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return J, and the parameters after one update: a `descend` of one iteration.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        costs, after = self.descend(parameters, X, Y, m, weights, alpha, 1)
        return costs[0], after

    def descends(self, columns: int) -> bool:
        """Return that it does, with any number of examples."""
        del columns
        return True

    def descend(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
        k: int,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return the costs of k updates and the parameters after them, from one call.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        columns = X.shape[1]
        after, sums = self._flat(parameters), np.empty(self._size + 1, self._dtype)
        costs = np.empty(k, self._dtype)
        memory = np.empty(self._kernels.memory(*self._shape, columns), np.uint8)
        Y = np.require(Y, self._dtype, ["C"])
        self._kernels.descend(
            *self._functions,
            *map(_address, (X, Y, weights)),
            *(columns, *self._shape, float(m), float(alpha), k),
            *map(_address, (after, costs, sums, memory)),
        )
        return costs, self._views(after)

    def cost(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> Array:
        """Return J, bitwise that which comes with the gradients.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        out = np.empty(1, self._dtype)
        self._call(self._kernels.cost, parameters, X, Y, weights, out)
        out /= float(m)
        J: Array = out[0]
        return J

    def outputs(self, parameters: Parameters, X: Array) -> Array:
        """Return Z2 (n2, b): that of an example does not depend on the others.

        X in float32 is read as it is, whatever is computed in.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        out = np.empty((self._shape[2], X.shape[1]), self._dtype)
        self._outputs(parameters, X, None, out)
        return out

    def outputs_and_loss(
        self, parameters: Parameters, X: Array, Y: Array
    ) -> tuple[HostArray, float]:
        """Return `outputs`, and the sum of the losses, which is added up in float64.

        Raises
        ------
        DataError
            If a parameter has another shape.
        """
        out = np.empty(self._shape[2] * X.shape[1] + 1, self._dtype)
        self._outputs(parameters, X, Y, out)
        return out[:-1].reshape(self._shape[2], -1), float(out[-1])

    def _outputs(self, parameters: Parameters, X: Array, Y: Array | None, out: HostArray) -> None:
        kernel = self._kernels.outputs_of_float32
        if not (isinstance(X, np.ndarray) and X.dtype == np.float32 and _by_examples(X)):
            kernel = self._kernels.outputs
            X = np.require(X.T, self._dtype, ["C", "A"]).T
        self._call(kernel, parameters, X, Y, None, out)

    def _call(
        self,
        kernel: Callable[..., None],
        parameters: Parameters,
        X: Array,
        Y: Array | None,
        weights: Array | None,
        out: HostArray,
    ) -> None:
        memory = getattr(self._of_thread, "memory", None)
        if memory is None:
            memory = self._of_thread.memory = np.empty(self._memory_size, np.uint8)
        if Y is not None:
            Y = np.require(Y, self._dtype, ["C"])
        arrays = (X, Y, weights, *self._ready(parameters))  # copies live until the call ends
        kernel(
            *self._functions,
            *map(_address, arrays),
            *(X.shape[1], *self._shape, *map(_address, (out, memory))),
        )

    def _ready(self, parameters: Parameters) -> list[HostArray]:
        """Return the parameters as the kernels read them, by their addresses."""
        for p, shape in zip(parameters, self._shapes, strict=True):
            if p.shape != shape:
                raise DataError(f"parameters: expected the shapes {self._shapes}, got {p.shape}")
        return [
            # To ask takes a fifth of the time of NumPy's function, which one row would feel.
            p
            if isinstance(p, np.ndarray) and p.dtype == self._dtype and p.flags.carray
            else np.require(p, self._dtype, ["C", "A"])
            for p in parameters
        ]

    def _flat(self, parameters: Parameters) -> HostArray:
        return np.concatenate([p.ravel() for p in self._ready(parameters)])

    def _views(self, packed: Array) -> tuple[Array, ...]:
        return tuple(
            packed[cut].reshape(shape) for cut, shape in zip(self._cuts, self._shapes, strict=True)
        )


def _address(array: Array | None) -> int | None:
    """Return where an array of the host begins."""
    return None if array is None else np.asarray(array).ctypes.data


def _by_examples(X: HostArray) -> bool:
    """Return whether a kernel can read X where it is: each example contiguous."""
    return X.flags.f_contiguous and X.flags.aligned
