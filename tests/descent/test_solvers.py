"""Every solver in the loop: checkpoints, early stopping, chunks of iterations, what is refused."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.source import ArraySource
from gdnet.descent import LBFGS, DescentState, GradientDescent, Momentum, Next, descend
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.errors import CheckpointError, DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters
from gdnet.training.options import SOLVERS as REGISTRY
from gdnet.training.options import Settings
from tests.support.checkpoint_runs import Stop, assert_same, first, full_batch, run, settings_of
from tests.support.problems import classification

SOLVERS: dict[str, Any] = {
    "gd": GradientDescent(0.5),
    "momentum": Momentum(0.1, 0.9),
    "nesterov": Momentum(0.1, 0.9, nesterov=True),
    "lbfgs": LBFGS(memory=6),
}
# What is new in the registry is tested as it is made there.
SOLVERS |= {
    name: resolve_name(option.made_by)(Settings(learning_rate=0.1))
    for name, option in REGISTRY.items()
    if name not in SOLVERS
}


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("stop", [0, 1, 8, 11])
def test_an_interrupted_run_is_resumed_to_the_same_bits(
    backend: Backend, tmp_path: Path, name: str, stop: int
) -> None:
    given = settings_of(SOLVERS[name])
    whole = run(backend, 12, **given)
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, 12, callbacks=[Stop(stop)], checkpoint=checkpoint, **given)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(backend, 12, checkpoint=checkpoint, **given)
    assert_same(resumed, whole)
    np.testing.assert_array_equal(resumed.passes, whole.passes)
    assert checkpoint.same_bits is True


def validation(backend: Backend) -> FullBatch:
    """Half of the examples, some with wrong labels: a network that learns the others gets worse."""
    rows, Y = classification(1)
    Y = Y[:, ::2].copy()
    Y[:, ::9] ^= 1
    source = ArraySource(rows[::2].T, Y)
    return FullBatch(source, backend, n1=4, dtype="float64", block_columns=128)


@pytest.mark.parametrize("name", SOLVERS)
def test_early_stopping_is_resumed_with_another_number_of_threads(
    tmp_path: Path, name: str
) -> None:
    def train(threads: int, stop: int | None = None) -> tuple[Any, EarlyStopping]:
        backend, stopping = get_backend("cpu", threads=threads), EarlyStopping(0.0, 15)
        with Checkpoint(tmp_path / "c", every=3, resume=stop != 5) as checkpoint:
            found = run(
                backend,
                400,
                **settings_of(SOLVERS[name]),
                validation=validation(backend),
                callbacks=[stopping, *([] if stop is None else [Stop(stop)])],
                checkpoint=checkpoint,
            )
        return found, stopping

    for stop in (5, 12):
        with pytest.raises(KeyboardInterrupt):
            train(1 + stop % 2, stop)
    resumed, kept = train(3)
    (tmp_path / "c").unlink()
    (tmp_path / "c.previous").unlink()
    whole, best = train(1)
    assert_same(resumed, whole)
    assert (kept.best_cost, kept.best_iteration) == (best.best_cost, best.best_iteration)


def test_a_checkpoint_is_not_resumed_by_another_solver(tmp_path: Path) -> None:
    backend = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint:
        run(backend, 5, checkpoint=checkpoint)
    for solver, said in (
        (LBFGS(), "solver is gd in the checkpoint and lbfgs here"),
        (GradientDescent(0.4), "learning_rate is 0.5 in the checkpoint and 0.4 here"),
        (Momentum(0.5, 0.9), "momentum is none in the checkpoint and 0.9 here"),
    ):
        with (
            Checkpoint(tmp_path / "c", resume=True) as checkpoint,
            pytest.raises(CheckpointError, match=said),
        ):
            run(backend, 10, checkpoint=checkpoint, **settings_of(solver))


@pytest.mark.parametrize("name", ["lbfgs", "momentum"])
def test_other_bits_after_resuming_are_noticed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, given = get_backend("cpu"), settings_of(SOLVERS[name])
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, callbacks=[Stop(9)], checkpoint=checkpoint, **given)
    true = FullBatch.value_and_gradient

    def as_on_another_machine(of: FullBatch, parameters: Parameters) -> Any:
        J, gradients = true(of, parameters)
        return J * (1 + 1e-15), gradients

    monkeypatch.setattr(FullBatch, "value_and_gradient", as_on_another_machine)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        run(backend, checkpoint=checkpoint, **given)
    assert checkpoint.same_bits is False


def test_validation_is_resumed_with_the_engine_of_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("gdnet.backends.cpu.find_library", lambda: "no library")
        backend = get_backend("cpu")
        with Checkpoint(tmp_path / "c") as checkpoint:
            run(backend, 5, validation=validation(backend), checkpoint=checkpoint)
    backend = get_backend("cpu")
    others = validation(backend)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        run(backend, 9, validation=others, checkpoint=checkpoint)
    assert others.engine == "reference"


def test_a_finished_run_says_again_why_it_ended(tmp_path: Path) -> None:
    backend, given = get_backend("cpu"), settings_of(LBFGS())
    with Checkpoint(tmp_path / "c") as checkpoint:
        ended = run(backend, 5000, checkpoint=checkpoint, **given)
    assert ended.converged
    assert ended.end is not None
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        again = run(backend, 6000, checkpoint=checkpoint, **given)
    assert_same(again, ended)
    assert again.end == ended.end


@pytest.mark.parametrize("name", SOLVERS)
def test_many_iterations_at_a_time_are_those_of_one_at_a_time(name: str) -> None:
    backend, given = get_backend("cpu"), settings_of(SOLVERS[name], tol=2e-2, patience=5)
    states: list[DescentState] = []
    one = run(backend, 2000, callbacks=[states.append], **given)
    several = run(backend, 2000, **given)
    assert one.converged
    assert_same(one, several)
    np.testing.assert_array_equal(one.passes, several.passes)
    assert [state.passes[-1] for state in states] == one.passes.tolist()
    last: list[DescentState] = []

    def rarely(state: DescentState) -> Next:
        last.append(state)
        return Next(iterations=7)

    run(backend, 2000, callbacks=[rarely], **given)
    for state in last[:-1]:
        expected = states[state.iteration - 1]
        assert state.step == expected.step
        for a, b in zip(state.parameters, expected.parameters, strict=True):
            np.testing.assert_array_equal(a, b)


def test_interrupts_leave_the_state_of_a_solver() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        run(get_backend("cpu"), callbacks=[Stop(4)], **settings_of(LBFGS()))
    state = caught.value.state  # type: ignore[attr-defined]
    assert state.iteration == 5
    assert len(state.solver_state.memory.pairs) == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected a learning rate, such as learning_rate=0.5, got none"),
        ({"solver": "adam", "learning_rate": 1}, "expected 'gd' or 'lbfgs', or a Solver, got"),
        ({"solver": "adam"}, "expected 'gd' or 'lbfgs', or a Solver, got 'adam'"),
        ({"solver": "lbfgs", "learning_rate": 0.1}, "no learning rate with solver='lbfgs'"),
        ({"solver": LBFGS(), "learning_rate": 0.1}, "no learning rate with solver="),
        ({"solver": GradientDescent(0)}, "learning rate above 0 in float64, got 0"),
        ({"solver": GradientDescent(np.nan)}, "learning rate above 0 in float64, got nan"),
        ({"solver": Momentum(-1.0)}, "learning rate above 0 in float64, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        descend(full_batch(get_backend("cpu")), first(), iterations=3, **given)
