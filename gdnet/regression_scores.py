"""How good predicted numbers are: RMSE, MAE and R^2, from sums over blocks of examples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = np.ndarray[Any, Any]
Floats = npt.NDArray[np.float64]
# How many examples there are, and the four sums of each target.
BlockSums = tuple[int, list[list[float]]]


class RegressionScores(NamedTuple):
    """How good the predicted numbers of some examples are; of several targets one number each.

    Attributes
    ----------
    examples : int
        How many.
    rmse : array of shape (n2,)
        Root of the mean squared error, in the unit of the target.
    mae : array of shape (n2,)
        Mean of the absolute errors.
    r2 : array of shape (n2,)
        1 - squared errors / squared distances from the mean; NaN where all targets are equal.
    baseline : array of shape (n2,)
        The RMSE of always predicting the mean of these targets: their standard deviation.
    """

    examples: int
    rmse: Floats
    mae: Floats
    r2: Floats
    baseline: Floats


class ExactSum:
    """A sum of floats that is rounded once, and so has the same bits in any order.

    As `math.fsum`, but of numbers that come one by one; see Shewchuk (1997).
    """

    def __init__(self) -> None:
        self._parts: list[float] = []  # whose sum is exact
        self._special = 0.0  # of NaN and infinite numbers

    def add(self, number: float) -> None:
        """Add a number."""
        if not math.isfinite(number):
            self._special += number
            return
        kept = 0
        for part in self._parts:
            large, small = (part, number) if abs(number) < abs(part) else (number, part)
            number = large + small
            rest = small - (number - large)
            if rest:
                self._parts[kept] = rest
                kept += 1
        self._parts[kept:] = [number]

    def merge(self, other: ExactSum) -> None:
        """Add what another has added."""
        for part in (*other._parts, other._special):
            self.add(part)

    def total(self) -> float:
        """Return the sum."""
        return math.fsum(self._parts) + self._special


class ErrorSums:
    """What `RegressionScores` are made of; its size does not grow with the number of examples.

    Blocks may be added in any order, and what others have added may be merged, to the same bits.
    Targets are measured from an origin, so that large ones that vary little keep their digits.

    Parameters
    ----------
    origin : array of shape (n2,)
        A number of the size of each target, such as the first one.
    """

    def __init__(self, origin: Numbers) -> None:
        self._origin = np.asarray(origin, np.float64).reshape(-1, 1)
        self._examples = 0
        # Of each target: the sums of distances from the origin, of their squares, of absolute and
        # of squared errors.
        self._sums = [[ExactSum() for _ in range(4)] for _ in self._origin]

    def of_block(self, truth: Numbers, predicted: Numbers) -> BlockSums:
        """Return what a block of examples adds.

        Parameters
        ----------
        truth, predicted : arrays of shape (n2, b)
            What was to be predicted, and what was; computed with in float64.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            distances = truth - self._origin
            errors = predicted - truth.astype(np.float64)
            terms = (distances, distances**2, np.abs(errors), errors**2)
            return truth.shape[1], np.array([values.sum(axis=1) for values in terms]).T.tolist()

    def add(self, of_block: BlockSums) -> None:
        """Add a block; one at a time."""
        examples, numbers = of_block
        for sums, of_target in zip(self._sums, numbers, strict=True):
            for total, number in zip(sums, of_target, strict=True):
                total.add(number)
        self._examples += examples

    def merge(self, other: ErrorSums) -> None:
        """Add what another, of the same origin, has added."""
        for mine, theirs in zip(self._sums, other._sums, strict=True):
            for total, more in zip(mine, theirs, strict=True):
                total.merge(more)
        self._examples += other._examples

    def result(self) -> RegressionScores:
        """Return the scores of all that was added."""
        m = self._examples
        totals = np.array([[total.total() for total in sums] for sums in self._sums])
        distance, squared_distance, absolute, squared = totals.T
        with np.errstate(invalid="ignore", divide="ignore"):
            # Rounding may leave a little less than 0 where all targets are equal.
            spread = np.maximum(squared_distance - distance**2 / m, 0)
            r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
            return RegressionScores(m, np.sqrt(squared / m), absolute / m, r2, np.sqrt(spread / m))
