"""When a checkpoint is saved, whose it is, and the previous one that is kept beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.checkpoint.file import load
from gdnet.data.source import ArraySource
from gdnet.descent import DescentState, descend
from gdnet.errors import CheckpointError, DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.support.checkpoint_runs import RATE, Stop, assert_same, full_batch, names, run
from tests.support.problems import classification

# When it is saved


def saves(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[int]:
    """The numbers of iterations that a run of 30 is saved after."""
    written: list[int] = []
    original = Checkpoint._write

    def count(self: Checkpoint, state: DescentState, cost: float | None) -> None:
        written.append(state.iteration)
        original(self, state, cost)

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
        ({"block_columns": 32}, "block_size is 128 in the checkpoint and 32 here"),
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
    batch = {"n1": 4, "dtype": "float64", "block_columns": 128}
    seed = changed.pop("seed", 1)
    gradient = FullBatch(ArraySource(rows.T, Y), cpu, **batch | changed)
    start = initialise(6, gradient.shape[1], 1, random_state=seed)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=f"of another run: {said}.*resume with what it was"),
    ):
        descend(gradient, start, **settings, callbacks=[checkpoint])
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
    assert load(folder / "c").state.iteration == 10
    assert load(folder / "c.previous").state.iteration == 5


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
            run(get_backend("cpu"), callbacks=[Stop(8)], checkpoint=checkpoint)
    # What is damaged has not taken the place of the previous one.
    assert load(tmp_path / "c.previous").state.iteration == 5
    assert load(tmp_path / "c").state.iteration == 8
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
        assert (checkpoint.saved, checkpoint.loaded) == (None, None)
        run(get_backend("cpu"), 5, checkpoint=checkpoint)
    assert load(tmp_path / "c").state.iteration == 5


def test_new_run_keeps_the_checkpoint_of_an_older_one_beside_its_first(tmp_path: Path) -> None:
    two_checkpoints(tmp_path)
    with Checkpoint(tmp_path / "c") as checkpoint:
        assert checkpoint.replaces == 10
        run(get_backend("cpu"), 3, checkpoint=checkpoint)
    assert load(tmp_path / "c").state.iteration == 3
    assert load(tmp_path / "c.previous").state.iteration == 10


def test_file_that_somebody_removes_during_the_run(tmp_path: Path) -> None:
    def remove(reported: DescentState) -> None:
        if reported.iteration == 13:
            (tmp_path / "c").unlink()

    with Checkpoint(tmp_path / "c", every=5) as checkpoint:
        run(get_backend("cpu"), 20, callbacks=[remove], checkpoint=checkpoint)
    assert load(tmp_path / "c").state.iteration == 20


def test_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    two_checkpoints(tmp_path)
