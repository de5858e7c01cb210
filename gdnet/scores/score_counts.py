"""The area under the ROC curve of any number of scores, in memory that does not grow with them.

Up to `MAX_EXACT` scores are kept, and the area is exact. More are counted by their leading bits,
and scores of one count are taken for ties: a pair of a positive and a negative example among them
contributes 1/2, where its true contribution is 0, 1/2 or 1. The area is therefore off by at most
half the fraction of such pairs, which the counts give.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.backends.cpu_scores import score_counter
from gdnet.scores.metrics import roc_auc
from gdnet.scores.shared_counts import SharedCounts

Scores = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.unsignedinteger[Any]]

# Of so many examples every score is kept.
MAX_EXACT = 2**20
# A count is of scores with the same sign, the same power of two and the same first bits after the
# leading one: they differ by less than 1 part in 2**14. Beyond the powers of two from -32 to 31 all
# are taken together; a logit is rarely there.
MANTISSA_BITS = 14
EXPONENT_BITS = 6
OF_ONE_SIGN = 2 ** (EXPONENT_BITS + MANTISSA_BITS)
# Of a float32, as which a score is looked at.
_FLOAT32_MANTISSA_BITS = 23
_MIN_BITS = (127 - 2 ** (EXPONENT_BITS - 1)) << _FLOAT32_MANTISSA_BITS
_MAX_BITS = _MIN_BITS + (2**EXPONENT_BITS << _FLOAT32_MANTISSA_BITS) - 1
_DROPPED_BITS = _FLOAT32_MANTISSA_BITS - MANTISSA_BITS
MAX_UINT32 = 2**32 - 1
# So many are added up at a time, in little memory.
RANKS_AT_A_TIME = 2**15
# The sum of products of counts is computed in int64 below this.
_MAX_INT64 = 2**62


class Area(NamedTuple):
    """An area under the ROC curve.

    Attributes
    ----------
    value : float or None
        The area; None without examples of both kinds.
    error : float
        By how much it may be off at most.
    """

    value: float | None
    error: float


class ScoreCounts(SharedCounts):
    """Scores of examples of two classes, added from any number of threads in any order.

    The area is bitwise identical for any order and any grouping: it is computed from the scores
    themselves or from whole numbers, and which of the two depends on the number of examples alone.

    Parameters
    ----------
    examples : int, default 0
        How many will be added in all, if that is known: of more than `MAX_EXACT` none is kept.
    share : int, default 1
        So many share the memory of one: fewer scores are kept, and they are counted by fewer bits.
    """

    def __init__(self, examples: int = 0, share: int = 1) -> None:
        super().__init__()
        self._most_exact = MAX_EXACT // share
        self._dropped_bits = (share - 1).bit_length()
        self._examples = 0
        self._kept: list[tuple[Scores, Bools]] = []
        self._counts: Counts | None = None
        if examples > self._most_exact:
            self._room()

    def add(self, scores: Scores, positive: Bools) -> None:
        """Add examples.

        Parameters
        ----------
        scores : array of shape (b,)
            Higher means more likely positive; kept as it is.
        positive : bool array of shape (b,)
            Which examples are positive.
        """
        with self._lock:
            self._examples += len(scores)
            if self._counts is None:
                self._kept.append((scores, positive))
                if self._examples > self._most_exact:
                    self._count_what_is_kept()
                return
        count = _counting(scores, positive, self._dropped_bits)
        with self._lock:
            count(self._room())

    def merge(self, other: ScoreCounts) -> None:
        """Add all examples that another has."""
        with self._lock:
            self._examples += other._examples
            self._kept += other._kept
            if other._counts is not None:
                counts = self._room()
                counts += other._counts.astype(counts.dtype, copy=False)
            if self._examples > self._most_exact or self._counts is not None:
                self._count_what_is_kept()

    def area(self) -> Area:
        """Return the area under the ROC curve of all that was added."""
        if self._counts is None:
            if not self._kept:
                return Area(None, 0.0)
            scores, positive = map(np.concatenate, zip(*self._kept, strict=True))
            return Area(roc_auc(scores, positive), 0.0)
        wins = ties = positives = negatives = 0
        for lo in range(0, len(self._counts), 2 * RANKS_AT_A_TIME):
            part = self._counts[lo : lo + 2 * RANKS_AT_A_TIME]
            if not part.max():
                continue
            of_ranks: Any = part.astype(np.int64).reshape(-1, 2)
            below, above = (int(count) for count in of_ranks.sum(axis=0))
            if below * above >= _MAX_INT64:
                of_ranks = of_ranks.astype(object)
            negative, positive = of_ranks.T
            before = np.cumsum(negative) - negative
            wins += int((positive * before).sum()) + above * negatives
            ties += int((positive * negative).sum())
            positives, negatives = positives + above, negatives + below
        pairs = positives * negatives
        if not pairs:
            return Area(None, 0.0)
        return Area((2 * wins + ties) / (2 * pairs), ties / (2 * pairs))

    def __getstate__(self) -> dict[str, Any]:
        """Return all, of the counts those above 0 with their places: most are 0."""
        state = super().__getstate__()
        if self._counts is not None:
            places = np.flatnonzero(self._counts)
            state["_counts"] = places, self._counts[places]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what another has counted."""
        super().__setstate__(state)
        if state["_counts"] is not None:
            places, above_zero = state["_counts"]
            size = (2 * 2 * OF_ONE_SIGN) >> self._dropped_bits
            self._counts = _no_counts(size, above_zero.dtype)
            self._counts[places] = above_zero

    def _count_what_is_kept(self) -> None:
        for scores, positive in self._kept:
            _counting(scores, positive, self._dropped_bits)(self._room())
        self._kept = []

    def _room(self) -> Counts:
        """Return the counts, of a type that holds as many examples as there are."""
        if self._counts is None:
            size = (2 * 2 * OF_ONE_SIGN) >> self._dropped_bits
            self._counts = _no_counts(size, np.dtype(np.uint32))
        if self._examples > MAX_UINT32 and self._counts.dtype == np.uint32:
            self._counts = self._counts.astype(np.uint64)
        return self._counts


