"""Mean and squared deviations of features: one pass, part by part, on any number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Floats, HostArray
from gdnet.data.rows import CHECKED_AT_A_TIME, RowReader
from gdnet.phases import Done, unseen
from gdnet.ranks.communicator import Ranks

#: Calls a task for each of ``range(count)``, as `gdnet.backends.Backend.run` does.
Run = Callable[[Callable[[int], None], int], None]

# After so many parts ranks hear of each other.
PARTS_AT_A_TIME = 16
# So many numbers in float64 stay in a core's own cache.
NUMBERS_A_PIECE = 2**16


def one_by_one(task: Callable[[int], None], count: int) -> None:
    """Call ``task(i)`` for each i in order."""
    for i in range(count):
        task(i)


class Moments(NamedTuple):
    """What is known of some rows, feature by feature.

    Attributes
    ----------
    rows : int
        How many rows.
    mean : array of shape (n0,)
        Their mean.
    squares : array of shape (n0,)
        The sum of their squared deviations from it.
    varies : bool array of shape (n0,)
        Whether any differs from the first row of all.
    """

    rows: int
    mean: Floats
    squares: Floats
    varies: npt.NDArray[np.bool_]

    def and_of(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        Two groups are combined as by Chan, Golub and LeVeque (1979): no cancellation.
        """
        delta = other.mean - self.mean
        total = self.rows + other.rows
        squares = self.squares + other.squares
        squares += delta**2 * (self.rows * other.rows / total)
        mean = self.mean + delta * (other.rows / total)
        return Moments(total, mean, squares, self.varies | other.varies)


def moments(
    rows: RowReader,
    dtype: npt.DTypeLike,
    run: Run = one_by_one,
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> Moments:
    """Measure all rows (m, n0), rounded to a dtype, in float64.

    Parts of the rows are measured on their own and combined in their order, so the result is
    bitwise identical for any number of threads, and of ranks, each of which measures some of them.
    """
    height = part_height(rows)
    count = -(-len(rows) // height)

    def first_and_mean() -> tuple[HostArray, Floats]:
        part = rows[:height].astype(dtype, copy=False)
        return part[:1].copy(), _mean(part, np.zeros(rows.shape[1]))

    # Measured from there, so that large numbers that differ little keep their digits.
    first, origin = (
        first_and_mean() if ranks is None else ranks.of_first(first_and_mean, "the first rows")
    )
    zeros = np.zeros(rows.shape[1])
    total = Moments(0, zeros, zeros, np.zeros(rows.shape[1], np.bool_))

    def combine(found: Moments) -> None:
        nonlocal total
        total = total.and_of(found)

    def measured(i: int) -> Moments:
        part = rows[i * height : (i + 1) * height].astype(dtype, copy=False)
        found = _of_part(part, origin, first)
        done(len(part))
        return found

    if ranks is None:
        _in_order(measured, range(count), run, combine)
    else:
        own: list[Moments] = []
        ranks.share(
            lambda some: _in_order(measured, some, run, own.append),
            count,
            PARTS_AT_A_TIME,
            "the measuring of the rows",
        )
        for found in ranks.gathered(lambda: own):
            combine(found)
    return total._replace(mean=total.mean + origin)


def _in_order(
    measured: Callable[[int], Moments],
    which: range,
    run: Run,
    take: Callable[[Moments], object],
) -> None:
    """Hand over what is measured of each part in their order, whatever that of the threads."""
    waiting: dict[int, Moments] = {}
    lock = threading.Lock()
    taken = 0

    def task(k: int) -> None:
        nonlocal taken
        found = measured(which[k])
        with lock:
            waiting[k] = found
            while taken in waiting:
                take(waiting.pop(taken))
                taken += 1

    run(task, len(which))


def part_height(rows: RowReader) -> int:
    """Return how many rows a part has."""
    return max(1, CHECKED_AT_A_TIME // rows.shape[1])


def pieces(part: HostArray) -> Iterator[HostArray]:
    """Yield views of the rows of a part, a few at a time."""
    height = max(1, NUMBERS_A_PIECE // part.shape[1])
    if part.shape[1] == 1:  # NumPy adds a single column in pairs
        height = len(part)
    for lo in range(0, len(part), height):
        yield part[lo : lo + height]


def _of_part(part: HostArray, origin: Floats, first: HostArray) -> Moments:
    varies = np.zeros(part.shape[1], np.bool_)
    for piece in pieces(part):
        if varies.all():
            break
        varies |= (piece != first).any(axis=0)
    mean = _mean(part, origin)
    squares = _sum(part, lambda piece: (piece - origin - mean) ** 2)
    return Moments(len(part), mean, squares, varies)


def _mean(part: HostArray, origin: Floats) -> Floats:
    mean: Floats = _sum(part, lambda piece: piece - origin) / len(part)
    return mean


def _sum(part: HostArray, of: Callable[[HostArray], Floats]) -> Floats:
    """Return the sum over rows of a function of them in float64, row by row from the first."""
    total: Floats | None = None
    for piece in pieces(part):
        values = of(piece)
        if total is not None:
            values[0] += total
        total = np.add.reduce(values, axis=0)
    assert total is not None
    return total
