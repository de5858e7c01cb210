"""What the tests of the CUDA backend share: a made-up device, and blocks on the host."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Block
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.memory import WORK_ARRAYS
from gdnet.backends.cuda.staging import Layout
from gdnet.blocks import BlockGrid
from tests.standins.fake_cupy import make_fake_cupy

N0, N1, COLUMNS, COUNT = 5, 16, 512, 12
SHAPE = (N0, N1, 1)
GRID = BlockGrid(COLUMNS * COUNT - 100, COLUMNS)


def on_fake(
    monkeypatch: pytest.MonkeyPatch, index: int = 0, *, engine: str = "auto", **settings: Any
) -> CudaBackend:
    """Return the backend on a new stand-in, which has done nothing yet."""
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(**settings))
    backend = CudaBackend(index, engine=engine)
    backend.xp.get_default_memory_pool().free_all_blocks()
    backend.xp.trace.clear()
    return backend


class Host:
    """Examples of random numbers on the host, and which have been read."""

    def __init__(
        self, *, dtype: Any = np.float32, order: Any = "F", weights: bool = False, rows: int = 1
    ) -> None:
        rng = np.random.default_rng(7)
        m = GRID.m
        self.X = np.asarray(rng.standard_normal((N0, m)) * 9, dtype, order=order)
        self.labels = rng.integers(0, 3, (rows, m)).astype(np.int8)
        self.weights = rng.random((1, m)) if weights else None
        for array in (self.X, self.labels):
            array.flags.writeable = False
        self.reads: list[tuple[int, int]] = []

    def read(self, lo: int, hi: int) -> Block[Any]:
        self.reads.append((lo, hi))
        weights = None if self.weights is None else self.weights[:, lo:hi]
        return Block(self.X[:, lo:hi], self.labels[:, lo:hi], weights)

    def block(self, i: int) -> Block[Any]:
        """Return block i as it is on the host."""
        lo, hi = GRID.bounds(i)
        weights = None if self.weights is None else self.weights[:, lo:hi]
        return Block(self.X[:, lo:hi], self.labels[:, lo:hi], weights)


BLOCK_BYTES = Layout(N0, np.dtype("f4"), 1, np.dtype("i1"), False).nbytes(COLUMNS)


def memory_for(blocks: int) -> int:
    """Return a device's memory that has room for some blocks, beside what is computed with them."""
    data = blocks * BLOCK_BYTES + WORK_ARRAYS * N1 * COLUMNS * 4
    # 10 % of it is spare, rounded down; the last byte makes up for the rounding.
    return data * 10 // 9 + 1


def one_pass(backend: CudaBackend, load: Callable[[int], Block]) -> list[Any]:
    """Return a sum over X @ X' and the labels of each block, on the host."""
    xp, results = backend.xp, []

    def task(i: int) -> None:
        X, labels, _ = load(i)
        results.append(backend.to_numpy(X @ X.T + xp.sum(labels)))

    with backend.activate():
        backend.run(task, len(GRID))
    return results


def copied_blocks(backend: CudaBackend) -> float:
    """Return how many blocks' worth of numbers went to the device since the trace was cleared."""
    example = N0 * 4 + 1
    return float(backend.xp.trace.bytes_to_device / (COLUMNS * example))
