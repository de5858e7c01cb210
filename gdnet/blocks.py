"""The block grid over the examples, and the sum over blocks that has the same bits in any schedule.

Floating-point addition is not associative, so the order of additions decides the last bits of a
gradient. Here it is a binary tree over the block indices that depends on nothing but their number:
neighbours 2k and 2k + 1 are added first, then neighbouring pairs, and so on; a last one without a
neighbour moves up as it is. Any number of threads may deliver the blocks in any order.
"""

from __future__ import annotations

import operator
import threading
from typing import Generic

from gdnet._typing import SomeArray
from gdnet.errors import DataError


class BlockGrid:
    """The columns 0 ... m - 1 cut into blocks of equal width; the last may be narrower.

    Parameters
    ----------
    m : int
        Number of examples, at least 1.
    columns : int
        Width of a block, at least 1.

    Raises
    ------
    DataError
        If one of them is below 1.
    """

    def __init__(self, m: int, columns: int) -> None:
        if m < 1:
            raise DataError("expected at least 1 example, got 0")
        if columns < 1:
            raise DataError(f"expected a block size of at least 1 example, got {columns}")
        self.m = m
        self.columns = min(columns, m)

    def __len__(self) -> int:
        """Return the number of blocks."""
        return -(-self.m // self.columns)

    def bounds(self, i: int) -> tuple[int, int]:
        """Return where block i begins and where it ends (exclusive)."""
        lo = i * self.columns
        return lo, min(lo + self.columns, self.m)


class TreeSum(Generic[SomeArray]):
    """The sum of one tuple of arrays a block, added in the fixed tree as the blocks arrive.

    About log2(count) partial sums a thread are alive at a time. A tuple that was handed over is
    written to.

    Parameters
    ----------
    count : int
        Number of blocks.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: dict[tuple[int, int], tuple[SomeArray, ...]] = {}
        self._lock = threading.Lock()

    def add(self, i: int, value: tuple[SomeArray, ...], level: int = 0) -> None:
        """Add what block i contributes; each block once, from any thread, in any order.

        At another level i is the index of a node there, and the value the sum of its blocks.
        """
        nodes = -(-self._count >> level)
        while nodes > 1:
            if i % 2 or i + 1 < nodes:  # it has a neighbour
                with self._lock:
                    neighbour = self._waiting.pop((level, i ^ 1), None)
                    if neighbour is None:
                        self._waiting[level, i] = value
                        return
                left, right = (neighbour, value) if i % 2 else (value, neighbour)
                value = tuple(map(operator.iadd, left, right))
            level, i, nodes = level + 1, i // 2, (nodes + 1) // 2
        self._waiting[level, 0] = value

    def nodes(self) -> dict[tuple[int, int], tuple[SomeArray, ...]]:
        """Return the sums of what was added, by level and index: the whole or parts of the tree."""
        return self._waiting

    def total(self) -> tuple[SomeArray, ...]:
        """Return the sum of all blocks.

        Returns
        -------
        tuple of arrays
            One for each array of a block.

        Raises
        ------
        RuntimeError
            If a block has not been added.
        """
        root = (self._count - 1).bit_length(), 0
        if root not in self._waiting:
            raise RuntimeError("some blocks have not been added")
        return self._waiting[root]
