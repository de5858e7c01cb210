"""A run that is interrupted and goes on ends with the bits of one that was not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.checkpoint_file import load
from gdnet.data.source import ArraySource
from gdnet.descent import Descent, Iteration, StopDescent, descend
from gdnet.errors import CheckpointError, DataError, Diverged
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters, initialise
from tests.command import ROOT, environment
from tests.problems import classification

RATE: dict[str, Any] = {"learning_rate": 0.5}


def full_batch(backend: Backend, m: int = 300, **settings: Any) -> FullBatch:
    rows, Y = classification(1, m)
    given: dict[str, Any] = {"n1": 4, "dtype": "float64", "block_columns": 64}
    return FullBatch(ArraySource(rows.T, Y), backend, **given | settings)


def first() -> Parameters:
    return initialise(6, 4, 1, random_state=1)


def run(backend: Backend, iterations: int = 30, **settings: Any) -> Descent:
    settings = RATE | {"iterations": iterations} | settings
    return descend(full_batch(backend), first(), **settings)


class Stop:
    """An observer that interrupts the run."""

    def __init__(self, iteration: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self._iteration, self._error = iteration, error

    def __call__(self, told: Iteration) -> None:
        if told.iteration == self._iteration:
            raise self._error


def assert_same(one: Descent, other: Descent) -> None:
    for a, b in zip(one.parameters, other.parameters, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.costs, other.costs)
    np.testing.assert_array_equal(one.validation_costs, other.validation_costs)
    assert (one.final_cost, one.converged) == (other.final_cost, other.converged)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# The same bits


@pytest.mark.parametrize("stop", [0, 1, 7, 29])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_run_goes_on_to_the_same_bits(
    backend: Backend, tmp_path: Path, stop: int, error: type[BaseException]
) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(error):
        run(backend, observers=[Stop(stop, error)], checkpoint=checkpoint)
    assert load(tmp_path / "c").progress.iterations == stop
    told: list[Iteration] = []
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(backend, observers=[told.append], checkpoint=checkpoint)
    assert_same(resumed, run(backend))
    assert [t.iteration for t in told] == list(range(stop, 30))
    assert checkpoint.same_bits is True
    assert names(tmp_path) == ["c", "c.previous"]


def test_saved_state_is_the_one_before_the_iteration_it_was_saved_in(
    backend: Backend, tmp_path: Path
) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, observers=[Stop(7)], checkpoint=checkpoint)
    saved = load(tmp_path / "c")
    seven = run(backend, 7)
    for array, expected in zip(saved.progress.parameters, seven.parameters, strict=True):
        np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(saved.progress.costs, seven.costs)
    assert saved.cost == pytest.approx(seven.final_cost, rel=1e-14)


def test_every_resume_after_many_interruptions(backend: Backend, tmp_path: Path) -> None:
    for stop in (3, 3, 9, 10, 21):
        with (
            Checkpoint(tmp_path / "c", every=4, resume=True) as checkpoint,
            pytest.raises(KeyboardInterrupt),
        ):
            run(backend, observers=[Stop(stop)], checkpoint=checkpoint)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(backend, checkpoint=checkpoint), run(backend))


def test_another_number_of_threads(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(get_backend("cpu", threads=1), observers=[Stop(9)], checkpoint=checkpoint)
    several = get_backend("cpu", threads=4)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(several, checkpoint=checkpoint), run(get_backend("cpu", threads=1)))


def test_tol_counts_on_from_where_it_was(backend: Backend, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"iterations": 5000, "tol": 3e-3, "patience": 4}
    whole = run(backend, **settings)
    assert whole.converged
    for stop in (whole.iterations - 1, whole.iterations - 3):
        with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
            run(backend, **settings, observers=[Stop(stop)], checkpoint=checkpoint)
        with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
            assert_same(run(backend, **settings, checkpoint=checkpoint), whole)
    # It is finished now, and stays so with more iterations.
    told: list[Iteration] = []
    settings["iterations"] = 6000
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        again = run(backend, **settings, observers=[told.append], checkpoint=checkpoint)
    assert_same(again, whole)
    assert told == []


def test_run_that_an_observer_has_ended_stays_ended(tmp_path: Path) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint:
        ended = run(cpu, observers=[Stop(9, StopDescent)], checkpoint=checkpoint)
    assert (ended.iterations, ended.converged) == (10, True)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert_same(run(cpu, checkpoint=checkpoint), ended)


def test_validation_costs_go_on(backend: Backend, tmp_path: Path) -> None:
    validation = full_batch(backend, 80)
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(backend, validation=validation, observers=[Stop(12)], checkpoint=checkpoint)
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
        run(cpu, observers=[Stop(12)], checkpoint=checkpoint)
    saved = load(tmp_path / "c").progress.seconds
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(cpu, checkpoint=checkpoint)
    times = load(tmp_path / "c").progress.seconds
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
            descend(gradient, first(), **settings, observers=stop, checkpoint=checkpoint)
        content = (tmp_path / "c").read_bytes()
        with Checkpoint(tmp_path / "c", resume=True) as checkpoint, pytest.raises(Diverged) as then:
            descend(gradient, first(), **settings, checkpoint=checkpoint)
    assert str(then.value) == str(whole.value)
    assert_same(then.value.last_good, whole.value.last_good)
    assert (tmp_path / "c").read_bytes() == content


def test_other_bits_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint, pytest.raises(KeyboardInterrupt):
        run(cpu, observers=[Stop(5)], checkpoint=checkpoint)
    gradient = full_batch(cpu)
    exactly = type(gradient).__call__

    def rounded_otherwise(self: FullBatch, parameters: Parameters) -> Any:
        gradients, J = exactly(self, parameters)
        return gradients, np.nextafter(J, 1.0)

    monkeypatch.setattr(type(gradient), "__call__", rounded_otherwise)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        descend(gradient, first(), **RATE, iterations=6, checkpoint=checkpoint)
    assert checkpoint.same_bits is False


# When it is saved


def saves(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[int]:
    """The numbers of iterations that a run of 30 is saved after."""
    written: list[int] = []
    original = Checkpoint._write

    def count(self: Checkpoint, iterations: int, *rest: Any, **converged: Any) -> None:
        written.append(iterations)
        original(self, iterations, *rest, **converged)

    monkeypatch.setattr(Checkpoint, "_write", count)
    with Checkpoint(folder / "c", **settings) as checkpoint:
        run(get_backend("cpu"), checkpoint=checkpoint)
    return written


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"every": 10}, [10, 20, 30]),
        ({"every": 7, "seconds": 1e6}, [7, 14, 21, 28, 30]),
        ({"seconds": 1e-9}, [*range(1, 31)]),
        ({}, [30]),
    ],
)
def test_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, expected: list[int]
) -> None:
    assert saves(tmp_path, monkeypatch, **settings) == expected


@pytest.mark.parametrize("settings", [{"every": 0}, {"seconds": 0}, {"seconds": float("nan")}])
def test_intervals_out_of_range(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(DataError, match=r"expected .*, got"):
        Checkpoint(tmp_path / "c", **settings)
    assert names(tmp_path) == []


# Another run's checkpoint


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"learning_rate": 0.25}, "learning_rate is 0.5 in the checkpoint and 0.25 here"),
        ({"tol": 0.1}, "tol is 0.0 in the checkpoint and 0.1 here"),
        ({"patience": 3}, "patience is 10 in the checkpoint and 3 here"),
        ({"n1": 5}, "hidden is 4 in the checkpoint and 5 here"),
        ({"activation": "relu"}, "activation is tanh in the checkpoint and relu here"),
        ({"dtype": "float32"}, "dtype is float64 in the checkpoint and float32 here"),
        ({"block_columns": 32}, "block_size is 64 in the checkpoint and 32 here"),
        ({"l2": 0.5}, "l2 is 0.0 in the checkpoint and 0.5 here"),
        ({"m": 299}, "examples of the data is 300 in the checkpoint and 299 here"),
        ({"seed": 2}, r"first parameters \(hash\) is \w{32} in the checkpoint and \w{32} here"),
        ({"number": 17}, r"content \(hash\) of the data is \w{32} in the checkpoint"),
        ({"label": 17}, r"content \(hash\) of the data is \w{32} in the checkpoint"),
        ({"validation": 80}, "validation is none in the checkpoint and of 80 examples here"),
    ],
)
def test_checkpoint_of_another_run_is_refused(tmp_path: Path, changed: Any, said: str) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c") as checkpoint:
        run(cpu, 5, checkpoint=checkpoint)
    content = (tmp_path / "c").read_bytes()
    rows, Y = classification(1, changed.pop("m", 300))
    if "number" in changed:
        i = changed.pop("number")
        rows[i, 3] = np.nextafter(rows[i, 3], 9)
    if "label" in changed:
        Y[0, changed.pop("label")] ^= 1
    settings: dict[str, Any] = RATE | {"iterations": 9}
    if "validation" in changed:
        settings["validation"] = full_batch(cpu, changed.pop("validation"))
    for name in ("learning_rate", "tol", "patience"):
        if name in changed:
            settings[name] = changed.pop(name)
    batch = {"n1": 4, "dtype": "float64", "block_columns": 64}
    seed = changed.pop("seed", 1)
    gradient = FullBatch(ArraySource(rows.T, Y), cpu, **batch | changed)
    start = initialise(6, gradient.shape[1], 1, random_state=seed)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=f"of another run: {said}.*go on with what it was"),
    ):
        descend(gradient, start, **settings, checkpoint=checkpoint)
    assert (tmp_path / "c").read_bytes() == content


def test_settings_of_the_caller_must_be_the_same_too(tmp_path: Path) -> None:
    cpu = get_backend("cpu")
    with Checkpoint(tmp_path / "c", settings={"recipe": [1, "x"]}) as checkpoint:
        run(cpu, 5, checkpoint=checkpoint)
    with Checkpoint(tmp_path / "c", resume=True, settings={"recipe": [1, "x"]}) as checkpoint:
        run(cpu, 6, checkpoint=checkpoint)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=r"recipe is \[1, 'x'\] in the checkpoint and none"),
    ):
        run(cpu, 7, checkpoint=checkpoint)


# The previous one


def two_checkpoints(folder: Path) -> None:
    with Checkpoint(folder / "c", every=5) as checkpoint:
        run(get_backend("cpu"), 10, checkpoint=checkpoint)
    assert load(folder / "c").progress.iterations == 10
    assert load(folder / "c.previous").progress.iterations == 5


@pytest.mark.parametrize("content", [None, b"", b"foreign", b"\0" * 1000])
def test_previous_checkpoint_is_used_when_the_last_is_lost(
    tmp_path: Path, content: bytes | None
) -> None:
    two_checkpoints(tmp_path)
    if content is None:
        (tmp_path / "c").unlink()
    else:
        (tmp_path / "c").write_bytes(content)
    with Checkpoint(tmp_path / "c", resume=True, every=20) as checkpoint:
        assert checkpoint.loaded == tmp_path / "c.previous"
        assert str(tmp_path / "c") in str(checkpoint.problem)
        assert checkpoint.iterations == 5
        with pytest.raises(KeyboardInterrupt):
            run(get_backend("cpu"), observers=[Stop(8)], checkpoint=checkpoint)
    # What is damaged has not taken the place of the previous one.
    assert load(tmp_path / "c.previous").progress.iterations == 5
    assert load(tmp_path / "c").progress.iterations == 8
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert (checkpoint.loaded, checkpoint.problem) == (tmp_path / "c", None)
        assert_same(run(get_backend("cpu"), checkpoint=checkpoint), run(get_backend("cpu")))


def test_damaged_without_a_previous_one_is_refused(tmp_path: Path) -> None:
    two_checkpoints(tmp_path)
    for name in ("c", "c.previous"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="c: the checkpoint is damaged"):
        Checkpoint(tmp_path / "c", resume=True)
    (tmp_path / "c.previous").unlink()
    with pytest.raises(CheckpointError, match="c: the checkpoint is damaged"):
        Checkpoint(tmp_path / "c", resume=True)
    assert names(tmp_path) == ["c"]


def test_no_checkpoint_yet(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert (checkpoint.progress, checkpoint.loaded) == (None, None)
        run(get_backend("cpu"), 5, checkpoint=checkpoint)
    assert load(tmp_path / "c").progress.iterations == 5


def test_new_run_keeps_the_checkpoint_of_an_older_one_beside_its_first(tmp_path: Path) -> None:
    two_checkpoints(tmp_path)
    with Checkpoint(tmp_path / "c") as checkpoint:
        assert checkpoint.replaces == 10
        run(get_backend("cpu"), 3, checkpoint=checkpoint)
    assert load(tmp_path / "c").progress.iterations == 3
    assert load(tmp_path / "c.previous").progress.iterations == 10


def test_file_that_somebody_removes_during_the_run(tmp_path: Path) -> None:
    def remove(told: Iteration) -> None:
        if told.iteration == 12:
            (tmp_path / "c").unlink()

    with Checkpoint(tmp_path / "c", every=5) as checkpoint:
        run(get_backend("cpu"), 20, observers=[remove], checkpoint=checkpoint)
    assert load(tmp_path / "c").progress.iterations == 20


def test_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    two_checkpoints(tmp_path)


# The lock


def test_one_process_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys, gdnet; checkpoint = gdnet.Checkpoint('c'); "
        "print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        (tmp_path / "link").symlink_to("c")
        for name in ("c", "link"):
            said = f"is open already, in process {other.pid}; wait for that"
            with pytest.raises(CheckpointError, match=said):
                Checkpoint(tmp_path / name)
        other.kill()
    assert names(tmp_path) == ["c.lock", "link"]
    Checkpoint(tmp_path / "c").close()
    assert names(tmp_path) == ["link"]


def test_one_checkpoint_at_a_time_in_a_process(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "c"):
        with pytest.raises(CheckpointError, match=f"open already, in process {os.getpid()}"):
            Checkpoint(tmp_path / "c")
        Checkpoint(tmp_path / "d").close()
    Checkpoint(tmp_path / "c").close()


def test_forgotten_checkpoint_is_closed(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c")
    assert names(tmp_path) == []


def test_one_run_for_each_checkpoint(tmp_path: Path) -> None:
    said = "expected a checkpoint that is open and has not served another run"
    with Checkpoint(tmp_path / "c") as checkpoint:
        run(get_backend("cpu"), 3, checkpoint=checkpoint)
        with pytest.raises(CheckpointError, match=said):
            run(get_backend("cpu"), 3, checkpoint=checkpoint)
    with Checkpoint(tmp_path / "c") as checkpoint:
        pass
    with pytest.raises(CheckpointError, match=said):
        run(get_backend("cpu"), 3, checkpoint=checkpoint)


def test_lock_waits_for_no_file_that_is_gone(tmp_path: Path) -> None:
    # Many processes that open, lock and remove the file: never do two of them hold it.
    code = """
