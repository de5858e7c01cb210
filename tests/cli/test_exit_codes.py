"""Exit codes, signals, and the commands that need no data."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gdnet as package
from gdnet.model.file import load_model
from tests.support.checkout import ROOT
from tests.support.command import command, environment, gdnet, here, train


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# 3: diverged


def test_diverged_run_keeps_its_last_good_parameters(sixty_rows: Path) -> None:
    train = ["train", "d.npz", "--activation", "relu", "--learning-rate", 1000, "--device", "cpu"]
    done = gdnet(*train, "--out", "m", "--history", "h.jsonl", "--quiet", cwd=sixty_rows)
    assert done.code == 3
    assert done.out == ""
    # However loud the overflow was: one sentence.
    assert len(done.err.splitlines()) == 1
    assert "the descent diverges; try a smaller learning rate" in done.err
    assert re.search(r"those after \d+ iterations, are in m\n", done.err)
    costs = [json.loads(line)["cost"] for line in (sixty_rows / "h.jsonl").read_text().splitlines()]
    assert costs
    assert all(map(math.isfinite, costs))

    model = load_model(sixty_rows / "m")
    assert model.training["diverged"] is True
    good = model.training["iterations"]
    assert model.training["cost"] == costs[good]
    assert all(cost > 10 * costs[0] for cost in costs[good + 1 :])
    evaluated = here("evaluate", "m", "d.npz", "--json", "--quiet", cwd=sixty_rows).json
    assert evaluated["log_loss"] == pytest.approx(costs[good], abs=1e-6)
    assert "diverged True" in here("info", "m", cwd=sixty_rows).out
    assert here("info", "m", "--json", cwd=sixty_rows).json["training"]["diverged"] is True


def test_diverged_run_as_json(sixty_rows: Path) -> None:
    train = ["train", "d.npz", "--activation", "relu", "--device", "cpu", "--json", "--quiet"]
    normal = here(*train, "--iterations", 5, "--out", "good", cwd=sixty_rows).json
    assert normal["diverged"] is False

    done = here(
        *train, "--learning-rate", 1000, "--history", "h.jsonl", "--out", "m", cwd=sixty_rows
    )
    assert done.code == 3
    found = done.json
    of_the_end = {key for key in normal if key.startswith(("train_", "evaluating_"))}
    assert set(found) == (set(normal) - of_the_end) | {"diverged_at_iteration"}
    assert found["diverged"] is True
    assert f"at iteration {found['diverged_at_iteration']} " in done.err
    assert found["model"] == "m"
    saved = load_model(sixty_rows / "m").training
    for key in ("iterations", "cost", "examples", "data"):
        assert found[key] == saved[key], key
    for key in ("features", "kind", "classes", "device", "first_cost"):
        assert found[key] == normal[key], key

    # The first update is one too many: what is saved are the first weights.
    found = here(*train, "--learning-rate", 1e30, "--out", "m", cwd=sixty_rows).json
    assert (found["diverged_at_iteration"], found["iterations"]) == (1, 0)
    assert found["cost"] == found["first_cost"] == normal["first_cost"]

    found = here(*train, "--l2", "1e300", "--out", "none", cwd=sixty_rows).json
    assert (found["diverged"], found["diverged_at_iteration"], found["model"]) == (True, 0, None)
    assert "cost" not in found
    assert not (sixty_rows / "none").exists()


def test_diverged_at_the_first_cost_leaves_an_older_model_alone(sixty_rows: Path) -> None:
    (sixty_rows / "m").write_text("an older model")
    done = here("train", "d.npz", "--l2", "1e300", "--quiet", "--out", "m", cwd=sixty_rows)
    assert done.code == 3
    assert len(done.err.splitlines()) == 1
    assert "before the first update" in done.err
    assert (sixty_rows / "m").read_text() == "an older model"


# 4 and 2: devices


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_cuda_that_is_not_there(sixty_rows: Path, device: str) -> None:
    if package.available_devices() != ["cpu"]:
        device = "cuda:9999"
    before = names(sixty_rows)
    for run, *arguments in (
        (gdnet, "train", "d.npz", "--out", "m"),
        (here, "train", "nothing.npz", "--quiet"),
    ):
        done = run(*arguments, "--device", device, cwd=sixty_rows)
        assert done.code == 4
        assert done.out == ""
        assert re.fullmatch(r"gdnet: [^\n]*(CUDA|CuPy)[^\n]*\n", done.err)
    assert names(sixty_rows) == before


def test_cuda_that_is_not_there_for_a_saved_model(sixty_rows: Path) -> None:
    train(sixty_rows, "d.npz", "--iterations", 2)
    for name in ("predict", "evaluate"):
        done = here(name, "m", "d.npz", "--device", "cuda:9999", cwd=sixty_rows)
        assert (done.code, done.out) == (4, "")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "CUDA", "cpu:0", ""])
def test_name_that_is_no_device(sixty_rows: Path, device: str) -> None:
    done = here("train", "d.npz", "--device", device, cwd=sixty_rows)
    assert done.code == 2
    assert "choose auto, cpu, cuda or cuda:N" in done.err.splitlines()[-1]


# 130 and 143: signals


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signal_ends_a_training_cleanly(
    sixty_rows: Path, sent: signal.Signals, code: int, said: str
) -> None:
    before = names(sixty_rows)
    train = ["train", "d.npz", "--iterations", 10**9, "--out", "m", "--history", "h.jsonl"]
    process = subprocess.Popen(
        command(*train, "--quiet"),
        cwd=sixty_rows,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history, deadline = sixty_rows / "h.jsonl", time.monotonic() + 60
    while not (history.exists() and history.stat().st_size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    remedy = "no model was saved; with --checkpoint FILE a training can resume"
    assert (out, err) == ("", f"gdnet: {said}; {remedy}\n")
    assert names(sixty_rows) == {*before, "h.jsonl"}
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(len(lines)))


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
