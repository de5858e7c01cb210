"""Blocks on the CPU: views of what is read, where the equations can compute with it as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .blocks import Block, Grid, ReadBlock


def loader(read: ReadBlock, grid: Grid, dtype: npt.DTypeLike) -> Callable[[int], Block]:
    """Return a function that gives block i, in place where it fits, or else in the thread's buffer.

    The same product may round differently for operands in C and in F order, so every block comes
    in one layout, whatever the layout of the data.
    """
    buffers = threading.local()

    def load(i: int) -> Block:
        X, labels, weights = read(*grid.bounds(i))
        # NumPy copies an operand that is not aligned, to another layout than this.
        if not (X.flags.f_contiguous and X.flags.aligned) or X.dtype != dtype:
            buffer = getattr(buffers, "X", None)
            if buffer is None or buffer.shape[1] < X.shape[1]:
                buffer = buffers.X = np.empty(X.shape, dtype, order="F")
            np.copyto(buffer[:, : X.shape[1]], X, casting="same_kind")
            X = buffer[:, : X.shape[1]]
        if weights is not None:
            weights = np.ascontiguousarray(weights, dtype)
        return Block(X, np.ascontiguousarray(labels), weights)

    return load
