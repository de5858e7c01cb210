"""A solver of a user, and what a checkpoint asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet._typing import Array
from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.descent import Solver, SolverState, Step
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters
from tests.support.checkpoint_runs import Stop, assert_same, run, settings_of


class Signs(Solver):
    """A user's own: steps of the sign of the gradient, each a little shorter."""

    def __init__(self) -> None:
        self.settings: Mapping[str, Any] = {"solver": "signs"}

    def init(self, objective: FullBatch, parameters: Parameters) -> SolverState:
        return SolverState(parameters, 0.1)

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        J, gradients = objective.value_and_gradient(state.parameters)
        xp, size = objective.backend.xp, state.memory
        moved = (p - size * xp.sign(g) for p, g in zip(state.parameters, gradients, strict=True))
        end = "the steps are short" if size < 0.01 else None
        return Step(J, SolverState(Parameters(*moved), size * 0.9), length=size, end=end)

    def to_arrays(self, memory: float) -> Mapping[str, Array]:
        return {"size": np.array(memory)}

    def from_arrays(self, objective: FullBatch, arrays: dict[str, Any]) -> float:
        return float(arrays["size"])


class Forgetful(Signs):
    to_arrays = Solver.to_arrays


class Unwritable(Signs):
    def __init__(self) -> None:
        self.settings = {"schedule": lambda step: 1 / step, "learning_rate": "auto"}


def test_what_a_checkpoint_cannot_hold_is_said(tmp_path: Path) -> None:
    backend = get_backend("cpu")
    for solver, said in (
        (Forgetful(), "Forgetful: expected to_arrays and from_arrays"),
        (Unwritable(), "settings: expected what JSON can hold"),
    ):
        with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(DataError, match=said):
            run(backend, 5, checkpoint=checkpoint, **settings_of(solver))
        assert run(backend, 5, **settings_of(solver)).iterations == 5


def test_a_solver_of_the_users_own(tmp_path: Path) -> None:
    backend, given = get_backend("cpu"), settings_of(Signs())
    whole = run(backend, 100, **given)
    assert (whole.converged, whole.end, whole.iterations) == (True, "the steps are short", 23)
    assert whole.final_cost < 0.6 * whole.costs[0]
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, 100, callbacks=[Stop(9)], checkpoint=checkpoint, **given)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(backend, 100, checkpoint=checkpoint, **given), whole)
