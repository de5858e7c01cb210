"""``gdnet train --checkpoint``: resumed, and refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.data import storage
from tests.support.checkpointed_trainings import QUICK, InterruptedAt, bits, costs
from tests.support.command import here, snapshot, train


def without_times(summary: dict[str, Any]) -> dict[str, Any]:
    """What a summary says but for the time that it took, and the name of the model."""
    times = ("seconds", "_second", "model")
    return {k: v for k, v in summary.items() if not k.endswith(times)}


# Resuming


@pytest.mark.parametrize("streamed", [(False, False), (False, True), (True, False)])
@pytest.mark.parametrize("validation", [[], ["--validation", 0.25]])
@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_from_memory_and_streamed(
    examples: Path,
    monkeypatch: pytest.MonkeyPatch,
    streamed: tuple[bool, bool],
    validation: list[object],
    standardize: str,
) -> None:
    arguments = ["X.npy", "--labels", "y.npy", *QUICK, *validation, standardize]
    whole = train(examples, *arguments, out="whole")

    def stream(yes: bool) -> None:
        monkeypatch.setattr(storage, "available_memory", lambda: 1000 if yes else 10**12)

    stream(streamed[0])
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        begun = ["train", *arguments, "--checkpoint", "c", "--threads", 1, "--quiet"]
        assert here(*begun, cwd=examples).code == 130
    stream(streamed[1])
    go_on = ["--checkpoint", "c", "--resume", "--threads", 3, "--quiet"]
    resumed = train(examples, *arguments, *go_on)
    assert bits(examples / "m") == bits(examples / "whole")
    assert without_times(resumed) == without_times(whole)
    assert resumed["first_cost"] == whole["first_cost"]


def test_iterations_may_be_raised_and_a_finished_run_makes_its_model(examples: Path) -> None:
    train(examples, "d.npz", *QUICK, out="whole")
    part = [*QUICK, "--iterations", 50, "--checkpoint", "c"]
    train(examples, "d.npz", *part)
    first = bits(examples / "m")
    (examples / "m").unlink()
    summary = train(examples, "d.npz", *part, "--resume", "--history", "h", "--quiet")
    assert bits(examples / "m") == first
    assert summary["iterations"] == len(costs(examples / "h")) == 50
    done = here(
        "train", "d.npz", *QUICK, "--checkpoint", "c", "--resume", "--out", "m", cwd=examples
    )
    assert (done.code, done.err) == (0, "gdnet: c: resuming after 50 iterations\n")
    assert bits(examples / "m") == bits(examples / "whole")


def test_history_keeps_its_first_lines(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["d.npz", *QUICK, "--validation", 0.2, "--quiet"]
    train(examples, *arguments, "--history", "whole")
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        begun = [*arguments, "--checkpoint", "c", "--history", "h"]
        assert here("train", *begun, cwd=examples).code == 130
    before = (examples / "h").read_text().splitlines()
    train(examples, *arguments, "--checkpoint", "c", "--resume", "--history", "h")
    assert (examples / "h").read_text().splitlines()[:70] == before[:70]
    assert costs(examples / "h") == costs(examples / "whole")


# What is said, and refused


def test_what_is_there_is_said(examples: Path) -> None:
    run = ["train", "d.npz", *QUICK, "--checkpoint", "c", "--checkpoint-every", 60, "--out", "m"]
    new = here(*run, "--resume", cwd=examples)
    assert new.err == "gdnet: c: no checkpoint yet, the training starts from the beginning\n"
    again = here(*run, cwd=examples)
    assert again.err == (
        "gdnet: c: replaces a checkpoint after 80 iterations; --resume would continue it\n"
    )
    (examples / "c").write_bytes((examples / "c").read_bytes()[:-3])
    previous = here(*run, "--resume", cwd=examples)
    assert re.fullmatch(
        r"gdnet: \S+/c: the checkpoint is damaged: [^\n]+\n"
        r"gdnet: \S+/c.previous: resuming after 60 iterations\n",
        previous.err,
    )
    assert here(*run, "--resume", "--quiet", cwd=examples).err == ""


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
def test_other_settings_are_refused(examples: Path, changed: list[object], said: str) -> None:
    arguments = ["d.npz", "--iterations", 20, "--device", "cpu", "--checkpoint", "c"]
    train(examples, *arguments)
    before = snapshot(examples)
    done = here("train", *arguments, *changed, "--resume", "--history", "h", cwd=examples)
    assert done.code == 2
    assert re.fullmatch(rf"gdnet: c: [^\n]*{re.escape(said)}[^\n]*\n", done.err)
    assert snapshot(examples) == before


def test_other_data_are_refused(examples: Path) -> None:
    arguments = ["X.npy", "--labels", "y.npy", "--iterations", 20, "--checkpoint", "c"]
    train(examples, *arguments)
    X = np.load(examples / "X.npy")
    X[300, 1] += 1
    np.save(examples / "X.npy", X)
    done = here("train", *arguments, "--resume", cwd=examples)
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
def test_usage(examples: Path, arguments: list[object], said: str) -> None:
    before = snapshot(examples)
    done = here("train", "d.npz", "--quiet", *arguments, cwd=examples)
    assert done.code == 2
    assert said in done.err
    assert snapshot(examples) == before


def test_other_last_digits_are_reported(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["d.npz", *QUICK, "--checkpoint", "c"]
    with monkeypatch.context() as patch:
        InterruptedAt(patch, 70)
        assert here("train", *arguments, cwd=examples).code == 130

    class Other(Checkpoint):
        same_bits = property(lambda self: False, lambda self, value: None)

    monkeypatch.setattr("gdnet.checkpoint.Checkpoint", Other)
    done = here("train", *arguments, "--resume", cwd=examples)
    assert done.code == 0
    assert "its cost has other last digits here" in done.err
