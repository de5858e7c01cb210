"""A run that is interrupted and resumed ends with the bits of one that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.checkpoint.file import load
from gdnet.descent import DescentState, StopDescent, descend
from gdnet.errors import CheckpointError, Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters
from tests.support.checkpoint_runs import RATE, Stop, assert_same, first, full_batch, names, run


def test_interrupted_run_goes_on_to_the_same_bits(backend: Backend, tmp_path: Path) -> None:
    whole = run(backend, 12)
    for stop, error in (
        *((stop, KeyboardInterrupt) for stop in (0, 1, 7, 11)),
        (7, OSError),
    ):
        (folder := tmp_path / f"{stop} {error.__name__}").mkdir()
        path = folder / "c"
        with Checkpoint(path) as checkpoint, pytest.raises(error):
            run(backend, 12, callbacks=[Stop(stop, error)], checkpoint=checkpoint)
        assert load(path).state.iteration == stop
        reported: list[DescentState] = []
        with Checkpoint(path, resume=True) as checkpoint:
            resumed = run(backend, 12, callbacks=[reported.append], checkpoint=checkpoint)
        assert_same(resumed, whole)
        assert [state.iteration for state in reported] == list(range(stop + 1, 13))
        assert checkpoint.same_bits is True
        assert names(folder) == ["c", "c.previous"]


def test_saved_state_is_the_one_before_the_iteration_it_was_saved_in(
    backend: Backend, tmp_path: Path
) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, callbacks=[Stop(7)], checkpoint=checkpoint)
    saved = load(tmp_path / "c")
    seven = run(backend, 7)
    for array, expected in zip(saved.state.parameters, seven.parameters, strict=True):
        np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(saved.state.costs, seven.costs)
    assert saved.cost == pytest.approx(seven.final_cost, rel=1e-14)


def test_every_resume_after_many_interruptions(backend: Backend, tmp_path: Path) -> None:
    for stop in (3, 3, 9, 10, 21):
        with (
            Checkpoint(tmp_path / "c", every=4, resume=True) as checkpoint,
            pytest.raises(KeyboardInterrupt),
        ):
            run(backend, callbacks=[Stop(stop)], checkpoint=checkpoint)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(backend, checkpoint=checkpoint), run(backend))


def test_another_number_of_threads(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(get_backend("cpu", threads=1), callbacks=[Stop(9)], checkpoint=checkpoint)
    several = get_backend("cpu", threads=4)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(several, checkpoint=checkpoint), run(get_backend("cpu", threads=1)))


def test_tol_counts_on_from_where_it_was(backend: Backend, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"iterations": 5000, "tol": 5e-2, "patience": 4}
    whole = run(backend, **settings)
    assert whole.converged
    for stop in (whole.iterations - 1, whole.iterations - 3):
        with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
            run(backend, **settings, callbacks=[Stop(stop)], checkpoint=checkpoint)
        with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
            assert_same(run(backend, **settings, checkpoint=checkpoint), whole)
    # It is finished now, and stays so with more iterations.
    reported: list[DescentState] = []
    settings["iterations"] = 6000
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        again = run(backend, **settings, callbacks=[reported.append], checkpoint=checkpoint)
    assert_same(again, whole)
    assert reported == []


def test_run_that_an_observer_has_ended_stays_ended(tmp_path: Path) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint:
        ended = run(cpu, callbacks=[Stop(9, StopDescent)], checkpoint=checkpoint)
    assert (ended.iterations, ended.converged) == (10, True)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(cpu, checkpoint=checkpoint), ended)


def test_validation_costs_go_on(backend: Backend, tmp_path: Path) -> None:
    validation = full_batch(backend, 80)
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, validation=validation, callbacks=[Stop(12)], checkpoint=checkpoint)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(backend, validation=validation, checkpoint=checkpoint)
    assert_same(resumed, run(backend, validation=validation))


def test_finished_run(backend: Backend, tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint:
        whole = run(backend, 20, checkpoint=checkpoint)
    content = (tmp_path / "c").read_bytes()
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(backend, 20, checkpoint=checkpoint), whole)
    assert (tmp_path / "c").read_bytes() == content
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(backend, 30, checkpoint=checkpoint), run(backend, 30))
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=r"at least 30 iterations, .* made already, got 20"),
    ):
        run(backend, 20, checkpoint=checkpoint)


def test_time_goes_on_and_never_back(tmp_path: Path) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(cpu, callbacks=[Stop(12)], checkpoint=checkpoint)
    saved = load(tmp_path / "c").state.seconds
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(cpu, checkpoint=checkpoint)
    times = load(tmp_path / "c").state.seconds
    np.testing.assert_array_equal(times[:12], saved)
    assert (np.diff(times) >= 0).all()
    assert resumed.seconds >= times[-1]


def test_a_diverging_run_says_the_same_after_going_on(tmp_path: Path) -> None:
    cpu = get_backend("cpu")
    settings: dict[str, Any] = {"learning_rate": 12.0, "iterations": 500}
    gradient = full_batch(cpu, activation="identity")
    with np.errstate(all="ignore"):
        with pytest.raises(Diverged) as whole:
            descend(gradient, first(), **settings)
        assert whole.value.iteration > 1
        stop = [Stop(whole.value.iteration - 1)]
        with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
            descend(gradient, first(), **settings, callbacks=[checkpoint, *stop])
        content = (tmp_path / "c").read_bytes()
        with Checkpoint(tmp_path / "c", resume=True) as checkpoint, pytest.raises(Diverged) as then:
            descend(gradient, first(), **settings, callbacks=[checkpoint])
    assert str(then.value) == str(whole.value)
    assert_same(then.value.last_good, whole.value.last_good)
    assert (tmp_path / "c").read_bytes() == content


def test_other_bits_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(cpu, callbacks=[Stop(5)], checkpoint=checkpoint)
    gradient = full_batch(cpu)
    exactly = type(gradient).value_and_gradient

    def rounded_otherwise(self: FullBatch, parameters: Parameters) -> Any:
        J, gradients = exactly(self, parameters)
        return np.nextafter(float(J), 1.0), gradients

    monkeypatch.setattr(type(gradient), "value_and_gradient", rounded_otherwise)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        descend(gradient, first(), **RATE, iterations=6, callbacks=[checkpoint])
    assert checkpoint.same_bits is False
