"""``gdnet train --checkpoint``: interrupted by signals, resumed, refused."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.checkpoint.file import load
from gdnet.data import storage
from gdnet.descent import DescentState, Next
from gdnet.model.file import load_model
from tests.support.command import command, environment, here, snapshot, train

ITERATIONS = 80
QUICK = ["--hidden", 5, "--iterations", ITERATIONS, "--block-size", 100, "--device", "cpu"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    X = np.random.RandomState(0).randn(600, 3).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.uint8)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    return tmp_path


def bits(path: Path) -> bytes:
    return b"".join(array.tobytes() for array in load_model(path).parameters)


def costs(path: Path) -> list[float]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(len(lines)))
    assert all("seconds" in line for line in lines)
    return [line["cost"] for line in lines]


def without_times(summary: dict[str, Any]) -> dict[str, Any]:
    """What a summary says but for the time that it took, and the name of the model."""
    times = ("seconds", "_second", "model")
    return {k: v for k, v in summary.items() if not k.endswith(times)}


class InterruptedAt:
    """Stands in for `Checkpoint.__call__`: Ctrl-C during an iteration."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, iteration: int) -> None:
        call = Checkpoint.__call__

        def interrupted(checkpoint: Checkpoint, state: DescentState) -> Next:
            call(checkpoint, state)
            if state.iteration == iteration + 1:
                raise KeyboardInterrupt
            return Next(iterations=1)

        monkeypatch.setattr(Checkpoint, "__call__", interrupted)


