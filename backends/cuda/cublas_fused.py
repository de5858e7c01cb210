"""The gradient of a block with cuBLAS and few passes over memory between its products.

The reference makes CuPy launch a kernel for each operator, and most of them read and write an array
(n1, block). Here all that lies between two matrix products is one kernel, of cublas_fused.cu.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array
from gdnet.backends.cuda.packed import PackedGradient
from gdnet.backends.cuda.sources import G1, G2, ceil_div, kernels, options, or_null

if TYPE_CHECKING:
    from gdnet.parameters import Parameters

# Of cublas_fused.cu.
THREADS = 256
SEGMENT = 4096
COLUMNS = 32
MAX_ROWS = 8


def why_not_cublas_fused(g1: str, g2: str) -> str | None:
    """Return what there are no kernels for, in a few words; every shape and dtype will do."""
    if g2 not in G2:
        return f"an output of {', '.join(G2)}, got {g2}"
    return None if g1 in G1 else f"an activation of {', '.join(G1)}, got {g1}"


class CublasFusedGradient(PackedGradient):
    """As the reference, but for rounding: sums are added in another order, and dZ2 is divided by m.

    Parameters
    ----------
    cupy : module
        CuPy.
    g1, g2 : str
        Names of the hidden and output activations.
    shape : tuple of int
        (n0, n1, n2).
    dtype : float32 or float64
        The dtype of every array.
    """

    name = "cublas_fused"

    def __init__(
        self,
        cupy: ModuleType,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__(cupy, shape, dtype)
        self._g1, self._g2 = np.int32(G1[g1]), np.int32(G2[g2])
        self._kernels = kernels(cupy, "cublas_fused.cu", options(dtype))

    def partial_sums(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Array, ...]:
        """Return dW1, db1, dW2, db2 and J in one array."""
        W1, b1, W2, b2 = parameters
        packed = self._xp.empty(self._size + 1, self._dtype)
        dW1, _, dW2, _ = self.views(packed)
        Z1 = self._xp.matmul(W1, X)
        if self._shape[2] == 1:
            dZ2, L = self._one_output(Z1, b1, W2, b2, Y, weights, m)
            dZ1 = self._backward(Z1, None, W2, dZ2, L, packed)
        else:
            self._hidden(Z1, b1)
            dZ2 = self._xp.matmul(W2, Z1)
            L = self._outputs(dZ2, b2, Y, weights, m)
            self._xp.matmul(dZ2, Z1.T, out=dW2)
            dZ1 = self._backward(Z1, self._xp.matmul(W2.T, dZ2), W2, dZ2, L, packed)
        self._xp.matmul(dZ1, X.T, out=dW1)
        return (packed,)

    def _one_output(
        self,
        Z1: Array,
        b1: Array,
        W2: Array,
        b2: Array,
        Y: Array,
        weights: Array | None,
        m: Array,
    ) -> tuple[Array, Array]:
        """Return dZ2 and the losses; Z1 becomes A1."""
        n1, columns = Z1.shape
        rows = self._xp.empty((2, columns), self._dtype)
        dZ2, L = rows[:1], rows[1:]
        sizes = np.int32(n1), np.int64(columns)
        self._kernels.hidden_and_output(
            (ceil_div(columns, COLUMNS),),
            (COLUMNS, min(MAX_ROWS, n1)),
            (Z1, b1, W2, b2, Y, or_null(weights), m, self._g1, self._g2, *sizes, dZ2, L),
        )
        return dZ2, L

    def _hidden(self, Z1: Array, b1: Array) -> None:
        """Make A1 of Z1."""
        n1, columns = Z1.shape
        segments = ceil_div(columns, SEGMENT)
        arguments = Z1, b1, self._g1, np.int32(segments), np.int64(columns)
        self._kernels.hidden((n1 * segments,), (THREADS,), arguments)

    def _outputs(self, Z2: Array, b2: Array, Y: Array, weights: Array | None, m: Array) -> Array:
        """Return the losses; Z2 becomes dZ2."""
        n2, columns = Z2.shape
        L = self._xp.empty((1, columns), self._dtype)
        self._kernels.output(
            (ceil_div(columns, THREADS),),
            (THREADS,),
            (Z2, b2, Y, or_null(weights), m, self._g2, np.int32(n2), np.int64(columns), L),
        )
        return L

    def _backward(
        self, A1: Array, dA1: Array | None, W2: Array, dZ2: Array, L: Array, packed: Array
    ) -> Array:
        """Return dZ1, made in place, and write the sums over examples to `packed`."""
        n0, n1, n2 = self._shape
        columns = A1.shape[1]
        segments = ceil_div(columns, SEGMENT)
        one = dA1 is None
        sums = n1 + n2 + 1 + n1 * one
        parts = self._xp.empty((sums, segments), self._dtype)
        sizes = np.int32(n1), np.int32(n2), np.int32(segments), np.int64(columns)
        self._kernels.backward(
            ((n1 + n2 + 1) * segments,),
            (THREADS,),
            (A1, or_null(dA1), W2, dZ2, L, self._g1, *sizes, parts),
        )
        gap = np.int64(0 if one else n2 * n1)
        self._kernels.finish(
            (sums,),
            (128,),
            (parts, np.int32(segments), np.int64(n1 * n0), np.int32(n1), gap, packed),
        )
        return A1 if dA1 is None else dA1
