"""Examples that ranks share, which of them a rank has read, and descents on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.backends import get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks
from tests.standins.fake_mpi import FakeComm

SHAPE = (5, 7, 3)


M = 1000


class Source(ArraySource):
    """Counts what is read, and may fail."""

    def __init__(self, *arrays: Any, fails_after: int | None = None) -> None:
        super().__init__(*arrays)
        self.read_blocks: set[int] = set()
        self._left = fails_after

    def read(self, lo: int, hi: int) -> Any:
        if hi - lo < M:  # and not to compare the data of the ranks
            self.read_blocks.add(lo)
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise OSError(5, "Input/output error", "X.npy")
        return super().read(lo, hi)


def source(fails_after: int | None = None) -> Source:
    random = np.random.RandomState(0)
    X = random.randn(SHAPE[0], M)
    return Source(X, (random.uniform(size=(3, M)) < 0.5).astype(np.uint8), fails_after=fails_after)


def full_batch(
    ranks: Any = None, *, of: Source | None = None, block: int = 64, **how: Any
) -> FullBatch:
    engine, threads = how.pop("engine", "auto"), how.pop("threads", 1)
    settings: dict[str, Any] = {"dtype": "float64", "l2": 0.1, **how}
    backend = get_backend("cpu", threads=threads, engine=engine)
    return FullBatch(
        of or source(), backend, n1=SHAPE[1], block_columns=block, comm=ranks, **settings
    )


def run(comm: FakeComm | None = None, *, iterations: int = 12, **how: Any) -> Any:
    settings = how.pop("settings", {"learning_rate": 0.5})
    ranks = None if comm is None else Ranks(comm)
    objective = full_batch(ranks, **how)
    start = initialise(*SHAPE, random_state=1, dtype=objective.dtype)
    return descend(objective, start, iterations=iterations, **settings)


def assert_same(one: Any, other: Any) -> None:
    for a, b in zip(one.parameters, other.parameters, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.costs, other.costs)
    assert one.final_cost == other.final_cost