import sys, gdnet.lock, pathlib
path, inside = pathlib.Path("c.lock"), pathlib.Path("inside")
taken = 0
while taken < 100:
    try:
        lock = gdnet.lock.FileLock(path)
    except gdnet.lock.Taken:
        continue
    inside.touch(exist_ok=False)
    inside.unlink()
    lock.release()
    taken += 1
"""
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, cwd=tmp_path, env=environment()) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]


def test_links_beside_it_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("not ours")
    (tmp_path / "c.lock").symlink_to("precious")
    with pytest.raises(DataError, match=r"c\.lock: cannot be written"):
        Checkpoint(tmp_path / "c")
    (tmp_path / "c.lock").unlink()
    (tmp_path / "c.previous").symlink_to("precious")
    with Checkpoint(tmp_path / "c", every=2) as checkpoint:
        (tmp_path / ".c.gdnet-tmp").symlink_to("precious")
        with pytest.raises(FileExistsError):
            run(get_backend("cpu"), 5, checkpoint=checkpoint)
        (tmp_path / ".c.gdnet-tmp").unlink(missing_ok=True)
    with Checkpoint(tmp_path / "c", every=2) as checkpoint:
        run(get_backend("cpu"), 5, checkpoint=checkpoint)
    assert not (tmp_path / "c.previous").is_symlink()
    assert (tmp_path / "precious").read_text() == "not ours"


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    code = """
import os, signal, gdnet.checkpoint_file
from gdnet import Checkpoint
from tests.test_checkpoint import run, get_backend
import gdnet.atomic
gdnet.atomic.os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
run(get_backend("cpu"), 10, checkpoint=Checkpoint("c"))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment() | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == -9
    assert names(tmp_path) == [".c.gdnet-tmp", "c.lock"]
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        assert names(tmp_path) == ["c.lock"]
        run(get_backend("cpu"), 10, checkpoint=checkpoint)
    assert names(tmp_path) == ["c"]
