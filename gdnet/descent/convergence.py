"""When a cost has stalled: the rule of `tol` and `patience`."""

from __future__ import annotations

import math
from collections.abc import Sequence


class StallDetector:
    """Counts how long a cost has not fallen.

    A fall is measured from the cost after the last one, not from iteration to iteration: a slow
    descent adds up to falls, and does not end.

    Parameters
    ----------
    tol : float
        The fraction of the cost by which it has to fall.
    patience : int
        After how many costs in a row without a fall it has stalled.
    """

    def __init__(self, tol: float, patience: int) -> None:
        self._factor, self._patience = 1 - tol, patience
        self._reference = math.inf
        self._without = 0

    def first_stall(self, costs: Sequence[float]) -> int | None:
        """Return at which of the next costs it has stalled; None if it has not."""
        for i, cost in enumerate(costs):
            if cost < self._reference * self._factor:
                self._reference, self._without = cost, 0
            else:
                self._without += 1
            if self._without >= self._patience:
                return i
        return None
