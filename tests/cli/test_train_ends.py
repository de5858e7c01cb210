"""What ``gdnet train`` starts from, and how it ends: early stopping, --init, --max-seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")


from gdnet.checkpoint.file import load as load_checkpoint
from gdnet.model.file import load_model
from tests.support.command import Done, here
from tests.support.labelled_problems import problem
from tests.support.noisy_fits import noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Few examples, some with wrong labels: a network learns them by heart, and is worse on others.
    X, y = problem("binary")
    wrong = y.copy()
    wrong[::4] = noise(y)[::4]
    np.savez(tmp_path / "d.npz", X=X[:60], y=wrong[:60])
    np.savez(tmp_path / "v.npz", X=X[60:], y=y[60:])
    return tmp_path


NOISY_OPTIONS = ["--hidden", 8, "--learning-rate", 3, "--seed", 3, "--device", "cpu"]


def train(folder: Path, *options: object) -> Done:
    return here("train", "d.npz", *NOISY_OPTIONS, *options, cwd=folder)


def parameters(folder: Path, name: str) -> list[bytes]:
    return [array.tobytes() for array in load_model(folder / name).parameters]


STOPPED = ["--early-stopping", "--validation", "v.npz", "--patience", 12, "--iterations", 400]


def test_early_stopping_keeps_the_lowest_and_says_which(folder: Path) -> None:
    done = train(folder, *STOPPED, "--out", "m")
    assert done.code == 0
    found = train(folder, *STOPPED, "--out", "m", "--history", "h", "--json").json
    kept = found["kept_iteration"]
    assert kept == found["lowest_validation_cost_iteration"] < found["iterations"] < 400
    assert found["iterations"] == kept + 13
    assert found["converged"] is True
    assert f"after {kept} iterations; the parameters after {kept} are kept" in done.out
    assert "where the validation cost had stalled" in done.out
    lines = [json.loads(line) for line in (folder / "h").read_text().splitlines()]
    assert lines[kept]["cost"] == pytest.approx(found["cost"], rel=1e-6)
    assert train(folder, "--iterations", kept, "--out", "exact").code == 0
    assert parameters(folder, "m") == parameters(folder, "exact")
    model = load_model(folder / "m")
    assert model.training["cost"] == found["cost"]
    assert model.settings["early_stopping"] is True
    assert found["validation_log_loss"] == pytest.approx(found["lowest_validation_cost"], rel=1e-5)


def test_early_stopping_needs_validation_data(folder: Path) -> None:
    done = train(folder, "--early-stopping")
    assert (done.code, done.out) == (2, "")
    assert "expected --validation FILE or FRACTION with --early-stopping, got none" in done.err


def test_a_lowest_validation_cost_long_ago_is_hinted_at(folder: Path) -> None:
    options = ["--validation", "v.npz", "--iterations", 300]
    assert "--early-stopping keeps those parameters" in train(folder, *options).out
    np.savez(folder / "v.npz", **np.load(folder / "d.npz"))
    assert "--early-stopping" not in train(folder, *options).out


@pytest.mark.parametrize("at", [1, 20, 0])
def test_early_stopping_resumes_to_the_same_bits(folder: Path, at: int) -> None:
    """From before the lowest cost, from where it is known already, and after the end."""
    assert train(folder, *STOPPED, "--out", "whole").code == 0
    best = load_model(folder / "whole").training["kept_iteration"]
    made = best + 13
    stop = {1: best // 2, 20: best + 6, 0: made}[at]
    short = [*STOPPED[:-1], stop, "--checkpoint", "c"]
    assert train(folder, *short, "--out", "m").code == 0
    assert load_checkpoint(folder / "c").state.iteration == stop
    done = train(folder, *STOPPED, "--checkpoint", "c", "--resume", "--out", "m")
    assert done.code == 0, done.err
    assert parameters(folder, "m") == parameters(folder, "whole")
    assert load_model(folder / "m").training == load_model(folder / "whole").training
    other = train(folder, *STOPPED[1:], "--checkpoint", "c", "--resume", "--out", "m")
    assert other.code == 2
    assert "early_stopping is True in the checkpoint and False here" in other.err


@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_init_continues_from_a_model(folder: Path, standardize: str) -> None:
    float64 = ["--dtype", "float64", standardize]
    assert train(folder, *float64, "--iterations", 30, "--out", "half").code == 0
    assert train(folder, *float64, "--iterations", 60, "--out", "whole").code == 0
    more = ["train", "d.npz", "--learning-rate", 3, *float64, "--iterations", 30, "--init", "half"]
    found = here(*more, "--json", "--out", "more", cwd=folder).json
    assert found["hidden"] == 8
    whole, continued = load_model(folder / "whole"), load_model(folder / "more")
    assert found["first_cost"] == pytest.approx(load_model(folder / "half").training["cost"])
    for a, b in zip(continued.parameters, whole.parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8 if standardize == "--standardize" else 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--hidden", 5],
            "m: expected a model to start from with the hidden units of the training, 5, got 8",
        ),
        (["--activation", "relu"], "with the activation of the training, relu, got tanh"),
    ],
)
def test_init_from_another_network_is_refused(folder: Path, options: Any, said: str) -> None:
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    done = here("train", "d.npz", "--init", "m", *options, "--out", "other", cwd=folder)
    assert done.code == 2
    assert said in done.err


def test_init_of_other_classes_is_refused(folder: Path) -> None:
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    data = dict(np.load(folder / "d.npz"))
    np.savez(folder / "d.npz", X=data["X"], y=np.where(data["y"] == "yes", "on", "off"))
    done = train(folder, "--init", "m", "--out", "other")
    assert done.code == 2
    assert "with the classes of the training, off, on, got no, yes" in done.err


def test_init_leaves_nothing_to_scale(folder: Path) -> None:
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    done = train(folder, "--init", "m", "--init-scale", 0.1)
    assert done.code == 2
    assert "expected --init or --init-scale, got both" in done.err
    assert train(folder, "--init", "m", "--iterations", 2, "--out", "n").code == 0
    assert load_model(folder / "n").settings["init"] == "m"


def test_parts_of_one_iteration_come_to_an_end(folder: Path) -> None:
    options = ["--iterations", 4, "--max-seconds", 1e-9, "--checkpoint", "c", "--resume"]
    made = [train(folder, *options, "--json", "--out", "m").json["iterations"] for _ in range(5)]
    assert made == [1, 2, 3, 4, 4]
    assert train(folder, "--iterations", 4, "--out", "whole").code == 0
    assert parameters(folder, "m") == parameters(folder, "whole")


def test_the_last_parameters_may_be_the_lowest(folder: Path) -> None:
    options = ["--validation", "v.npz", "--early-stopping", "--iterations", 1]
    found = train(folder, *options, "--json").json
    assert found["kept_iteration"] == found["lowest_validation_cost_iteration"] == 1
    assert found["lowest_validation_cost"] == pytest.approx(found["validation_log_loss"], rel=1e-5)


def test_init_may_not_be_overwritten_nor_missing(folder: Path) -> None:
    assert train(folder, "--init", "none").code == 2
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    done = train(folder, "--init", "m", "--out", "m")
    assert done.code == 2
    assert "files of their own for --init and --out" in done.err


def test_time_limit_ends_a_training_that_can_be_resumed(folder: Path) -> None:
    many = ["--iterations", 10**9, "--checkpoint", "c"]
    found = train(folder, *many, "--max-seconds", 0.2, "--json", "--out", "m").json
    made = found["iterations"]
    assert (found["time_limit_reached"], found["converged"]) == (True, False)
    assert 0 < made < 10**9
    assert found["seconds"] < 5
    assert load_model(folder / "m").training["iterations"] == made
    more = ["--iterations", made + 10, "--out", "m"]
    done = train(folder, *more, "--checkpoint", "c", "--resume")
    assert done.code == 0
    assert train(folder, *more[:2], "--out", "whole").code == 0
    assert parameters(folder, "m") == parameters(folder, "whole")
    assert "the time was up (--max-seconds)" in train(folder, *many[:2], "--max-seconds", 0.1).out


DIVERGING = ["--l2", 150, "--learning-rate", 4.5, "--init-scale", 0.1, "--iterations", 300]


@pytest.mark.parametrize("rate", [4.5, 1000])
def test_early_stopping_of_a_run_that_diverges_keeps_the_best(folder: Path, rate: float) -> None:
    options = [*DIVERGING, "--early-stopping", "--patience", 1000, "--validation", "v.npz"]
    done = train(folder, *options, "--learning-rate", rate, "--json", "--out", "m")
    assert done.code == 3
    found, saved = done.json, load_model(folder / "m").training
    assert (found["diverged"], saved["diverged"]) == (True, True)
    for key in ("cost", "kept_iteration", "iterations"):
        assert found[key] == saved[key], key
    assert f"the best parameters, those after {saved['kept_iteration']} iterations" in done.err


def test_validation_costs_that_are_never_numbers_are_said(folder: Path) -> None:
    data = dict(np.load(folder / "v.npz"))
    np.savez(folder / "v.npz", X=np.sign(data["X"]) * 3.3e38, y=data["y"])
    options = ["--activation", "relu", "--validation", "v.npz", "--early-stopping", "--seed", 0]
    done = train(folder, *options, "--no-standardize", "--learning-rate", 0.1, "--iterations", 20)
    assert done.code == 0, done.err
    assert "the validation cost was never a finite number" in done.err
