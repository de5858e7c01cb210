"""A backend on array-api-strict arrays of a second, made-up device.

It finds on any machine what would only fail on a GPU: NumPy functions on device arrays, arrays
made on the wrong device, implicit conversion, and names or keywords outside the standard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import array_api_strict
import numpy as np
import numpy.typing as npt

from gdnet.backends import Backend, Block, Grid, Memory

# What NumPy's and CuPy's arrays (PyTorch's and JAX's, too) have beyond the standard and gdnet uses.
array_api_strict._array_object.Array.sum = array_api_strict.sum

HOST = array_api_strict.Device("CPU_DEVICE")
DEVICE = array_api_strict.Device("device1")


class _WithOut:
    """The standard, and the one thing beyond it that NumPy and CuPy share and gdnet uses."""

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_strict, name)

    @staticmethod
    def subtract(a: Any, b: Any, *, out: Any) -> Any:
        out[...] = a - b
        return out


class StrictBackend(Backend):
    name = "strict"
    xp: Any = _WithOut()
    asynchronous = True

    def asarray(self, a: Any, dtype: npt.DTypeLike | None = None) -> Any:
        if not isinstance(a, (np.ndarray, np.generic, list, int, float)):
            assert a.device == DEVICE
            return a if dtype is None else array_api_strict.astype(a, self._dtype(dtype))
        return array_api_strict.asarray(np.array(a, dtype), device=DEVICE)

    def to_numpy(self, a: Any) -> np.ndarray[Any, Any]:
        return np.array(a.to_device(HOST))

    @contextmanager
    def activate(self) -> Iterator[None]:
        yield

    def synchronize(self) -> None:
        pass

    def memory(self) -> Memory:
        return Memory(None, None, None)

    def peak_memory(self, work: Callable[[], object]) -> int | None:
        work()
        return None

    def describe(self) -> str:
        return f"array-api-strict {array_api_strict.__version__}"

    def block_columns(self, m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
        del m, n0, itemsize
        return max(2**18 // max(n1, n2), 512)

    def loader(
        self,
        read: Callable[[int, int], Block],
        grid: Grid,
        dtype: npt.DTypeLike,
        shape: tuple[int, int, int],
        *,
        on_device: bool = False,
    ) -> Callable[[int], Block]:
        def place(i: int) -> Block:
            X, labels, weights = read(*grid.bounds(i))
            return Block(
                self.asarray(X, dtype),
                self.asarray(labels),
                None if weights is None else self.asarray(weights, dtype),
            )

        blocks = [place(i) for i in range(len(grid))]
        return blocks.__getitem__

    def run(self, task: Callable[[int], None], count: int) -> None:
        for i in reversed(range(count)):  # any order will do
            task(i)

    @staticmethod
    def _dtype(dtype: npt.DTypeLike) -> Any:
        return getattr(array_api_strict, np.dtype(dtype).name)