def _no_counts(size: int, dtype: np.dtype[Any]) -> Counts:
    # Few counts are ever used: a page of others must not take memory, whether it is only read, as
    # where memory is shared, or lies in a large page with those.
    if sys.platform == "win32":
        return np.frombuffer(mmap.mmap(-1, size * dtype.itemsize), dtype)
    pages = mmap.mmap(-1, size * dtype.itemsize, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel may have no large pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype)


def _counting(scores: Scores, positive: Bools, dropped_bits: int) -> Callable[[Counts], None]:
    """Return a function that adds these scores to counts, which others change meanwhile."""
    counter = score_counter(scores.dtype)
    if counter is not None:
        ranks = _MIN_BITS, _MAX_BITS, _DROPPED_BITS + dropped_bits, OF_ONE_SIGN >> dropped_bits
        return functools.partial(counter, scores, positive, ranks)
    places = _places(scores, positive, dropped_bits)
    return lambda counts: np.add.at(counts, places, counts.dtype.type(1))


def _places(scores: Scores, positive: Bools, dropped_bits: int) -> npt.NDArray[np.intp]:
    """Return where examples are counted: twice the rank of the score's bits, plus 1 if positive."""
    # NaN is above all numbers, as when they are sorted.
    number = np.fmin(scores, np.inf)
    with np.errstate(over="ignore", under="ignore"):
        rounded = number.astype(np.float32, copy=False)
    rounded += np.float32(0)  # no negative zero, which is as large as zero
    rank = rounded.view(np.int32)
    sign = rank >> 31  # 0, or -1 of a negative number
    rank &= 0x7FFFFFFF
    np.clip(rank, _MIN_BITS, _MAX_BITS, out=rank)
    rank -= _MIN_BITS
    rank >>= _DROPPED_BITS + dropped_bits
    rank ^= sign  # the larger a negative number's bits, the lower it is
    rank += OF_ONE_SIGN >> dropped_bits
    places = 2 * rank.astype(np.intp)
    places += positive
    return places
