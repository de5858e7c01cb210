"""Numbers at the edge of what floating point holds: a right answer, or a clear error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.model.file import load_model
from tests.support.command import here, train

M = 400


@pytest.fixture
def rows() -> Any:
    return np.random.RandomState(0).randn(M, 3).astype(np.float32)


def save(folder: Path, X: Any, y: Any) -> list[object]:
    np.savez(folder / "d.npz", X=X, y=np.asarray(y).astype(int))
    return ["d.npz", "--hidden", 8, "--iterations", 300, "--learning-rate", 1]


def test_features_that_grow_large_are_learnt_standardised(tmp_path: Path, rows: Any) -> None:
    arguments = save(tmp_path, rows * np.float32(1e30), rows[:, 0] > 0)
    assert train(tmp_path, *arguments)["train_accuracy"] > 0.95
    evaluated = here("evaluate", "m", "d.npz", "--json", "--quiet", cwd=tmp_path)
    assert evaluated.json["accuracy"] > 0.95


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "softplus"])
def test_features_that_grow_large_as_they_are(tmp_path: Path, rows: Any, activation: str) -> None:
    arguments = save(tmp_path, rows * np.float32(1e30), rows[:, 0] > 0)
    arguments += ["--no-standardize", "--activation", activation]
    done = here("train", *arguments, "--out", "m", "--quiet", cwd=tmp_path)
    if done.code:  # what does not saturate does not fit
        assert done.code == 3
        assert re.search(
            r"the cost (is|became) \S+ (before the first update|at iteration)", done.err
        )
    if (tmp_path / "m").exists():
        assert all(np.isfinite(array).all() for array in load_model(tmp_path / "m").parameters)
    assert bool(done.code) is (activation != "tanh")


def test_the_largest_features_there_are(tmp_path: Path, rows: Any) -> None:
    arguments = save(tmp_path, np.sign(rows) * np.float32(3e38), rows[:, 0] > 0)
    assert train(tmp_path, *arguments)["train_accuracy"] == 1
    arguments = save(tmp_path, np.sign(rows) * np.finfo(np.float32).max, rows[:, 0] > 0)
    done = here("train", *arguments, "--quiet", cwd=tmp_path)
    assert done.code == 3  # less the mean they are beyond the largest
    assert "the cost is nan before the first update: the first weights, the features" in done.err
    arguments = save(tmp_path, np.sign(rows).astype(np.float64) * 1e300, rows[:, 0] > 0)
    done = here("train", *arguments, "--quiet", "--dtype", "float64", cwd=tmp_path)
    assert done.code == 2
    assert (
        "features 0, 1, 2 (counted from 0) are too large to be standardised in float64" in done.err
    )
    done = here("train", *arguments, "--quiet", cwd=tmp_path)
    assert done.code == 2
    assert "expected finite float32 numbers, got 1e+300 in row 0, column 0" in done.err


def test_denormal_features_are_learnt(tmp_path: Path, rows: Any) -> None:
    X = rows * np.float32(1e-40)
    arguments = save(tmp_path, X, rows[:, 0] > 0)
    assert train(tmp_path, *arguments)["train_accuracy"] > 0.95


def test_features_too_small_for_a_variance_are_reported(tmp_path: Path, rows: Any) -> None:
    X = np.column_stack([np.full(M, 1e-310), rows.astype(np.float64) * 1e-310])
    arguments = save(tmp_path, X, rows[:, 0] > 0)
    done = here("train", *arguments, "--dtype", "float64", "--quiet", cwd=tmp_path)
    assert done == (
        2,
        "",
        "gdnet: features 1, 2, 3 (counted from 0) are of too small a spread to be standardised; "
        "rescale them, or leave them out\n",
    )


@pytest.mark.parametrize("constant", [0.0, 1.0, -1e30, 0.1, 12345.678, 3e-41])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_features_say_nothing_and_harm_nothing(
    tmp_path: Path, rows: Any, constant: float, dtype: str
) -> None:
    X = np.column_stack([rows, np.full(M, constant)])
    arguments = [*save(tmp_path, X, rows[:, 0] > 0), "--dtype", dtype]
    assert train(tmp_path, *arguments)["train_accuracy"] > 0.95
    # The folded model is as good as the one that was trained.
    evaluated = here("evaluate", "m", "d.npz", "--json", "--quiet", cwd=tmp_path)
    assert evaluated.json["accuracy"] > 0.95


def test_only_constant_features_are_the_rate_of_the_classes(tmp_path: Path) -> None:
    y = np.arange(M) % 4 == 0
    summary = train(tmp_path, *save(tmp_path, np.ones((M, 2), np.float32), y))
    assert summary["train_accuracy"] == 0.75
    assert summary["cost"] == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75), abs=1e-3)


def test_blocks_with_one_label_each_give_the_same_descent(tmp_path: Path, rows: Any) -> None:
    order = np.argsort(rows[:, 0] > 0, kind="stable")
    arguments = save(tmp_path, rows[order], rows[order, 0] > 0)
    blocks = train(tmp_path, *arguments, "--block-size", 50, "--dtype", "float64")
    whole = train(tmp_path, *arguments, "--dtype", "float64")
    assert blocks["cost"] == pytest.approx(whole["cost"], rel=1e-12)
    assert blocks["train_accuracy"] == whole["train_accuracy"] > 0.95


def test_one_class_alone_is_refused(tmp_path: Path, rows: Any) -> None:
    done = here("train", *save(tmp_path, rows, np.zeros(M)), "--quiet", cwd=tmp_path)
    assert done.code == 2
    assert "class" in done.err


def test_diverging_descent_names_iteration_cost_and_a_rate_to_try(
    tmp_path: Path, rows: Any
) -> None:
    arguments = save(tmp_path, rows, rows[:, 0] > 0)
    arguments += ["--activation", "relu", "--learning-rate", 500]
    done = here("train", *arguments, "--out", "m", "--quiet", cwd=tmp_path)
    assert done.code == 3
    found = re.fullmatch(
        r"gdnet: the cost became (\S+) at iteration (\d+) \(it was \S+ one iteration "
        r"before\)(, and inf at iteration \d+)?: the descent diverges; try a smaller learning "
        r"rate, such as 50, [^\n]* are in m\n",
        done.err,
    )
    assert found
    assert int(found[2]) < 10
    model = load_model(tmp_path / "m")
    assert model.training["diverged"] is True
    assert all(np.isfinite(array).all() for array in model.parameters)


def test_a_cost_that_rises_for_a_while_is_no_divergence(tmp_path: Path, rows: Any) -> None:
    arguments = save(tmp_path, rows, rows[:, 0] * rows[:, 1] > 0)
    arguments += ["--learning-rate", 12, "--history", "h"]
    train(tmp_path, *arguments)
    costs = [float(c) for c in re.findall(r'"cost": ([^,]+)', (tmp_path / "h").read_text())]
    assert len(costs) == 300
    assert max(np.diff(costs)) > 0.01
