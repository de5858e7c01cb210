"""Exit codes, signals, what goes to which stream, and the commands that need no data."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gdnet as package
from gdnet.model.file import load_model
from tests.support.checkout import ROOT
from tests.support.command import command, environment, gdnet, here, train, unexpected


@pytest.fixture
def data(tmp_path: Path) -> Path:
    X = np.random.RandomState(0).randn(60, 3)
    np.savez(tmp_path / "d.npz", X=X, y=(X[:, 0] > 0).astype(int))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# 3: diverged


def test_diverged_run_keeps_its_last_good_parameters(data: Path) -> None:
    train = ["train", "d.npz", "--activation", "relu", "--learning-rate", 1000, "--device", "cpu"]
    done = gdnet(*train, "--out", "m", "--history", "h.jsonl", "--quiet", cwd=data)
    assert done.code == 3
    assert done.out == ""
    # However loud the overflow was: one sentence.
    assert len(done.err.splitlines()) == 1
    assert "the descent diverges; try a smaller learning rate" in done.err
    assert re.search(r"those after \d+ iterations, are in m\n", done.err)
    costs = [json.loads(line)["cost"] for line in (data / "h.jsonl").read_text().splitlines()]
    assert costs
    assert all(map(math.isfinite, costs))

    model = load_model(data / "m")
    assert model.training["diverged"] is True
    good = model.training["iterations"]
    assert model.training["cost"] == costs[good]
    assert all(cost > 10 * costs[0] for cost in costs[good + 1 :])
    evaluated = here("evaluate", "m", "d.npz", "--json", "--quiet", cwd=data).json
    assert evaluated["log_loss"] == pytest.approx(costs[good], abs=1e-6)
    assert "diverged True" in here("info", "m", cwd=data).out
    assert here("info", "m", "--json", cwd=data).json["training"]["diverged"] is True


def test_diverged_run_as_json(data: Path) -> None:
    train = ["train", "d.npz", "--activation", "relu", "--device", "cpu", "--json", "--quiet"]
    normal = here(*train, "--iterations", 5, "--out", "good", cwd=data).json
    assert normal["diverged"] is False

    done = here(*train, "--learning-rate", 1000, "--history", "h.jsonl", "--out", "m", cwd=data)
    assert done.code == 3
    found = done.json
    of_the_end = {key for key in normal if key.startswith(("train_", "evaluating_"))}
    assert set(found) == (set(normal) - of_the_end) | {"diverged_at_iteration"}
    assert found["diverged"] is True
    assert f"at iteration {found['diverged_at_iteration']} " in done.err
    assert found["model"] == "m"
    saved = load_model(data / "m").training
    for key in ("iterations", "cost", "examples", "data"):
        assert found[key] == saved[key], key
    for key in ("features", "kind", "classes", "device", "first_cost"):
        assert found[key] == normal[key], key

    # The first update is one too many: what is saved are the first weights.
    found = here(*train, "--learning-rate", 1e30, "--out", "m", cwd=data).json
    assert (found["diverged_at_iteration"], found["iterations"]) == (1, 0)
    assert found["cost"] == found["first_cost"] == normal["first_cost"]

    found = here(*train, "--l2", "1e300", "--out", "none", cwd=data).json
    assert (found["diverged"], found["diverged_at_iteration"], found["model"]) == (True, 0, None)
    assert "cost" not in found
    assert not (data / "none").exists()


def test_diverged_at_the_first_cost_leaves_an_older_model_alone(data: Path) -> None:
    (data / "m").write_text("an older model")
    done = here("train", "d.npz", "--l2", "1e300", "--quiet", "--out", "m", cwd=data)
    assert done.code == 3
    assert len(done.err.splitlines()) == 1
    assert "before the first update" in done.err
    assert (data / "m").read_text() == "an older model"


# 4 and 2: devices


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_cuda_that_is_not_there(data: Path, device: str) -> None:
    if package.available_devices() != ["cpu"]:
        device = "cuda:9999"
    before = names(data)
    for run, *arguments in (
        (gdnet, "train", "d.npz", "--out", "m"),
        (here, "train", "nothing.npz", "--quiet"),
    ):
        done = run(*arguments, "--device", device, cwd=data)
        assert done.code == 4
        assert done.out == ""
        assert re.fullmatch(r"gdnet: [^\n]*(CUDA|CuPy)[^\n]*\n", done.err)
    assert names(data) == before


def test_cuda_that_is_not_there_for_a_saved_model(data: Path) -> None:
    train(data, "d.npz", "--iterations", 2)
    for name in ("predict", "evaluate"):
        done = here(name, "m", "d.npz", "--device", "cuda:9999", cwd=data)
        assert (done.code, done.out) == (4, "")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "CUDA", "cpu:0", ""])
def test_name_that_is_no_device(data: Path, device: str) -> None:
    done = here("train", "d.npz", "--device", device, cwd=data)
    assert done.code == 2
    assert "choose auto, cpu, cuda or cuda:N" in done.err.splitlines()[-1]


# 130 and 143: signals


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signal_ends_a_training_cleanly(
    data: Path, sent: signal.Signals, code: int, said: str
) -> None:
    before = names(data)
    train = ["train", "d.npz", "--iterations", 10**9, "--out", "m", "--history", "h.jsonl"]
    process = subprocess.Popen(
        command(*train, "--quiet"),
        cwd=data,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history, deadline = data / "h.jsonl", time.monotonic() + 60
    while not (history.exists() and history.stat().st_size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    remedy = "no model was saved; with --checkpoint FILE a training can resume"
    assert (out, err) == ("", f"gdnet: {said}; {remedy}\n")
    assert names(data) == {*before, "h.jsonl"}
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(len(lines)))


# Streams


def test_results_go_to_stdout_and_all_else_to_stderr(data: Path) -> None:
    arguments = ["train", "d.npz", "--iterations", 2, "--out", "m"]
    loud = gdnet(*arguments, cwd=data)
    quiet = gdnet(*arguments, "--quiet", cwd=data)
    for done, model in ((loud, "m"), (quiet, r"m \(replaced\)")):
        assert done.code == 0
        assert re.search(r"^data +d\.npz: 60 examples, 3 features, 2 classes$", done.out, re.M)
        assert re.search(rf"^model +{model}$", done.out, re.M)
    assert re.fullmatch(r"gdnet: device (cpu|cuda:\d) \([^\n]+\)\n", loud.err)
    assert quiet.err == ""


def test_ignored_columns_are_reported_unless_quiet(tmp_path: Path) -> None:
    lines = ["a,town,y", *(f"{i}.5,London,{i % 2}" for i in range(20))]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    train = ["train", "d.csv", "--target", "y", "--iterations", 2, "--device", "cpu", "--out", "m"]
    train += ["--text", "ignore"]
    ignored = "town (text such as 'London')"
    said = unexpected(here(*train, cwd=tmp_path).err)
    assert said == f"gdnet: ignored columns: {ignored}\n"
    quiet = here(*train, "--quiet", cwd=tmp_path)
    assert quiet.err == ""
    assert f"1 feature, 2 classes; ignored: {ignored}\n" in quiet.out
    facts = here(*train, "--quiet", "--json", cwd=tmp_path).json
    assert facts["ignored"] == ["town"]
    assert facts["ignored_why"] == ["text such as 'London'"]


def test_quiet_does_not_hide_an_error(data: Path) -> None:
    done = gdnet("predict", "nothing", "d.npz", "--quiet", cwd=data)
    assert done.code == 2
    assert done.err == "gdnet: nothing: expected a model file, but it does not exist\n"


def test_reader_of_the_output_may_leave(data: Path) -> None:
    X = np.zeros((200_000, 3), np.float32)
    np.save(data / "many.npy", X)
    train(data, "d.npz", "--iterations", 2)
    predict = subprocess.Popen(
        command("predict", "m", "many.npy", "--proba", "--quiet"),
        cwd=data,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert predict.stdout is not None
    assert predict.stderr is not None
    assert predict.stdout.readline() == b"probability_0,probability_1\n"
    predict.stdout.close()
    with predict.stderr as stderr:
        assert stderr.read() == b""
    assert predict.wait(timeout=60) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "closed"),
    [
        ("info", 0, ">&-"),
        ("train d.npz --quiet", 0, "<&- >&- 2>&-"),
        ("info x", 2, "2>&-"),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in (
                *(("info", 0, closed) for closed in ("2>&-", "<&- >&- 2>&-")),
                *(("train d.npz --quiet", 0, closed) for closed in (">&-", "2>&-")),
                *(("info x", 2, closed) for closed in (">&-", "<&- >&- 2>&-")),
            )
        ),
    ],
)
def test_closed_outputs_lead_nowhere(data: Path, arguments: str, code: int, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command(*arguments.split()))} {closed}"],
        cwd=data,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_nobody_reads_the_output(data: Path) -> None:
    unread, write = os.pipe()
    os.close(unread)
    with open(write, "wb") as stdout:  # noqa: PTH123 - a descriptor, not a path
        done = subprocess.run(
            command("info"), cwd=data, env=environment(), stdout=stdout, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_sentence(data: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("info"),
            cwd=data,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "gdnet: No space left on device\n"


def test_file_name_that_is_no_text(data: Path) -> None:
    name = b"\xff.npz"
    (data / "d.npz").rename(data / name.decode("utf-8", "surrogateescape"))
    options = ["--iterations", "2", "--out", "m", "--quiet"]
    train: list[str | bytes] = [*command("train"), name, *options]
    done = subprocess.run(train, cwd=data, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "60 examples" in done.stdout
    assert load_model(data / "m").training["examples"] == 60


# Commands without data


def test_version_and_help(tmp_path: Path) -> None:
    assert gdnet("--version", cwd=tmp_path) == (0, f"gdnet {package.__version__}\n", "")
    done = here("--help", cwd=tmp_path)
    assert done.code == 0
    for word in ("train", "predict", "evaluate", "info", "gradcheck", "130 interrupted"):
        assert word in done.out


@pytest.mark.parametrize("name", ["train", "predict", "evaluate", "info", "gradcheck"])
def test_help_of_a_command(tmp_path: Path, name: str) -> None:
    done = here(name, "--help", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: gdnet {name} ")


def test_no_command(tmp_path: Path) -> None:
    done = gdnet(cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: gdnet ")


def test_parser_needs_no_numpy() -> None:
    code = "import sys, gdnet.cli.main as m; m.build_parser(); print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
