"""The record of a run: what it tells, what it remembers, and when it stops."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence

import numpy as np

from gdnet._typing import Array
from gdnet.errors import Diverged
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters
from gdnet.patience import Patience
from gdnet.run import Descent, Iteration, Observer, Progress, StopDescent

# On an asynchronous device the costs are read together, about every tenth of a second, because
# reading a number waits for all that is queued.
SECONDS_BETWEEN_READS = 0.1
MOST_ITERATIONS_BETWEEN_READS = 64
# Until then the parameters of each are kept, so that the run can end at any of them.
MOST_PENDING_BYTES = 2**28

# A cost this many times that of the start, or of guessing, is not sound. Full-batch descent with a
# large learning rate often comes back from there, after a few dozen iterations at most.
UNSOUND_FACTOR = 10.0
MOST_UNSOUND_ITERATIONS = 100


# An iteration whose costs have not been read from the device: the parameters before, J, that of the
# validation data, and the parameters after.
Pending = tuple[Parameters, Array, Array | None, Parameters]


class Record:
    """What has happened in a run so far, and what follows from it: costs, stop rules, observers.

    Parameters
    ----------
    gradient : FullBatch
        What is descended.
    learning_rate, tol, patience, observers
        As for `gdnet.descent.descend`.
    progress : Progress, optional
        What another run had come to, which this one goes on from.

    Attributes
    ----------
    converged : bool
        Whether the cost has stalled, or an observer has ended the run.
    """

    def __init__(
        self,
        gradient: FullBatch,
        learning_rate: float,
        tol: float,
        patience: int,
        observers: Sequence[Observer],
        progress: Progress | None = None,
    ) -> None:
        self._gradient = gradient
        self._backend = gradient.backend
        self._rate = learning_rate
        self._patience = Patience(tol, patience) if tol else None
        self._observers = observers
        self._bound = sys.float_info.max
        self._last_good: Parameters | None = None
        self._last_read = self._began = time.perf_counter()
        self._costs: list[float] = []
        self._validation_costs: list[float] = []
        n0, n1, n2 = gradient.shape
        self._parameter_bytes = (n1 * (n0 + 1) + n2 * (n1 + 1)) * gradient.dtype.itemsize
        self._pending: list[Pending] = []
        self._batch = 1
        self.converged = False
        if progress is not None and progress.iterations:
            self._take_up(progress)

    @property
    def iterations(self) -> int:
        """Number of iterations that have been recorded."""
        return len(self._costs)

    def note(
        self,
        before: Parameters,
        J: Array,
        J_validation: Array | None,
        after: Parameters,
        last: bool,
    ) -> Parameters:
        """Take note of an iteration, and return the parameters to go on with.

        They are those after it, unless iterations whose costs were read only now show that the run
        has ended before. `last` says that no other will be noted.
        """
        if not self._backend.asynchronous:
            validation_cost = None if J_validation is None else float(J_validation)
            self._record(before, float(J), validation_cost, after)
            return after
        self._pending.append((before, J, J_validation, after))
        if not last and len(self._pending) < self._batch:
            return after
        pending, self._pending = self._pending, []
        for (before, _, _, after), costs in zip(pending, self._read(pending), strict=True):
            self._record(before, costs[0], costs[1] if len(costs) > 1 else None, after)
            if self.converged:
                return after
        self._adapt_batch(len(pending))
        return after

    def _record(
        self, before: Parameters, cost: float, validation_cost: float | None, after: Parameters
    ) -> None:
        if cost <= self._bound:
            self._last_good = before
        elif self._has_diverged(cost):
            raise self._diverged(cost)
        costs = self._costs
        if not costs:
            self._bound = self._bound_of(cost)
        costs.append(cost)
        if validation_cost is not None:
            self._validation_costs.append(validation_cost)
        if self._observers:
            seconds = time.perf_counter() - self._began
            told = Iteration(len(costs) - 1, cost, validation_cost, seconds, after, before)
            for observer in self._observers:
                try:
                    observer(told)
                except StopDescent:
                    self.converged = True
        if self._patience is not None and self._patience.has_stalled(cost):
            self.converged = True

    def finish(self, parameters: Parameters) -> Descent:
        """Return the run, after the cost of its last update, which no iteration has asked for."""
        final_cost = float(self._gradient.cost(parameters))
        if not final_cost <= self._bound:
            raise self._diverged(final_cost)
        return self._descent(parameters, len(self._costs), final_cost)

    def _take_up(self, progress: Progress) -> None:
        self._costs = progress.costs.tolist()
        if progress.validation_costs is not None:
            self._validation_costs = progress.validation_costs.tolist()
        self._bound = self._bound_of(self._costs[0])
        self._began -= float(progress.seconds[-1])
        self.converged = progress.converged
        if self._patience is not None:
            for cost in self._costs:
                self._patience.has_stalled(cost)

    def _descent(self, parameters: Parameters, iterations: int, final_cost: float) -> Descent:
        validation = np.array(self._validation_costs[:iterations], np.float64)
        return Descent(
            Parameters(*(self._backend.to_numpy(p) for p in parameters)),
            np.array(self._costs[:iterations], np.float64),
            final_cost,
            validation if self._validation_costs else None,
            self.converged,
            time.perf_counter() - self._began,
        )

    def _read(self, pending: list[Pending]) -> list[list[float]]:
        costs = [
            (J,) if J_validation is None else (J, J_validation) for _, J, J_validation, _ in pending
        ]
        stacked = self._backend.xp.stack([J for both in costs for J in both])
        read: list[list[float]] = (
            self._backend.to_numpy(stacked).astype(float).reshape(len(pending), -1).tolist()
        )
        return read

    def _adapt_batch(self, made: int) -> None:
        now = time.perf_counter()
        per_iteration = max((now - self._last_read) / made, 1e-9)
        fitting = int(SECONDS_BETWEEN_READS / per_iteration)
        in_memory = MOST_PENDING_BYTES // self._parameter_bytes
        self._batch = max(1, min(fitting, in_memory, MOST_ITERATIONS_BETWEEN_READS))
        self._last_read = now

    def _has_diverged(self, cost: float) -> bool:
        """Return whether a cost that is not sound, or those before it, do not come back."""
        if not math.isfinite(cost):
            return True
        latest = self._costs[-MOST_UNSOUND_ITERATIONS:]
        return len(latest) == MOST_UNSOUND_ITERATIONS and min(latest) > self._bound

    def _bound_of(self, first_cost: float) -> float:
        outputs = self._gradient.shape[2]
        softmax = self._gradient.g2.name == "softmax"
        cost_of_guessing = math.log(outputs) if softmax else outputs * math.log(2)
        return UNSOUND_FACTOR * max(first_cost, cost_of_guessing)

    def _diverged(self, cost: float) -> Diverged:
        """Return what to raise for a cost that is none a descent may have."""
        costs = [*self._costs, cost]
        if len(costs) == 1:
            return Diverged(
                f"the cost is {cost:.6g} before the first update: the first weights, the features, "
                "the sample weights or l2 are too large; scale them down",
                0,
                cost,
                None,
            )
        i = len(costs) - 1
        while not costs[i - 1] <= self._bound:
            i -= 1
        last = costs[i - 1]
        good = None
        if self._last_good is not None:
            good = self._descent(self._last_good, i - 1, last)._replace(converged=False)
        later = f", and {cost:.6g} at iteration {len(costs) - 1}" if i < len(costs) - 1 else ""
        return Diverged(
            f"the cost became {costs[i]:.6g} at iteration {i} (it was {last:.6g} one iteration "
            f"before){later}: the descent diverges; try a smaller learning rate, such as "
            f"{self._rate / 10:.2g}, and standardise the features if they are large",
            i,
            costs[i],
            good,
        )
