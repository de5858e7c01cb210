"""Gradients, cost and parameters in one array each, which is added up and updated by one kernel."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import BlockGradient
from .cuda_kernels import ceil_div, kernels, options

# Of flat.cu.
THREADS = 256
COLUMNS, ROWS = 32, 8


class FlatGradient(BlockGradient):
    """What the lean and the fused gradient have in common: dW1, db1, dW2, db2, J in one array.

    Parameters
    ----------
    reference : callable
        See `BlockGradient`.
    cupy : module
        CuPy.
    shape, dtype
        As for `Backend.block_gradient`.
    """

    steps = True

    def __init__(
        self,
        reference: Callable[..., Any],
        cupy: ModuleType,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__(reference)
        self._xp, self._shape, self._dtype = cupy, shape, np.dtype(dtype)
        n0, n1, n2 = shape
        self._shapes = ((n1, n0), (n1, 1), (n2, n1), (n2, 1))
        sizes = [rows * columns for rows, columns in self._shapes]
        ends = np.cumsum(sizes).tolist()
        self._slices = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        self._size = ends[-1]  # of all parameters
        self._flat_kernels = kernels(cupy, "flat.cu", options(dtype))

    def views(self, flat: Any) -> tuple[Any, ...]:
        """Return W1, b1, W2, b2, or their gradients, that lie in one array."""
        return tuple(
            flat[part].reshape(shape)
            for part, shape in zip(self._slices, self._shapes, strict=True)
        )

    def split(self, sums: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the five arrays that lie in the one."""
        (flat,) = sums
        return (*self.views(flat), flat[-1])

    def whole(self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any) -> tuple[Any, Any]:
        """Return the four gradients, and J."""
        *gradients, J = self.split(self.sums(parameters, X, Y, m, weights))
        return gradients, J

    def step(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any, alpha: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return J and the parameters after an update that is one kernel."""
        (flat,) = self.sums(parameters, X, Y, m, weights)
        return flat[-1], self.views(self._updated(parameters, flat, alpha))

    def _updated(self, parameters: Any, flat: Any, alpha: Any) -> Any:
        n0, n1, n2 = self._shape
        updated = self._xp.empty(self._size, self._dtype)
        sizes = map(np.int64, (n1 * n0, n1, n2 * n1, self._size))
        grid = (ceil_div(self._size, THREADS),)
        self._flat_kernels.update(grid, (THREADS,), (*parameters, flat, alpha, *sizes, updated))
        return updated

    def _sum_of(self, parts: Any, m: Any) -> Any:
        """Return the sum of the rows of `parts`, divided by m."""
        rows, size = parts.shape
        flat = self._xp.empty(size, self._dtype)
        self._flat_kernels.sum_parts(
            (ceil_div(size, COLUMNS),),
            (COLUMNS, ROWS),
            (parts, m, np.int32(rows), np.int32(size), flat),
        )
        return flat
