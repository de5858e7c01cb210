"""The loop of gradient descent: iterate, record the costs, call the callbacks, stop."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from itertools import accumulate
from typing import TypeVar

import numpy as np

from gdnet._typing import Scalar
from gdnet.descent.callbacks import Schedule, StopDescent
from gdnet.descent.convergence import StallDetector
from gdnet.descent.divergence import DivergenceDetector, cost_of_guessing
from gdnet.descent.fingerprint import difference, identity
from gdnet.descent.pace import Pace
from gdnet.descent.solvers import SolverState, Step
from gdnet.descent.state import (
    DescentResult,
    DescentSetup,
    DescentState,
    History,
    result_of,
)
from gdnet.errors import DataError, Diverged, RankFailed

T = TypeVar("T")


class Loop:
    """One descent: makes iterations, some at a time, and keeps its state up to date.

    Parameters
    ----------
    setup : DescentSetup
        What is descended.
    """

    def __init__(self, setup: DescentSetup) -> None:
        self._setup, self._solver = setup, setup.solver
        self._objective, self._validation = setup.objective, setup.validation
        tol, patience = setup.settings["tol"], setup.settings["patience"]
        self._stall = StallDetector(tol, patience) if tol else None
        self._divergence = DivergenceDetector(cost_of_guessing(self._objective))
        self._schedule = Schedule(setup.callbacks)
        self._history = History(setup.validation is not None)
        self._pace = Pace(self._objective)
        start = self._solver.init(self._objective, setup.start)
        self.state = self._history.state(start, setup.start)

    def run(self) -> DescentResult:
        """Make the iterations, and return what they have come to."""
        ranks = self._objective.ranks
        with nullcontext() if ranks is None else ranks.signals_wait():
            self._begin()
            try:
                result = self._result()
                self._schedule.end(self.state, None)
                self._decided(lambda: None, "that all have ended")
            except BaseException as error:
                self._leave(error)
                error.state = self.state  # type: ignore[attr-defined]
                self._schedule.end(self.state, error)
                raise
            return result

    def _begin(self) -> None:
        try:
            self._check_ranks()
            resumed = self._schedule.begin(self._setup)
            if resumed is not None:
                self._resume(resumed)
        except BaseException as error:
            self._leave(error)
            raise
        self._last_second, self._passes = 0.0, 0
        if self.state.iteration:
            self._last_second = float(self.state.seconds[-1])
            self._passes = int(self.state.passes[-1])
        self._began = time.perf_counter() - self._last_second

    def _result(self) -> DescentResult:
        stopped = None
        while not (stopped or self.state.converged or self._left < 1):
            self._advance(self._iterations_at_a_time())
            stopped = self._call_back(last=False)
        self._call_back(last=True)
        final_cost = float(self._objective.value(self.state.parameters))
        # A descent that can be resumed may stop while the cost is about to come back.
        resumable = stopped is not None and not self.state.converged
        if not final_cost <= (sys.float_info.max if resumable else self._divergence.bound):
            raise self._diverged(final_cost)
        if final_cost <= self._divergence.bound:
            sound = self.state.solver_state, self.state.iteration
            self.state = self.state._replace(sound=sound)
        result = result_of(self.state, self._objective, final_cost)
        return result._replace(seconds=self._second)

    def _leave(self, error: BaseException) -> None:
        """Let the other ranks hear of an error, unless all have it: of a divergence they know."""
        if self._objective.ranks is not None and not isinstance(error, Diverged):
            self._objective.ranks.leave(error)

    def _check_ranks(self) -> None:
        """Raise on all ranks unless all are given the same."""
        ranks, setup = self._objective.ranks, self._setup
        if ranks is None or ranks.size == 1:
            return
        mine = identity(setup.objective, setup.start, setup.validation, setup.settings)
        first = ranks.of_first(lambda: mine, "what is descended")

        def checked() -> list[None]:
            problem = difference(first, mine, where="on rank 0")
            if problem:
                raise DataError(f"expected the same data and settings on every rank: {problem}")
            return []

        ranks.gathered(checked)

    def _decided(self, decide: Callable[[], T], what: str) -> T:
        """Return what is decided here, or, where ranks compute together, on the first of them.

        Whatever depends on the time must be the same on all.
        """
        ranks = self._objective.ranks
        return decide() if ranks is None else ranks.of_first(decide, what)

    @property
    def _left(self) -> int:
        return self._setup.iterations - self.state.iteration

    @property
    def _second(self) -> float:
        return time.perf_counter() - self._began

    def _resume(self, state: DescentState) -> None:
        parameters = self._objective.place(state.parameters)
        self._history.update(state.costs, state.seconds, state.passes, state.validation_costs)
        self._divergence.first_divergence(state.costs.tolist())
        if self._stall is not None:
            self._stall.first_stall(state.costs.tolist())
        solver_state = state.solver_state._replace(parameters=parameters)
        self.state = self._history.state(
            solver_state, parameters, converged=state.converged, end=state.end
        )

    def _iterations_at_a_time(self) -> int:
        return self._decided(self._iterations_in_time, "how many iterations to make")

    def _iterations_in_time(self) -> int:
        done = self.state.iteration
        wanted = self._schedule.iterations(done, self._second, self._pace.seconds)
        return self._pace.at_a_time(wanted, self._setup.iterations - done)

    def _advance(self, count: int) -> None:
        """Make so many iterations, and check their costs."""
        objective, solver = self._objective, self._solver
        costs: list[Scalar] = []
        passes: list[int] = []
        validation_costs: list[Scalar] = []
        before = self.state.solver_state
        # One tuple, so that an iteration that is interrupted is either finished or not.
        made = 0, before, Step(math.nan, before)
        try:
            if count > 1 and self._validation is None and solver.descends(objective):
                several, before = solver.descend(objective, before, count - 1)
                step = solver.step(objective, before)
                numbers = objective.backend.to_numpy(several).tolist()
                costs, passes = [*numbers, float(step.cost)], [1] * count
                made = count, before, step
            steps: Iterable[Step]
            if count == 1:  # to begin to repeat takes longer
                steps = [solver.step(objective, before)]
            else:
                steps = solver.steps(objective, before)
            for i, step in zip(range(made[0] + 1, count + 1), steps, strict=False):
                before = made[2].state
                if self._validation is not None:
                    validation_costs.append(self._validation.value(before.parameters))
                costs.append(step.cost)
                passes.append(step.passes)
                made = i, before, step
        except BaseException as error:
            self._leave(error)
            with suppress(Diverged, RankFailed):  # to make some again may need the other ranks
                self._record(costs, validation_costs, passes, *made)
            raise
        self._record(costs, validation_costs, passes, *made)

    def _record(
        self,
        given: list[Scalar],
        given_validation: list[Scalar],
        given_passes: list[int],
        made: int,
        before: SolverState,
        step: Step,
    ) -> None:
        """Take iterations into the state, up to where the descent has stalled or diverged."""
        if not made:
            return
        state, now = self.state, self._second
        begin, second = state.iteration, self._last_second
        costs = self._read(given[:made])
        others = None if self._validation is None else self._read(given_validation[:made])
        self._pace.measure(now - second, made)
        diverged = self._divergence.first_divergence(costs)
        count = made if diverged is None else diverged
        stalled = None if self._stall is None else self._stall.first_stall(costs[:count])
        if stalled is not None:
            count = stalled + 1
        last_good = count - 1
        while last_good >= 0 and not costs[last_good] <= self._divergence.bound:
            last_good -= 1
        sound = state.sound
        if last_good == made - 1:
            sound = before, begin + last_good
        elif last_good >= 0:
            sound = self._after(state.solver_state, last_good), begin + last_good
        if 0 < count < made:
            before = self._after(state.solver_state, count - 1)
            step = self._solver.step(self._objective, before)
        if count:
            times = [now] if made == 1 else second + self._pace.seconds * np.arange(1.0, count + 1)
            self._last_second = times[-1]
            passes = list(accumulate(given_passes[:count], initial=self._passes))[1:]
            self._passes = passes[-1]
            self._history.update(
                costs[:count], times, passes, None if others is None else others[:count]
            )
            self.state = self._history.state(
                step.state,
                before.parameters,
                step=step.length,
                converged=stalled is not None or step.end is not None,
                end=step.end,
                sound=sound,
            )
        if stalled is None and diverged is not None:
            raise self._diverged(costs[diverged])

    def _after(self, state: SolverState, count: int) -> SolverState:
        """Make iterations again, to the same bits, for the state among them."""
        for _ in range(count):
            state = self._solver.step(self._objective, state).state
        return state

    def _read(self, costs: list[Scalar]) -> list[float]:
        """Return costs of the backend as numbers; a device is waited for once."""
        backend = self._objective.backend
        if not backend.asynchronous or all(isinstance(cost, float) for cost in costs):
            return list(map(float, costs))
        read: list[float] = backend.to_numpy(backend.xp.stack(costs)).astype(float).tolist()
        return read

    def _call_back(self, *, last: bool) -> StopDescent | None:
        stop = self._schedule.call(self.state, self._second, last=last)
        converged = self._decided(
            lambda: None if stop is None else stop.converged, "whether to stop"
        )
        if self._objective.ranks is not None:
            stop = None if converged is None else StopDescent(converged=converged)
        if stop is not None:
            self.state = self.state._replace(converged=self.state.converged or stop.converged)
        return stop

    def _diverged(self, cost: float) -> Diverged:
        last_good = None
        if self.state.sound is not None:
            solver_state, iteration = self.state.sound
            state = self.state.up_to(iteration, solver_state)
            last_good = result_of(state, self._objective, float(self.state.costs[iteration]))
            last_good = last_good._replace(seconds=self._second)
        rate = self._setup.settings.get("learning_rate")
        if not isinstance(rate, int | float):  # a solver of the user's may have others
            rate = None
        return self._divergence.error([*self.state.costs.tolist(), cost], rate, last_good)
