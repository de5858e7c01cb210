"""``gdnet train``: the summary, the history, the data, and what is validated on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gdnet as package
from gdnet.data.builtin import load_builtin
from gdnet.parameters import initialise
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.support.command import here, train, write_csv, write_parquet
from tests.support.small_trainings import N0, N1, QUICK, M, X, costs, model, same_arrays, y


def test_breast_cancer_is_learnt(tmp_path: Path) -> None:
    summary = train(tmp_path, "breast_cancer")
    assert summary["train_accuracy"] >= 0.97
    assert model(tmp_path).classes == ("benign", "malignant")


# Summary and history


def test_summary_is_one_flat_object(small_table: Path) -> None:
    summary = train(small_table, "d.npz", *QUICK, "--validation", 0.25)
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


def test_features_that_float32_rounds_are_named(small_table: Path) -> None:
    far = X + np.array([0, 1e6, 0])
    write_csv(small_table / "t.csv", far, y, [*"abc", "y"])
    for dtype, said in (("float32", True), ("float64", False)):
        done = here("train", "t.csv", "--target", "y", *QUICK, "--dtype", dtype, cwd=small_table)
        assert done.code == 0
        assert ("float32 keeps few digits: b; --dtype float64" in done.err) == said


def test_model_may_be_called_as_the_built_in_data(tmp_path: Path) -> None:
    for _ in range(2):
        train(tmp_path, "planar", *QUICK, out="planar")
    assert model(tmp_path, "planar").training["data"] == "planar"


def test_files_that_are_there_are_replaced(small_table: Path) -> None:
    for name in ("m", "h.jsonl"):
        (small_table / name).write_text("old " * 10_000)
    assert len(costs(small_table)) == 25
    assert model(small_table).training["iterations"] == 25


# Validation


def test_validation_fraction_changes_no_weight_at_the_start(small_table: Path) -> None:
    train(small_table, "d.npz", *QUICK, "--seed", 3, "--validation", 0.25)
    start = initialise(N0, N1, 1, random_state=3, dtype="float32")
    options = ["--no-standardize", "--seed", 3, "--iterations", 1, "--learning-rate", 1e-30]
    for validation in ([], ["--validation", 0.25]):
        train(small_table, "d.npz", *QUICK, *options, *validation)
        np.testing.assert_array_equal(model(small_table).parameters.W1, start.W1)
        np.testing.assert_array_equal(model(small_table).parameters.W2, start.W2)


def test_validation_file_in_every_format(small_table: Path) -> None:
    names = ["a", "b", "c"]
    write_csv(small_table / "t.csv", X[:180], y[:180], [*names, "y"])
    write_csv(small_table / "v.csv", X[180:][:, ::-1], y[180:], [*names[::-1], "y"])
    np.savez(small_table / "v.npz", X=X[180:], y=y[180:])
    np.save(small_table / "v.npy", X[180:])
    np.save(small_table / "labels.npy", y[180:])
    found = []
    for option in (
        ["--validation", "v.csv"],
        ["--validation", "v.npz"],
        ["--validation", "v.npy", "--validation-labels", "labels.npy"],
        ["--validation", "v.npz", "--validation-labels", "labels.npy"],
    ):
        summary = train(small_table, "t.csv", "--target", "y", *QUICK, *option)
        assert summary["validation_examples"] == 60
        found.append([value for key, value in summary.items() if key.startswith("validation_")])
    assert found[1:] == found[:-1]
    done = here("evaluate", "m", "v.csv", "--json", "--quiet", cwd=small_table)
    assert done.json["log_loss"] == pytest.approx(summary["validation_log_loss"], abs=1e-6)


# Columns that are not features


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_ignored_columns_are_no_features(small_table: Path, write: Callable[..., Path]) -> None:
    pytest.importorskip("pyarrow")
    extension = write.__name__.removeprefix("write_")
    few, all_of_them = f"few.{extension}", f"all.{extension}"
    rows = np.column_stack([np.arange(M), X, np.arange(M) % 7])
    write(small_table / few, X, y, ["a", "b", "c", "y"])
    write(small_table / all_of_them, rows, y, ["id", "a", "b", "c", "zip", "y"])
    expected = train(small_table, few, "--target", "y", *QUICK, "--validation", few, out="few")
    options = ["--target", "y", "--ignore", "zip,id", "--quiet", "--validation", all_of_them]
    summary = train(small_table, all_of_them, *options, *QUICK, out="all")
    assert summary["ignored"] == ["id", "zip"]
    assert summary["ignored_why"] == ["as asked", "as asked"]
    for key in ("features", "cost", "train_log_loss", "validation_log_loss"):
        assert summary[key] == expected[key], key
    saved = model(small_table, "all")
    assert saved.feature_names == ("a", "b", "c")
    assert same_arrays(saved, model(small_table, "few"))
    for name in ("predict", "evaluate"):
        with_all, with_few = (
            here(name, "all", data, cwd=small_table) for data in (all_of_them, few)
        )
        assert with_all.code == 0
        assert with_all.out == with_few.out
