"""Counting scores by their leading bits with the compiled kernels of the CPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .cpu_library import COUNT, POINTER, REAL, find_library


@functools.cache
def score_counter(dtype: np.dtype[Any]) -> Callable[..., None] | None:
    """Return the function that counts scores of a type, if there is one.

    Parameters
    ----------
    dtype : dtype
        The type of the scores.

    Returns
    -------
    callable ``(scores, positive, ranks, counts)``, or None
        Adds scores (b,), of which `positive` (b,) says which are positive, to counts in uint32 or
        uint64. The four numbers of `ranks` are those of scores.hpp. None for a type other than
        float32 and float64, and where there are no kernels.
    """
    library = find_library()
    if isinstance(library, str) or dtype.name not in REAL or not dtype.isnative:
        return None
    arguments = [POINTER, POINTER, COUNT, POINTER, POINTER]
    kernels = {
        counted_as: library.function(f"count_{counted_as}", dtype, arguments)
        for counted_as in ("uint32", "uint64")
    }

    def count(scores: Any, positive: Any, ranks: tuple[int, int, int, int], counts: Any) -> None:
        scores, positive = np.ascontiguousarray(scores), np.ascontiguousarray(positive)
        in_memory = np.array(ranks, np.int32)
        kernels[counts.dtype.name](
            scores.ctypes.data,
            positive.ctypes.data,
            len(scores),
            in_memory.ctypes.data,
            counts.ctypes.data,
        )

    return count
