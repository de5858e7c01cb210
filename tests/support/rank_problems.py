"""Examples that ranks share, and which of them a rank has read."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.data.source import ArraySource

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
