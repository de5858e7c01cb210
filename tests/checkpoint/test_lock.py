"""One process at a time writes a checkpoint, and follows no links to what is not its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.errors import CheckpointError, DataError
from tests.support.checkout import ROOT
from tests.support.checkpoint_runs import names, run
from tests.support.command import environment


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
    except gdnet.lock.LockHeld:
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
import os, signal, gdnet.checkpoint.file
from gdnet import Checkpoint
from gdnet.backends import get_backend
from tests.support.checkpoint_runs import run
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
