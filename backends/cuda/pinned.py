"""Copies of small arrays to the host: queued together, into pinned memory that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from gdnet._typing import Array, HostArray


class PinnedCopies:
    """Memory of the host that grows with what is copied to it.

    Parameters
    ----------
    cupy : module
        Whose arrays.
    """

    def __init__(self, cupy: ModuleType) -> None:
        self._cupy = cupy
        self._bytes = np.empty(0, np.uint8)

    def gathered(self, arrays: Sequence[Array]) -> HostArray:
        """Return the numbers of arrays of one dtype, in C order; the next call overwrites them."""
        cuda, dtype = self._cupy.cuda, arrays[0].dtype
        sizes = [int(array.size) for array in arrays]
        nbytes = sum(sizes) * dtype.itemsize
        if len(self._bytes) < nbytes:
            pinned = cuda.PinnedMemoryPointer(cuda.PinnedMemory(nbytes), 0)
            self._bytes = np.ndarray((nbytes,), np.uint8, buffer=pinned)
        found: HostArray = self._bytes[:nbytes].view(dtype)
        at = 0
        for array, size in zip(arrays, sizes, strict=True):
            out = found[at : at + size].reshape(array.shape)
            self._cupy.asnumpy(array, out=out, blocking=False)
            at += size
        cuda.get_current_stream().synchronize()
        return found
