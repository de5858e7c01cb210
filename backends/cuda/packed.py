"""Gradients and cost in one array, and the parameters in another: updated by one kernel."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, Namespace
from gdnet.backends.block_gradient import BlockGradient
from gdnet.backends.cuda.sources import ceil_div, kernels, options

if TYPE_CHECKING:
    from gdnet.parameters import Parameters

# Of common.cuh: each parameter begins at a multiple of so many numbers. cuBLAS may choose kernels
# by the alignment of what it is given, and a run that resumes from a checkpoint, each parameter in
# memory of its own, must have the bits of one that was not interrupted.
ALIGNMENT = 4

# Of packed.cu.
THREADS = 256
COLUMNS, ROWS = 32, 32


class PackedGradient(BlockGradient):
    """What the other kernels have in common: dW1, db1, dW2, db2 and J lie in one array.

    The parameters that a step makes lie in one array, too, each aligned.

    Parameters
    ----------
    cupy : module
        CuPy.
    shape : tuple of int
        (n0, n1, n2).
    dtype : float32 or float64
        The dtype of every array.
    """

    has_step = True
    arithmetic = 2

    def __init__(
        self,
        cupy: ModuleType,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> None:
        self._xp: Namespace = cupy
        self._shape, self._dtype = shape, np.dtype(dtype)
        n0, n1, n2 = shape
        self._shapes = ((n1, n0), (n1, 1), (n2, n1), (n2, 1))
        sizes = [rows * columns for rows, columns in self._shapes]
        self._size = sum(sizes)
        self._slices = _slices(sizes, sizes)
        room = [ALIGNMENT * ceil_div(size, ALIGNMENT) for size in sizes]
        self._aligned_size = sum(room)
        self._aligned = _slices(sizes, room)
        self._packed_kernels = kernels(cupy, "packed.cu", options(dtype))

    def views(self, packed: Array, *, aligned: bool = False) -> tuple[Array, ...]:
        """Return dW1, db1, dW2, db2 that lie in one array, or the parameters, aligned."""
        parts = self._aligned if aligned else self._slices
        return tuple(
            packed[part].reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)
        )

    def unpack(self, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return the five arrays that lie in the one."""
        (packed,) = sums
        return (*self.views(packed), packed[-1])

    def single_block(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Sequence[Array], Array]:
        """Return the four gradients, and J."""
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
        """Return J and the parameters after an update that is one kernel."""
        (packed,) = self.partial_sums(parameters, X, Y, m, weights)
        return packed[-1], self.views(self._updated(parameters, packed, alpha), aligned=True)

    def _updated(self, parameters: Parameters, packed: Array, alpha: Array) -> Array:
        n0, n1, n2 = self._shape
        updated = self._xp.empty(self._aligned_size, self._dtype)
        sizes = map(np.int64, (n1 * n0, n1, n2 * n1, self._size))
        grid = (ceil_div(self._size, THREADS),)
        self._packed_kernels.update(grid, (THREADS,), (*parameters, packed, alpha, *sizes, updated))
        return updated

    def _sum_of(self, parts: Array, m: Array) -> Array:
        """Return the sum of the rows of `parts`, divided by m."""
        rows, size = parts.shape
        packed = self._xp.empty(size, self._dtype)
        self._packed_kernels.sum_parts(
            (ceil_div(size, COLUMNS),),
            (COLUMNS, ROWS),
            (parts, m, np.int32(rows), np.int32(size), packed),
        )
        return packed


def _slices(sizes: list[int], room: list[int]) -> list[slice]:
    """Return where arrays of some sizes lie, each of which has some room."""
    starts = np.cumsum([0, *room[:-1]]).tolist()
    return [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]
