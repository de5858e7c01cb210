"""How good predicted numbers are: RMSE, MAE and R^2, in memory that does not grow.

What is kept are exact sums of the sums of blocks, so the result is bitwise identical for any order
of the blocks: on threads, and on parts of the data that are merged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gdnet._typing import Floats, HostArray
from gdnet.exact_sum import ExactSum
from gdnet.scores.shared_counts import SharedCounts


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


class RegressionMetrics(SharedCounts):
    """`RegressionScores` in the making.

    Targets are measured from an origin, so that large ones that vary little keep their digits.

    Parameters
    ----------
    origin : array of shape (n2,)
        A number of the size of each target, such as the first one.
    """

    def __init__(self, origin: HostArray) -> None:
        self._origin = np.asarray(origin, np.float64).reshape(-1, 1)
        super().__init__()
        self._examples = 0
        # Of each target: the sums of distances from the origin, of their squares, of absolute and
        # of squared errors.
        self._sums = [[ExactSum() for _ in range(4)] for _ in self._origin]

    def add(self, labels: HostArray, Z2: HostArray, loss: float = 0.0) -> None:
        """Add a block of examples; each once, from any thread, in any order.

        Parameters
        ----------
        labels : array of shape (n2, b)
            What was to be predicted.
        Z2 : array of shape (b, n2)
            What the network says.
        loss : float, default 0
            Not read: it follows from both.
        """
        del loss
        with np.errstate(over="ignore", invalid="ignore"):
            distances = labels - self._origin
            errors = Z2.T - labels.astype(np.float64)
            terms = (distances, distances**2, np.abs(errors), errors**2)
            of_block = np.array([values.sum(axis=1) for values in terms]).T.tolist()
        with self._lock:
            self._examples += len(Z2)
            for sums, of_target in zip(self._sums, of_block, strict=True):
                for total, number in zip(sums, of_target, strict=True):
                    total.add(number)

    def merge(self, other: RegressionMetrics) -> None:
        """Add all examples that another has added.

        Parameters
        ----------
        other : RegressionMetrics
            Of the same origin; not changed.

        Raises
        ------
        ValueError
            If the other measures from another origin.
        """
        if not np.array_equal(self._origin, other._origin):
            raise ValueError("expected metrics of the same origin")
        self._examples += other._examples
        for mine, theirs in zip(self._sums, other._sums, strict=True):
            for total, more in zip(mine, theirs, strict=True):
                total.merge(more)

    def result(self) -> RegressionScores:
        """Return the scores of all that was added.

        Returns
        -------
        RegressionScores
            Bitwise identical for any order and any grouping of the blocks.
        """
        m = self._examples
        totals = np.array([[total.total() for total in sums] for sums in self._sums])
        distance, squared_distance, absolute, squared = totals.T
        with np.errstate(invalid="ignore", divide="ignore"):
            # Rounding may leave a little less than 0 where all targets are equal.
            spread = np.maximum(squared_distance - distance**2 / m, 0)
            r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
            return RegressionScores(m, np.sqrt(squared / m), absolute / m, r2, np.sqrt(spread / m))