# Signals


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
    data: Path, sent: signal.Signals, code: int, said: str
) -> None:
    rare = ["--checkpoint-every", 50, "--quiet", "--out", "m", "--history", "h"]
    process = started(data, *rare, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    done = load(data / "c").state.iteration
    assert err == (
        f"gdnet: {said}; c has the first {done} iterations; "
        "the same command with --resume continues from there\n"
    )
    assert not (data / "m").exists()
    assert not (data / "c.lock").exists()
    assert len(costs(data / "h")) in (done, done + 1)

    more = [*QUICK[:2], "--iterations", done + 20]
    go_on = ["--checkpoint", "c", "--resume", "--history", "h"]
    default = ["--hidden", 32, "--iterations", done + 20]
    assert here("train", "d.npz", *more, *go_on, cwd=data).code == 2
    resumed = here("train", "d.npz", *default, *go_on, "--out", "m", cwd=data)
    assert resumed.code == 0
    assert f"gdnet: c: resuming after {done} iterations\n" in resumed.err
    whole = ["train", "d.npz", *default, "--out", "whole", "--history", "hw", "--quiet"]
    assert here(*whole, cwd=data).code == 0
    assert bits(data / "m") == bits(data / "whole")
    assert costs(data / "h") == costs(data / "hw")


def test_terminal_is_left_as_it_was(data: Path) -> None:
    ours, theirs = pty.openpty()
    process = started(data, "--checkpoint-every", 50, stdout=theirs, stderr=theirs, stdin=theirs)
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


def test_second_ctrl_c_stops_at_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--checkpoint-every", 7]
    InterruptedAt(monkeypatch, 10)
    fsync, written = os.fsync, []

    def interrupted_too(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:  # file and folder after 7 iterations, and then this one
            raise KeyboardInterrupt
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted_too)
    done = here(*arguments, "--quiet", cwd=data)
    assert done.code == 130
    assert "c has the first 7 iterations" in done.err
    assert load(data / "c").state.iteration == 7
    assert {path.name for path in data.iterdir()} == {"c", "d.npz", "X.npy", "y.npy"}


def test_interrupted_before_and_after_the_iterations(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    arguments = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--quiet", "--out", "m"]
    with monkeypatch.context() as patch:
        patch.setattr("gdnet.descent.loop.Loop._advance", interrupt)
        done = here(*arguments, cwd=data)
        assert (done.code, done.err) == (130, "gdnet: interrupted; nothing was trained yet\n")
        assert not (data / "c").exists()
    with monkeypatch.context() as patch:
        patch.setattr("gdnet.training.pipeline.evaluate", interrupt)
        done = here(*arguments, cwd=data)
        assert (done.code, done.err) == (130, "gdnet: interrupted; the model is in m\n")
        assert load_model(data / "m").training["iterations"] == ITERATIONS


# Resuming


@pytest.mark.parametrize("streamed", [(False, False), (False, True), (True, False)])
@pytest.mark.parametrize("validation", [[], ["--validation", 0.25]])
@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_from_memory_and_streamed(
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    streamed: tuple[bool, bool],
    validation: list[object],
    standardize: str,
) -> None:
    arguments = ["X.npy", "--labels", "y.npy", *QUICK, *validation, standardize]
    whole = train(data, *arguments, out="whole")

    def stream(yes: bool) -> None:
        monkeypatch.setattr(storage, "available_memory", lambda: 1000 if yes else 10**12)

    stream(streamed[0])
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        begun = ["train", *arguments, "--checkpoint", "c", "--threads", 1, "--quiet"]
        assert here(*begun, cwd=data).code == 130
    stream(streamed[1])
    go_on = ["--checkpoint", "c", "--resume", "--threads", 3, "--quiet"]
    resumed = train(data, *arguments, *go_on)
    assert bits(data / "m") == bits(data / "whole")
    assert without_times(resumed) == without_times(whole)
    assert resumed["first_cost"] == whole["first_cost"]


def test_iterations_may_be_raised_and_a_finished_run_makes_its_model(data: Path) -> None:
    train(data, "d.npz", *QUICK, out="whole")
    part = [*QUICK, "--iterations", 50, "--checkpoint", "c"]
    train(data, "d.npz", *part)
    first = bits(data / "m")
    (data / "m").unlink()
    summary = train(data, "d.npz", *part, "--resume", "--history", "h", "--quiet")
    assert bits(data / "m") == first
    assert summary["iterations"] == len(costs(data / "h")) == 50
    done = here("train", "d.npz", *QUICK, "--checkpoint", "c", "--resume", "--out", "m", cwd=data)
    assert (done.code, done.err) == (0, "gdnet: c: resuming after 50 iterations\n")
    assert bits(data / "m") == bits(data / "whole")


def test_history_keeps_its_first_lines(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["d.npz", *QUICK, "--validation", 0.2, "--quiet"]
    train(data, *arguments, "--history", "whole")
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        begun = [*arguments, "--checkpoint", "c", "--history", "h"]
        assert here("train", *begun, cwd=data).code == 130
    before = (data / "h").read_text().splitlines()
    train(data, *arguments, "--checkpoint", "c", "--resume", "--history", "h")
    assert (data / "h").read_text().splitlines()[:70] == before[:70]
    assert costs(data / "h") == costs(data / "whole")


# What is said, and refused


def test_what_is_there_is_said(data: Path) -> None:
    run = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--checkpoint-every", 60, "--out", "m"]
    new = here(*run, "--resume", cwd=data)
    assert new.err == "gdnet: c: no checkpoint yet, the training starts from the beginning\n"
    again = here(*run, cwd=data)
    assert again.err == (
        "gdnet: c: replaces a checkpoint after 80 iterations; --resume would continue it\n"
    )
    (data / "c").write_bytes((data / "c").read_bytes()[:-3])
    previous = here(*run, "--resume", cwd=data)
    assert re.fullmatch(
        r"gdnet: \S+/c: the checkpoint is damaged: [^\n]+\n"
        r"gdnet: \S+/c.previous: resuming after 60 iterations\n",
        previous.err,
    )
    assert here(*run, "--resume", "--quiet", cwd=data).err == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--learning-rate", 0.25], "learning_rate is 0.5 in the checkpoint and 0.25 here"),
        (["--seed", 3], "seed is 0 in the checkpoint and 3 here"),
        (["--class-weight", "balanced"], "class_weight is none in the checkpoint and balanced"),
        (["--no-standardize"], "standardize is True in the checkpoint and False here"),
        (["--validation", "0.2"], "validation_fraction is none in the checkpoint and 0.2 here"),
        (["--dtype", "float64"], "dtype is float32 in the checkpoint and float64 here"),
        (["--iterations", 9], "at least 20 iterations, which have been made already, got 9"),
    ],
)
def test_other_settings_are_refused(data: Path, changed: list[object], said: str) -> None:
    arguments = ["d.npz", "--iterations", 20, "--device", "cpu", "--checkpoint", "c"]
    train(data, *arguments)
    before = snapshot(data)
    done = here("train", *arguments, *changed, "--resume", "--history", "h", cwd=data)
    assert done.code == 2
    assert re.fullmatch(rf"gdnet: c: [^\n]*{re.escape(said)}[^\n]*\n", done.err)
    assert snapshot(data) == before


def test_other_data_are_refused(data: Path) -> None:
    arguments = ["X.npy", "--labels", "y.npy", "--iterations", 20, "--checkpoint", "c"]
    train(data, *arguments)
    X = np.load(data / "X.npy")
    X[300, 1] += 1
    np.save(data / "X.npy", X)
    done = here("train", *arguments, "--resume", cwd=data)
    assert done.code == 2
    assert "resuming after" not in done.err
    assert re.search(
        r"content \(hash\) of the data is \w{32} in the checkpoint and \w{32}", done.err
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--resume"], "expected --checkpoint FILE with --resume, got none"),
        (["--checkpoint-every", 5], "expected --checkpoint FILE with --checkpoint-every"),
        (["--checkpoint-seconds", 5], "expected --checkpoint FILE with --checkpoint-seconds"),
        (["--checkpoint", "c", "--checkpoint-every", 0], "whole number of at least 1"),
        (["--checkpoint", "c", "--checkpoint-seconds", 0], "finite number above 0"),
        (["--checkpoint", "d.npz"], "files of their own for DATA and --checkpoint"),
        (["--checkpoint", "m", "--out", "m"], "files of their own for --out and --checkpoint"),
        (["--checkpoint", "c", "--out", "c.previous"], "their own for --out and --checkpoint"),
        (["--checkpoint", "."], ".: expected the name of a file to write, but it is a folder"),
        (["--checkpoint", "no/c"], "create it first"),
        (["--checkpoint", "n" * 255], "cannot be written: File name too long"),
    ],
)
def test_usage(data: Path, arguments: list[object], said: str) -> None:
    before = snapshot(data)
    done = here("train", "d.npz", "--quiet", *arguments, cwd=data)
    assert done.code == 2
    assert said in done.err
    assert snapshot(data) == before


def test_second_training_on_one_checkpoint_is_refused(data: Path) -> None:
    first = started(data, "--checkpoint-every", 50, "--quiet", "--out", "m")
    try:
        done = here("train", "d.npz", "--checkpoint", "c", "--quiet", "--out", "m2", cwd=data)
        assert (done.code, done.out) == (2, "")
        assert f"this checkpoint is open already, in process {first.pid}; wait" in done.err
    finally:
        first.kill()
        first.wait()
    again = ["--hidden", 3, "--iterations", 5, "--quiet"]
    assert here("train", "d.npz", "--checkpoint", "c", *again, cwd=data).code == 0
    assert not (data / "c.lock").exists()


def test_other_last_digits_are_reported(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["d.npz", *QUICK, "--checkpoint", "c"]
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        assert here("train", *arguments, cwd=data).code == 130

    class Other(Checkpoint):
        same_bits = property(lambda self: False, lambda self, value: None)

    monkeypatch.setattr("gdnet.checkpoint.Checkpoint", Other)
    done = here("train", *arguments, "--resume", cwd=data)
    assert done.code == 0
    assert "its cost has other last digits here" in done.err
