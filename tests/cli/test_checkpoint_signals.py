"""``gdnet train --checkpoint``: interrupted by signals, and refused to a second training."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gdnet.checkpoint.file import load
from gdnet.model.file import load_model
from tests.support.checkpointed_trainings import ITERATIONS, QUICK, InterruptedAt, bits, costs
from tests.support.command import command, environment, here


def started(folder: Path, *arguments: object, **how: Any) -> subprocess.Popen[str]:
    """A training that has come to its first checkpoint."""
    process = subprocess.Popen(
        command("train", "d.npz", "--iterations", 10**8, "--checkpoint", "c", *arguments),
        cwd=folder,
        env=environment(),
        text=True,
        **how,
    )
    deadline = time.monotonic() + 60
    while not (folder / "c").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signal_saves_and_says_how_to_go_on(
    examples: Path, sent: signal.Signals, code: int, said: str
) -> None:
    rare = ["--checkpoint-every", 50, "--quiet", "--out", "m", "--history", "h"]
    process = started(examples, *rare, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    done = load(examples / "c").state.iteration
    assert err == (
        f"gdnet: {said}; c has the first {done} iterations; "
        "the same command with --resume continues from there\n"
    )
    assert not (examples / "m").exists()
    assert not (examples / "c.lock").exists()
    assert len(costs(examples / "h")) in (done, done + 1)

    more = [*QUICK[:2], "--iterations", done + 20]
    go_on = ["--checkpoint", "c", "--resume", "--history", "h"]
    default = ["--hidden", 32, "--iterations", done + 20]
    assert here("train", "d.npz", *more, *go_on, cwd=examples).code == 2
    resumed = here("train", "d.npz", *default, *go_on, "--out", "m", cwd=examples)
    assert resumed.code == 0
    assert f"gdnet: c: resuming after {done} iterations\n" in resumed.err
    whole = ["train", "d.npz", *default, "--out", "whole", "--history", "hw", "--quiet"]
    assert here(*whole, cwd=examples).code == 0
    assert bits(examples / "m") == bits(examples / "whole")
    assert costs(examples / "h") == costs(examples / "hw")


def test_terminal_is_left_as_it_was(examples: Path) -> None:
    ours, theirs = pty.openpty()
    process = started(
        examples, "--checkpoint-every", 50, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    shown = b""
    while b"\x1b[?25l" not in shown:  # the cursor is hidden: the bar is there
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(timeout=60) == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    last = shown.decode().splitlines()[-1]
    assert re.search(r"gdnet: interrupted; c has the first \d+ iterations; .*", last)


def test_second_ctrl_c_stops_at_once(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--checkpoint-every", 7]
    InterruptedAt(monkeypatch, 10)
    fsync, written = os.fsync, []

    def interrupted_too(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:  # file and folder after 7 iterations, and then this one
            raise KeyboardInterrupt
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted_too)
    done = here(*arguments, "--quiet", cwd=examples)
    assert done.code == 130
    assert "c has the first 7 iterations" in done.err
    assert load(examples / "c").state.iteration == 7
    assert {path.name for path in examples.iterdir()} == {"c", "d.npz", "X.npy", "y.npy"}


def test_interrupted_before_and_after_the_iterations(
    examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    arguments = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--quiet", "--out", "m"]
    with monkeypatch.context() as patch:
        patch.setattr("gdnet.descent.loop.Loop._advance", interrupt)
        done = here(*arguments, cwd=examples)
        assert (done.code, done.err) == (130, "gdnet: interrupted; nothing was trained yet\n")
        assert not (examples / "c").exists()
    with monkeypatch.context() as patch:
        patch.setattr("gdnet.training.pipeline.evaluate", interrupt)
        done = here(*arguments, cwd=examples)
        assert (done.code, done.err) == (130, "gdnet: interrupted; the model is in m\n")
        assert load_model(examples / "m").training["iterations"] == ITERATIONS


def test_second_training_on_one_checkpoint_is_refused(examples: Path) -> None:
    first = started(examples, "--checkpoint-every", 50, "--quiet", "--out", "m")
    try:
        done = here("train", "d.npz", "--checkpoint", "c", "--quiet", "--out", "m2", cwd=examples)
        assert (done.code, done.out) == (2, "")
        assert f"this checkpoint is open already, in process {first.pid}; wait" in done.err
    finally:
        first.kill()
        first.wait()
    again = ["--hidden", 3, "--iterations", 5, "--quiet"]
    assert here("train", "d.npz", "--checkpoint", "c", *again, cwd=examples).code == 0
    assert not (examples / "c.lock").exists()
