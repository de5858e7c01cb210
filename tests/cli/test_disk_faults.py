"""Full disks, files that vanish or change, reads that fail: a reason, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.checkpoint.file import load
from gdnet.data.arrays.row_file import RowFile
from gdnet.descent import DescentState, Next
from gdnet.errors import DataError
from gdnet.model.file import load_model
from tests.support.command import Done, here, limited, train

ITERATIONS = 120
TRAIN = ["X.npy", "--labels", "y.npy", "--hidden", 5, "--iterations", ITERATIONS]
TRAIN += ["--block-size", 100, "--device", "cpu", "--threads", 2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    X = np.random.RandomState(0).randn(1000, 4).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", (X[:, 0] > 0).astype(np.uint8))
    return tmp_path


def bits(path: Path) -> bytes:
    return b"".join(array.tobytes() for array in load_model(path).parameters)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def on_a_full_disk(folder: Path, largest: int, *arguments: object) -> Done:
    """Train where no file can be larger than that."""
    return limited("RLIMIT_FSIZE", largest, "train", *arguments, cwd=folder)


def at_iteration(monkeypatch: pytest.MonkeyPatch, i: int, what: Callable[[], object]) -> None:
    """Do something between two iterations of a training with a checkpoint."""
    call = Checkpoint.__call__

    def then(checkpoint: Checkpoint, state: DescentState) -> Next:
        call(checkpoint, state)
        if state.iteration == i + 1:
            what()
        return Next(iterations=1)

    monkeypatch.setattr(Checkpoint, "__call__", then)


# Full disks


def test_full_disk_keeps_the_last_checkpoint(data: Path) -> None:
    train(data, *TRAIN, out="whole")
    # It grows with every iteration, and so does not fit any more at some time.
    arguments = [*TRAIN, "--checkpoint", "c", "--checkpoint-every", 10, "--quiet", "--out", "m"]
    done = on_a_full_disk(data, 2500, *arguments)
    last = load(data / "c").state.iteration
    assert last > 0
    assert done == (
        1,
        "",
        "gdnet: c: the checkpoint cannot be written (File too large); the last one, after "
        f"{last} iterations, is intact\n",
    )
    assert names(data) == {"X.npy", "y.npy", "whole", "c", "c.previous"}
    train(data, *arguments[:-2], "--resume")
    assert bits(data / "m") == bits(data / "whole")


def test_full_disk_leaves_no_partial_model_and_the_old_one(data: Path) -> None:
    arguments = [*TRAIN, "--hidden", 64, "--quiet", "--out", "m"]
    for before in (set(), {"m"}):
        code, out, err = on_a_full_disk(data, 1000, *arguments)
        assert (code, err) == (1, "gdnet: m: File too large\n")
        assert "accuracy" in out
        assert "model       not saved\n" in out
        assert names(data) == {"X.npy", "y.npy"} | before
        (data / "m").write_text("an older model")
    assert (data / "m").read_text() == "an older model"


def test_full_disk_for_the_history(data: Path) -> None:
    done = on_a_full_disk(data, 5000, *TRAIN, "--quiet", "--history", "h", "--out", "m")
    assert done == (1, "", "gdnet: h: File too large\n")
    assert not (data / "m").exists()


def test_folder_that_becomes_read_only(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def now() -> None:
        monkeypatch.setattr(Path, "open", refuse)

    at_iteration(monkeypatch, 35, now)
    arguments = [*TRAIN, "--checkpoint", "c", "--checkpoint-every", 10, "--quiet", "--out", "m"]
    done = here("train", *arguments, cwd=data)
    monkeypatch.undo()
    assert done.code == 1
    assert done.err == (
        "gdnet: c: the checkpoint cannot be written (Read-only file system); the last one, "
        "after 30 iterations, is intact\n"
    )
    assert load(data / "c").state.iteration == 30


def test_folder_without_permission(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "closed").mkdir()
    monkeypatch.setattr("gdnet.atomic.os.access", lambda path, mode: path.name != "closed")
    for option in ("--checkpoint", "--out", "--history"):
        done = here("train", "no-data.npy", option, "closed/f", "--quiet", cwd=data)
        assert done.code == 2
        assert "closed/f: no permission to write in the folder" in done.err
    assert names(data / "closed") == set()


# Data that do not stay as they are


def truncate(path: Path) -> None:
    os.truncate(path, 4000)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"\0" * 100)


def save_again(path: Path) -> None:
    np.save(path, np.zeros((1000, 4), np.float32))


@pytest.mark.parametrize("harm", [truncate, overwrite, save_again])
def test_file_that_changes_while_it_is_read(
    data: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    train(data, *TRAIN, out="whole")
    content = (data / "X.npy").read_bytes()
    arguments = [*TRAIN, "--checkpoint", "c", "--quiet"]
    with monkeypatch.context() as patch:
        at_iteration(patch, 50, lambda: harm(data / "X.npy"))
        done = here("train", *arguments, "--out", "m", cwd=data)
    assert done.code == 2
    assert done.err == (
        "gdnet: X.npy: expected a file that stays as it is, got one that changed while it was "
        "read; try again when it is complete\n"
    )
    assert names(data) == {"X.npy", "y.npy", "whole", "c"}
    # Nothing that was computed from other data is in the checkpoint.
    (data / "X.npy").write_bytes(content)
    train(data, *arguments, "--resume")
    assert bits(data / "m") == bits(data / "whole")


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    path.rename(path.with_name("old"))
    np.save(path, np.zeros((7, 4)))


@pytest.mark.parametrize("harm", [remove, replace])
def test_file_that_is_removed_or_replaced_stays_readable(
    data: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    train(data, *TRAIN, out="whole")
    at_iteration(monkeypatch, 50, lambda: harm(data / "X.npy"))
    train(data, *TRAIN, "--checkpoint", "c")
    assert bits(data / "m") == bits(data / "whole")


# Reads


def test_short_reads_are_continued(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preadv = os.preadv

    def short(descriptor: int, buffers: list[memoryview], position: int) -> int:
        return preadv(descriptor, [buffers[0][:100]], position)

    monkeypatch.setattr(os, "preadv", short)
    np.testing.assert_array_equal(RowFile(data / "X.npy")[3:700], np.load(data / "X.npy")[3:700])


def test_end_of_the_file_where_rows_should_be(data: Path) -> None:
    rows = RowFile(data / "X.npy")
    truncate(data / "X.npy")
    with pytest.raises(DataError, match=r"X\.npy: expected a file that stays as it is"):
        rows[900:1000]


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_read_error_names_the_file_and_loses_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    train(data, *TRAIN, out="whole")

    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    arguments = [*TRAIN, "--checkpoint", "c", "--quiet"]
    with monkeypatch.context() as patch:
        at_iteration(patch, 50, lambda: patch.setattr(os, "preadv", fail))
        done = here("train", *arguments, "--out", "m", cwd=data)
    assert done == (1, "", f"gdnet: X.npy: {os.strerror(code)}\n")
    assert load(data / "c").state.iteration == 50
    assert not (data / "m").exists()
    train(data, *arguments, "--resume")
    assert bits(data / "m") == bits(data / "whole")
