"""What a descent has come to when Ctrl-C ends it."""

from __future__ import annotations

import numpy as np

from gdnet.descent import Descent, Iteration
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters


class SoFar:
    """An observer that remembers the iterations that are finished.

    Parameters
    ----------
    gradient : FullBatch
        What is descended.
    """

    def __init__(self, gradient: FullBatch) -> None:
        self._gradient = gradient
        self._costs: list[float] = []
        self._validation_costs: list[float] = []
        self._last: Iteration | None = None

    def __call__(self, told: Iteration) -> None:
        """Remember one iteration."""
        self._costs.append(told.cost)
        if told.validation_cost is not None:
            self._validation_costs.append(told.validation_cost)
        # The last to be set: an iteration that is interrupted before it does not count.
        self._last = told

    def descent(self) -> Descent | None:
        """Return the run up to the last finished iteration; None if there is none that is sound."""
        if self._last is None:
            return None
        parameters, iterations = self._last.parameters, self._last.iteration + 1
        backend = self._gradient.backend
        with backend.activate():
            final_cost = float(self._gradient.cost(parameters))
        if not np.isfinite(final_cost):
            return None
        validation = np.array(self._validation_costs[:iterations], np.float64)
        return Descent(
            Parameters(*(backend.to_numpy(p) for p in parameters)),
            np.array(self._costs[:iterations], np.float64),
            final_cost,
            validation if self._validation_costs else None,
            converged=False,
            seconds=self._last.seconds,
        )
