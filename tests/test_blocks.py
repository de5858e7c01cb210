"""The block grid, and the sum whose bits do not depend on the order of arrival."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gdnet._typing import HostArray
from gdnet.blocks import BlockGrid, TreeSum
from gdnet.errors import DataError


@pytest.mark.parametrize(("m", "columns"), [(1, 1), (10, 3), (9, 3), (5, 100), (7, 7)])
def test_blocks_cover_every_column_once(m: int, columns: int) -> None:
    grid = BlockGrid(m, columns)
    covered = list(itertools.chain(*(range(*grid.bounds(i)) for i in range(len(grid)))))
    assert covered == list(range(m))


@pytest.mark.parametrize(("m", "columns"), [(0, 5), (5, 0), (5, -1)])
def test_empty_grids_are_refused(m: int, columns: int) -> None:
    with pytest.raises(DataError, match="at least 1 example"):
        BlockGrid(m, columns)


def described(count: int, order: list[int]) -> str:
    """Return the additions that were made, as a formula."""
    total: TreeSum[Any] = TreeSum(count)
    for i in order:
        total.add(i, (_Term(str(i)),))
    return str(total.total()[0])


class _Term:
    def __init__(self, formula: str) -> None:
        self.formula = formula

    def __iadd__(self, other: _Term) -> _Term:
        return _Term(f"({self.formula}+{other.formula})")

    def __str__(self) -> str:
        return self.formula


def test_the_tree_adds_neighbours_and_moves_a_lone_last_one_up() -> None:
    assert described(1, [0]) == "0"
    assert described(4, [0, 1, 2, 3]) == "((0+1)+(2+3))"
    assert described(5, [0, 1, 2, 3, 4]) == "(((0+1)+(2+3))+4)"
    assert described(7, list(range(7))) == "(((0+1)+(2+3))+((4+5)+6))"


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_every_order_of_arrival_gives_the_same_tree(count: int) -> None:
    formulas = {described(count, list(order)) for order in itertools.permutations(range(count))}
    assert len(formulas) == 1


def test_threads_give_the_same_bits() -> None:
    count = 301
    values = np.random.RandomState(0).randn(count, 50).astype(np.float32)

    def summed(threads: int) -> bytes:
        total: TreeSum[HostArray] = TreeSum(count)
        order = list(range(count))
        random.Random(threads).shuffle(order)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda i: total.add(i, (values[i].copy(),)), order))
        return total.total()[0].tobytes()

    assert len({summed(threads) for threads in (1, 2, 3, 8)}) == 1


def test_few_partial_sums_are_alive_at_a_time() -> None:
    total = TreeSum(1000)
    for i in range(1000):
        total.add(i, (np.zeros(1),))
        assert len(total._waiting) <= 10


def test_a_total_of_too_few_blocks_is_an_error() -> None:
    total = TreeSum(2)
    total.add(1, (np.ones(1),))
    with pytest.raises(RuntimeError, match="not been added"):
        total.total()
