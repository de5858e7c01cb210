"""Calling the functions of the compiled library of the CPU on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.backends.cpu_library import Library, find_library

Numbers = np.ndarray[Any, Any]

found = find_library()


def call(name: str, x: Numbers) -> Numbers:
    """Apply a function of the library; the numbers are filled up to whole vectors."""
    import ctypes

    assert isinstance(found, Library)
    pointer = ctypes.c_void_p
    function = found.function(name, x.dtype, [pointer, pointer, ctypes.c_int64])
    lanes = 64 // x.itemsize
    padded = np.concatenate([x, np.zeros(-len(x) % lanes, x.dtype)])
    y = np.empty_like(padded)
    function(padded.ctypes.data, y.ctypes.data, len(padded) // lanes)
    return y[: len(x)]
