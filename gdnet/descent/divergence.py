"""When a cost has diverged, and what to say of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from gdnet.data.rows import CHECKED_AT_A_TIME
from gdnet.descent.state import DescentResult
from gdnet.errors import Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.scores.regression import RegressionMetrics

# A cost this many times that of the start, or of guessing, is not sound. Full-batch descent with a
# large learning rate often comes back from there, after a few dozen iterations at most.
UNSOUND_FACTOR = 10.0
MAX_UNSOUND_ITERATIONS = 100


def cost_of_guessing(objective: FullBatch) -> float:
    """Return the cost of guessing: even chances for labels, and the mean for numbers.

    The mean is taken without sample weights: what is asked for is the size of a cost.
    """
    n2, source = objective.shape[2], objective.source
    if not source.continuous:
        return math.log(n2) if objective.g2.name == "softmax" else n2 * math.log(2)
    metrics = RegressionMetrics(source.labels[:, 0])
    for lo in range(0, source.m, CHECKED_AT_A_TIME):
        part = source.labels[:, lo : lo + CHECKED_AT_A_TIME]
        metrics.add(part, part.T)
    return float((metrics.result().baseline ** 2).sum()) / 2


class DivergenceDetector:
    """Tells costs that a descent may have from those that it does not come back from.

    Parameters
    ----------
    guessing : float
        The cost of guessing, see `cost_of_guessing`.

    Attributes
    ----------
    bound : float
        Up to here a cost is sound.
    """

    def __init__(self, guessing: float) -> None:
        self._cost_of_guessing = guessing
        self.bound = sys.float_info.max
        self._unsound = 0
        self._begun = False

    def first_divergence(self, costs: Sequence[float]) -> int | None:
        """Return at which of the next costs the descent has diverged; None if it has not."""
        if not self._begun and costs and math.isfinite(costs[0]):
            self.bound = UNSOUND_FACTOR * max(costs[0], self._cost_of_guessing)
            self._begun = True
        if all(map(self.bound.__ge__, costs)):  # of NaN this is false
            self._unsound = 0
            return None
        for i, cost in enumerate(costs):
            if cost <= self.bound:
                self._unsound = 0
            elif self._unsound >= MAX_UNSOUND_ITERATIONS or not math.isfinite(cost):
                return i
            else:
                self._unsound += 1
        return None

    def error(
        self, costs: list[float], learning_rate: float | None, last_good: DescentResult | None
    ) -> Diverged:
        """Return what to raise; the last of all costs is the one that is not sound."""
        if len(costs) == 1:
            return Diverged(
                f"the cost is {costs[0]:.6g} before the first update: the first weights, the "
                "features, the targets, the sample weights or l2 are too large; scale them down",
                0,
                costs[0],
                None,
            )
        i = len(costs) - 1
        while not costs[i - 1] <= self.bound:
            i -= 1
        later = f", and {costs[-1]:.6g} at iteration {len(costs) - 1}" if i < len(costs) - 1 else ""
        remedy = (
            ""
            if learning_rate is None
            else (
                f"try a smaller learning rate, such as {learning_rate / 10:.2g}, or "
                "solver='lbfgs', which needs none, and "
            )
        )
        return Diverged(
            f"the cost became {costs[i]:.6g} at iteration {i} (it was {costs[i - 1]:.6g} one "
            f"iteration before){later}: the descent diverges; {remedy}standardise the features if "
            "they are large",
            i,
            costs[i],
            last_good,
        )
