"""``gdnet train``: every option has its effect, and the summary and the history say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet as package
from gdnet.data.builtin import load_builtin
from gdnet.model.file import load_model
from gdnet.model.model import Model
from gdnet.parameters import initialise
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.support.command import Rows, here, train, write_csv, write_parquet

M, N0, N1 = 240, 3, 5

QUICK = ["--hidden", N1, "--iterations", 25]


@pytest.fixture(scope="module")
def X() -> Rows:
    return np.random.RandomState(8).randn(M, N0)


@pytest.fixture(scope="module")
def y(X: Rows) -> Rows:
    # One class is four times as large as the other.
    labels: Rows = (X[:, 0] + 0.3 * np.random.RandomState(9).randn(M) > 0.85).astype(int)
    return labels


@pytest.fixture
def folder(tmp_path: Path, X: Rows, y: Rows) -> Path:
    np.savez(tmp_path / "d.npz", X=X, y=y)
    return tmp_path


def costs(folder: Path, *arguments: object) -> list[float]:
    """Train with a history and return the costs in it."""
    summary = train(folder, "d.npz", *QUICK, "--history", "h.jsonl", *arguments)
    lines = [json.loads(line) for line in (folder / "h.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(summary["iterations"]))
    found = [line["cost"] for line in lines]
    assert found[0] == summary["first_cost"]
    assert summary["cost"] not in found  # it is that of the last update
    return found


def model(folder: Path, name: str = "m") -> Model:
    return load_model(folder / name)


def same_arrays(a: Model, b: Model) -> bool:
    pairs = zip(a.parameters, b.parameters, strict=True)
    return all(one.dtype == other.dtype and (one == other).all() for one, other in pairs)


def test_breast_cancer_is_learnt(tmp_path: Path) -> None:
    summary = train(tmp_path, "breast_cancer")
    assert summary["train_accuracy"] >= 0.97
    assert model(tmp_path).classes == ("benign", "malignant")


# Summary and history


def test_summary_is_one_flat_object(folder: Path) -> None:
    summary = train(folder, "d.npz", *QUICK, "--validation", 0.25)
    assert not [value for value in summary.values() if isinstance(value, dict)]
    expected = {
        "data": "d.npz",
        "examples": 180,
        "features": N0,
        "hidden": N1,
        "outputs": 1,
        "kind": "binary",
        "device": "cpu",
        "iterations": 25,
        "converged": False,
        "train_examples": 180,
        "validation_examples": 60,
        "model": "m",
    }
    assert summary | expected == summary
    for part in ("train", "validation"):
        assert 0 <= summary[f"{part}_accuracy"] <= 1
        assert summary[f"{part}_log_loss"] > 0
        assert 0 <= summary[f"{part}_auc"] <= 1
        assert np.sum(summary[f"{part}_confusion"]) == summary[f"{part}_examples"]
    assert summary["cost"] < summary["first_cost"]
    rate = 25 * 180 / summary["seconds"]
    assert summary["examples_per_second"] == pytest.approx(rate)


@pytest.mark.parametrize("validation", [None, 0.2])
def test_history_has_the_costs_of_the_run(tmp_path: Path, validation: float | None) -> None:
    option = [] if validation is None else ["--validation", validation]
    summary = train(tmp_path, "planar", "--iterations", 30, "--history", "h.jsonl", *option)
    lines = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    settings = Settings(iterations=30, standardize=False, validation_fraction=validation)
    table = load_builtin("planar", "float32")
    run = Training(table, settings, package.get_backend("cpu")).run().run
    assert [line["iteration"] for line in lines] == list(range(30))
    assert [line["cost"] for line in lines] == run.costs.tolist()
    if run.validation_costs is not None:
        assert [line["validation_cost"] for line in lines] == run.validation_costs.tolist()
        lowest = summary["lowest_validation_cost_iteration"]
        assert summary["lowest_validation_cost"] == run.validation_costs.min()
        assert summary["lowest_validation_cost"] == lines[lowest]["validation_cost"]
    else:
        assert "lowest_validation_cost" not in summary
        assert "validation_cost" not in lines[0]
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)


def test_features_that_float32_rounds_are_named(folder: Path, X: Rows, y: Rows) -> None:
    X = X.copy()
    X[:, 1] += 1e6
    write_csv(folder / "t.csv", X, y, [*"abcdefghij"[: X.shape[1]], "y"])
    for dtype, said in (("float32", True), ("float64", False)):
        done = here("train", "t.csv", "--target", "y", *QUICK, "--dtype", dtype, cwd=folder)
        assert done.code == 0
        assert ("float32 keeps few digits: b; --dtype float64" in done.err) == said


def test_model_may_be_called_as_the_built_in_data(tmp_path: Path) -> None:
    for _ in range(2):
        train(tmp_path, "planar", *QUICK, out="planar")
    assert model(tmp_path, "planar").training["data"] == "planar"


def test_files_that_are_there_are_replaced(folder: Path) -> None:
    for name in ("m", "h.jsonl"):
        (folder / name).write_text("old " * 10_000)
    assert len(costs(folder)) == 25
    assert model(folder).training["iterations"] == 25


# Validation


def test_validation_fraction_changes_no_weight_at_the_start(folder: Path) -> None:
    train(folder, "d.npz", *QUICK, "--seed", 3, "--validation", 0.25)
    start = initialise(N0, N1, 1, random_state=3, dtype="float32")
    options = ["--no-standardize", "--seed", 3, "--iterations", 1, "--learning-rate", 1e-30]
    for validation in ([], ["--validation", 0.25]):
        train(folder, "d.npz", *QUICK, *options, *validation)
        np.testing.assert_array_equal(model(folder).parameters.W1, start.W1)
        np.testing.assert_array_equal(model(folder).parameters.W2, start.W2)


def test_validation_file_in_every_format(folder: Path, X: Rows, y: Rows) -> None:
    names = ["a", "b", "c"]
    write_csv(folder / "t.csv", X[:180], y[:180], [*names, "y"])
    write_csv(folder / "v.csv", X[180:][:, ::-1], y[180:], [*names[::-1], "y"])
    np.savez(folder / "v.npz", X=X[180:], y=y[180:])
    np.save(folder / "v.npy", X[180:])
    np.save(folder / "labels.npy", y[180:])
    found = []
    for option in (
        ["--validation", "v.csv"],
        ["--validation", "v.npz"],
        ["--validation", "v.npy", "--validation-labels", "labels.npy"],
        ["--validation", "v.npz", "--validation-labels", "labels.npy"],
    ):
        summary = train(folder, "t.csv", "--target", "y", *QUICK, *option)
        assert summary["validation_examples"] == 60
        found.append([value for key, value in summary.items() if key.startswith("validation_")])
    assert found[1:] == found[:-1]
    done = here("evaluate", "m", "v.csv", "--json", "--quiet", cwd=folder)
    assert done.json["log_loss"] == pytest.approx(summary["validation_log_loss"], abs=1e-6)


# Columns that are not features


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_ignored_columns_are_no_features(
    folder: Path, X: Rows, y: Rows, write: Callable[..., Path]
) -> None:
    pytest.importorskip("pyarrow")
    extension = write.__name__.removeprefix("write_")
    few, all_of_them = f"few.{extension}", f"all.{extension}"
    rows = np.column_stack([np.arange(M), X, np.arange(M) % 7])
    write(folder / few, X, y, ["a", "b", "c", "y"])
    write(folder / all_of_them, rows, y, ["id", "a", "b", "c", "zip", "y"])
    expected = train(folder, few, "--target", "y", *QUICK, "--validation", few, out="few")
    options = ["--target", "y", "--ignore", "zip,id", "--quiet", "--validation", all_of_them]
    summary = train(folder, all_of_them, *options, *QUICK, out="all")
    assert summary["ignored"] == ["id", "zip"]
    assert summary["ignored_why"] == ["as asked", "as asked"]
    for key in ("features", "cost", "train_log_loss", "validation_log_loss"):
        assert summary[key] == expected[key], key
    saved = model(folder, "all")
    assert saved.feature_names == ("a", "b", "c")
    assert same_arrays(saved, model(folder, "few"))
    for name in ("predict", "evaluate"):
        with_all, with_few = (here(name, "all", data, cwd=folder) for data in (all_of_them, few))
        assert with_all.code == 0
        assert with_all.out == with_few.out


# Options of the network and of the descent


def test_class_weight_is_that_of_explicit_weights(folder: Path, X: Rows, y: Rows) -> None:
    # With l2, whose share in the cost tells that the weights add up to m.
    options = ["--dtype", "float64", "--no-standardize", "--l2", 3]
    balanced = costs(folder, "--class-weight", "balanced", *options)
    weights = np.where(y == 1, M / (2 * y.sum()), M / (2 * (M - y.sum())))
    source = package.ArraySource(X.T, y[None, :], weights[None, :])
    cpu = package.get_backend("cpu")
    gradient = package.FullBatch(source, cpu, n1=N1, dtype="float64", l2=3)
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    by_hand = package.descend(gradient, start, learning_rate=0.5, iterations=25)
    np.testing.assert_allclose(balanced, by_hand.costs, rtol=1e-12)
    assert abs(balanced[-1] - costs(folder, *options)[-1]) > 0.01


def test_threads_do_not_change_the_model(folder: Path) -> None:
    for threads in (1, 4):
        options = ["--threads", threads, "--block-size", 16]
        train(folder, "d.npz", *QUICK, *options, "--validation", 0.2, out=f"m{threads}")
    assert (folder / "m1").read_bytes() == (folder / "m4").read_bytes()


def test_seed(folder: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(folder, "d.npz", *QUICK, "--seed", seed, out=name)
    assert same_arrays(model(folder, "a"), model(folder, "b"))
    assert not same_arrays(model(folder, "a"), model(folder, "c"))


@pytest.mark.parametrize("patience", [1, 4])
def test_tol_and_patience_stop_where_the_cost_stalls(folder: Path, patience: int) -> None:
    tol, iterations = 0.01, ["--iterations", 300]
    every = costs(folder, *iterations)
    options = ["--tol", tol, "--patience", patience]
    stopped = costs(folder, *iterations, *options)
    assert stopped == every[: len(stopped)]
    stalled, reference = 0, np.inf
    for i, cost in enumerate(every):  # noqa: B007 - used after the loop
        if cost < reference * (1 - tol):
            stalled, reference = 0, cost
        else:
            stalled += 1
        if stalled == patience:
            break
    assert len(stopped) == i + 1 < 300
    assert model(folder).training["converged"] is True
    text = here("train", "d.npz", *QUICK, *iterations, *options, "--quiet", cwd=folder).out
    assert "where the cost had stalled" in text


def test_l2_is_in_the_cost_and_holds_the_weights_down(folder: Path) -> None:
    exact = ["--dtype", "float64", "--iterations", 200, "--no-standardize"]
    plain = costs(folder, *exact)
    free = model(folder).parameters
    held_costs = costs(folder, *exact, "--l2", 12)
    held = model(folder).parameters
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    squares = (start.W1**2).sum() + (start.W2**2).sum()
    assert held_costs[0] - plain[0] == pytest.approx(12 / (2 * M) * squares, rel=1e-9)
    assert (held.W1**2).sum() < (free.W1**2).sum()


def test_init_scale(folder: Path) -> None:
    options = ["--iterations", 1, "--learning-rate", 1e-30, "--no-standardize"]
    train(folder, "d.npz", *QUICK, *options, "--init-scale", 0.01, "--seed", 2)
    random = np.random.RandomState(2)
    W1, W2 = random.randn(N1, N0) * 0.01, random.randn(1, N1) * 0.01
    np.testing.assert_array_equal(model(folder).parameters.W1, W1.astype(np.float32))
    np.testing.assert_array_equal(model(folder).parameters.W2, W2.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(folder: Path, dtype: str) -> None:
    train(folder, "d.npz", *QUICK, "--dtype", dtype, "--no-standardize")
    assert {p.dtype for p in model(folder).parameters} == {np.dtype(dtype)}


def test_dtype_is_what_it_is_computed_in(folder: Path) -> None:
    single, double = costs(folder), costs(folder, "--dtype", "float64")
    assert single != double
    np.testing.assert_allclose(single, double, rtol=1e-4)


def test_standardizing_is_what_it_says(folder: Path, X: Rows, y: Rows) -> None:
    skewed = X * [1, 100, 0.01] + [5, -300, 2]
    np.savez(folder / "skewed.npz", X=skewed, y=y)
    by_hand = (skewed - skewed.mean(axis=0)) / skewed.std(axis=0)
    np.savez(folder / "by_hand.npz", X=by_hand, y=y)
    facts: list[dict[str, Any]] = [
        train(folder, name, *QUICK, "--dtype", "float64", option)
        for name, option in [("skewed.npz", "--standardize"), ("by_hand.npz", "--no-standardize")]
    ]
    for key in ("first_cost", "cost", "train_log_loss", "train_auc"):
        assert facts[0][key] == pytest.approx(facts[1][key], rel=1e-9)
    raw = train(folder, "skewed.npz", *QUICK, "--dtype", "float64", "--no-standardize")
    assert abs(raw["cost"] - facts[0]["cost"]) > 0.01
    # On by default for files, off for planar.
    for name, default in (("d.npz", True), ("planar", False)):
        train(folder, name, *QUICK)
        assert model(folder).settings["standardize"] is default


def test_block_size(folder: Path) -> None:
    whole = costs(folder, "--dtype", "float64")
    blocks = costs(folder, "--dtype", "float64", "--block-size", 7)
    assert model(folder).training["block_size"] == 7
    assert blocks != whole
    np.testing.assert_allclose(blocks, whole, rtol=1e-12)


ACTIVATIONS: dict[str, Callable[[Rows], Rows]] = {
    "tanh": np.tanh,
    "sigmoid": lambda Z: 1 / (1 + np.exp(-Z)),
    "relu": lambda Z: np.maximum(Z, 0),
    "identity": lambda Z: Z,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(folder: Path, X: Rows, y: Rows, name: str) -> None:
    options = ["--activation", name, "--dtype", "float64", "--no-standardize"]
    found = costs(folder, *options)
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    A2 = 1 / (1 + np.exp(-(start.W2 @ ACTIVATIONS[name](start.W1 @ X.T))))[0]
    by_hand = -np.mean(np.where(y == 1, np.log(A2), np.log(1 - A2)))
    assert found[0] == pytest.approx(by_hand, rel=1e-12)
    assert found[-1] < found[0]
    assert model(folder).activation == name
