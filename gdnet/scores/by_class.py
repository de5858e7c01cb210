"""Scores of each class against the rest, or of each label: AUC and F1, and their macro means."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.scores.score_counts import Area, ScoreCounts

# Of more classes or labels no areas are computed: an example counts for each of them.
MAX_AREAS = 32
# So many are computed with at a time, in the cache of a core.
NUMBERS_AT_A_TIME = 2**15


class ClassScores:
    """What the AUC of each class or label is made of.

    Parameters
    ----------
    outputs : int
        The number of outputs n2 of the network.
    kind : {"binary", "multiclass", "multilabel"}
        What they mean; two classes have one area, that of the second.
    examples : int, default 0
        How many will be added in all, if that is known.
    """

    def __init__(self, outputs: int, kind: str, examples: int = 0) -> None:
        self._kind = kind
        count = outputs if outputs <= MAX_AREAS else 0
        self._counts = [ScoreCounts(examples, outputs) for _ in range(count)]

    def add(self, labels: HostArray, Z2: HostArray) -> None:
        """Count a block of examples, from any thread.

        Parameters
        ----------
        labels : array of shape (1, b), or (n2, b) for multi-label
            Class numbers, or 0 and 1.
        Z2 : array of shape (b, n2)
            What the network says.
        """
        if not self._counts:
            return
        scores = odds(Z2.T) if self._kind == "multiclass" else Z2.T
        for k, counts in enumerate(self._counts):
            positive = labels[0] == k if self._kind == "multiclass" else labels[k] == 1
            counts.add(scores[k], positive)

    def merge(self, other: ClassScores) -> None:
        """Count all examples that another has counted."""
        for mine, theirs in zip(self._counts, other._counts, strict=True):
            mine.merge(theirs)

    def areas(self) -> list[Area]:
        """Return the area of each class or label; none of too many."""
        return [counts.area() for counts in self._counts]


def odds(Z: HostArray) -> HostArray:
    """Return p / (1 - p) of the softmax p of Z (n2, b), which orders examples as p does.

    Unlike p it tells examples apart of which a class is sure. The classes are added one after the
    other, so that an example has the same bits in any block.
    """
    found = np.empty(Z.shape, Z.dtype)
    width = max(1, NUMBERS_AT_A_TIME // len(Z))
    for lo in range(0, Z.shape[1], width):
        found[:, lo : lo + width] = _odds(np.ascontiguousarray(Z[:, lo : lo + width]))
    return found


def _odds(Z: HostArray) -> HostArray:
    highest = Z.max(axis=0)
    powers = np.exp(Z - highest)
    largest = highest == Z
    # The sum leaves out the largest: what is subtracted is then at most half, and cancels little.
    below = np.where(largest, powers.dtype.type(0), powers)
    total, count = below[0].copy(), largest[0].astype(powers.dtype)
    for row, is_largest in zip(below[1:], largest[1:], strict=True):
        total += row
        count += is_largest
    with np.errstate(divide="ignore"):
        found: HostArray = powers / np.where(largest, total + (count - 1), total + count - below)
    return found


def f1_scores(
    right: npt.NDArray[np.int64], true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]
) -> tuple[float | None, ...]:
    """Return 2 TP / (2 TP + FP + FN) of each class or label; None of one that never occurs.

    Parameters
    ----------
    right, true, predicted : arrays of shape (n2,)
        How many examples are predicted and true, true, and predicted.
    """
    return tuple(
        None if t + p == 0 else 2 * r / (t + p)
        for r, t, p in zip(right.tolist(), true.tolist(), predicted.tolist(), strict=True)
    )


def macro(scores: Sequence[float | None]) -> float | None:
    """Return the mean over those that have a score, None if none has."""
    known = [score for score in scores if score is not None]
    return math.fsum(known) / len(known) if known else None
