"""gdnet's solvers on the exact gradient, every other setting at its default."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.to_cost.candidates import Candidate, Setting, grid
from bench.to_cost.clock import Clock
from bench.to_cost.tables import Task
from gdnet.backends import get_backend
from gdnet.descent import LBFGS, DescentState, descend
from gdnet.descent.solvers import GradientDescent, Momentum, Solver
from gdnet.errors import Diverged
from gdnet.parameters import Parameters

RATES = (4.0, 2.0, 1.0, 0.5)
# The clock ends a run.
WITHOUT_END = 10**9


def gradient_descent(task: Task) -> Candidate:
    return _candidate(task, grid(rate=RATES), lambda given: GradientDescent(given["rate"]))


def momentum(task: Task) -> Candidate:
    def solver(given: Setting) -> Solver:
        return Momentum(given["rate"], given["momentum"], nesterov=True)

    return _candidate(task, grid(momentum=(0.9, 0.95), rate=RATES), solver)


def lbfgs(task: Task) -> Candidate:
    return _candidate(task, grid(), lambda _: LBFGS())


def lbfgs_on_cuda(task: Task) -> Candidate:
    return _candidate(task, grid(), lambda _: LBFGS(), "cuda")


def _candidate(
    task: Task,
    settings: Sequence[Setting],
    solver: Callable[[Setting], Solver],
    device: str = "cpu",
) -> Candidate:
    backend = get_backend(device)
    objective = task.training.full_batch(backend)

    def run(start: Parameters, setting: Setting, seed: int, clock: Clock) -> None:
        del seed  # there are no batches

        def tick(state: DescentState) -> None:
            # The copy to the host, which waits for the device, is a part of the time.
            clock.tick(Parameters(*map(backend.to_numpy, state.parameters)), state.passes[-1])

        clock.start()
        try:
            descend(
                objective,
                start,
                solver=solver(setting),
                iterations=WITHOUT_END,
                callbacks=[tick],
            )
        except Diverged:
            return

    return Candidate(settings, run, backend.describe())
