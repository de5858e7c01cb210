"""``--task regression``: from a table with numbers as target to predictions in its units."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pyarrow")

from gdnet.data.builtin import load_builtin
from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from tests.support.command import Rows, here, train, write_csv, write_parquet

QUICK = ["--hidden", 6, "--iterations", 60, "--device", "cpu"]
NAMES = ["rooms", "age", "distance", "price"]
FEATURES = NAMES[:3]
M = 240


@pytest.fixture(scope="module")
def X() -> Rows:
    return np.random.RandomState(8).randn(M, 3) * [1, 20, 3] + [6, 60, 5]


@pytest.fixture(scope="module")
def y(X: Rows) -> Rows:
    standardised = (X - X.mean(axis=0)) / X.std(axis=0)
    noise = np.random.RandomState(9).randn(M)
    prices: Rows = 200_000 + 40_000 * np.sin(standardised[:, 0]) - 30_000 * standardised[:, 1]
    return np.round(prices + 10_000 * noise, 2)


@pytest.fixture
def folder(tmp_path: Path, X: Rows, y: Rows) -> Path:
    write_csv(tmp_path / "houses.csv", X, y.tolist(), NAMES)
    write_parquet(tmp_path / "houses.parquet", X, y, NAMES)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "houses.npz", X=X, y=y)
    return tmp_path


ASKED = ["houses.csv", "--target", "price", "--task", "regression"]
SOURCES = {
    "csv": ["houses.csv", "--target", "price"],
    "parquet": ["houses.parquet", "--target", "price"],
    "npy": ["X.npy", "--labels", "y.npy"],
    "npz": ["houses.npz"],
}


def test_a_table_of_houses(folder: Path) -> None:
    summary = train(folder, *ASKED, *QUICK, "--validation", 0.25, "--history", "h.jsonl")
    expected = {
        "kind": "regression",
        "classes": None,
        "outputs": 1,
        "train_examples": 180,
        "validation_examples": 60,
    }
    assert summary | expected == summary
    # The cost is that of standardised targets.
    assert summary["first_cost"] < 1
    assert summary["cost"] < 0.2
    costs = [json.loads(line) for line in (folder / "h.jsonl").read_text().splitlines()]
    assert costs[0]["cost"] == summary["first_cost"]
    assert 0 < costs[-1]["validation_cost"] < 1
    # The scores are in the units of the target.
    for part in ("train", "validation"):
        assert 5_000 < summary[f"{part}_mae"] < summary[f"{part}_rmse"] < 30_000
        assert 0.6 < summary[f"{part}_r2"] < 1
        baseline = summary[f"{part}_baseline_rmse"]
        assert summary[f"{part}_r2"] == pytest.approx(
            1 - (summary[f"{part}_rmse"] / baseline) ** 2, rel=1e-12
        )
    model = load_model(folder / "m")
    assert (model.kind, model.output, model.classes) == ("regression", "identity", None)
    assert (model.target_name, model.feature_names) == ("price", tuple(FEATURES))
    assert model.settings["learning_rate"] == 0.1
    assert not [key for key in summary if "accuracy" in key or "auc" in key]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_format_gives_the_same_model_and_evaluate_the_summary(
    kind: str, dtype: str, folder: Path, X: Rows, y: Rows
) -> None:
    task = ["--task", "regression", "--dtype", dtype]
    summary = train(folder, *SOURCES[kind], *task, *QUICK)
    train(folder, *ASKED, "--dtype", dtype, *QUICK, out="csv")
    for one, other in zip(
        load_model(folder / "m").parameters, load_model(folder / "csv").parameters, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    reported = here("evaluate", "m", *SOURCES[kind], "--device", "cpu", "--json", cwd=folder).json
    assert reported.pop("notes") == []
    assert reported.keys() == {"examples", "rmse", "mae", "r2", "baseline_rmse"}
    # Training rounds standardised features to float32, and the model takes raw ones in float64.
    digits = 1e-7 if dtype == "float32" else 1e-12
    for key, value in reported.items():
        assert value == pytest.approx(summary[f"train_{key}"], rel=digits), key
    # By hand, in raw units.
    W1, b1, W2, b2 = load_model(folder / "m").parameters
    rows = X.astype(dtype).astype(float).T
    predicted = (W2 @ np.tanh(W1 @ rows + b1) + b2)[0]
    assert reported["rmse"] == pytest.approx(np.sqrt(((predicted - y) ** 2).mean()), rel=1e-9)
    assert reported["mae"] == pytest.approx(np.abs(predicted - y).mean(), rel=1e-9)
    assert reported["r2"] == pytest.approx(1 - ((predicted - y) ** 2).mean() / y.var(), rel=1e-9)


def test_the_csv_target_may_be_left_to_the_model(folder: Path) -> None:
    train(folder, *ASKED, *QUICK)
    done = here("evaluate", "m", "houses.csv", "--device", "cpu", cwd=folder)
    assert done.code == 0
    for name in ("RMSE", "MAE", "R^2", "baseline"):
        assert f"\n{name}  " in f"\n{done.out}"
    assert done.out.endswith("the RMSE of always predicting the mean of these examples\n")


def test_summary_as_text(folder: Path) -> None:
    done = here("train", *ASKED, *QUICK, "--validation", 0.2, "--out", "m", cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert "3 features, 1 target\n" in done.out
    assert "train       validation\n" in done.out
    assert "accuracy" not in done.out


def test_predictions_are_numbers(folder: Path, X: Rows) -> None:
    train(folder, *ASKED, *QUICK)
    W1, b1, W2, b2 = load_model(folder / "m").parameters
    want = (W2 @ np.tanh(W1 @ X.astype(np.float32).astype(float).T + b1) + b2)[0]
    done = here("predict", "m", "houses.csv", "--device", "cpu", "--quiet", cwd=folder)
    lines = done.out.splitlines()
    assert lines[0] == "prediction"
    np.testing.assert_allclose([float(line) for line in lines[1:]], want, rtol=1e-12)
    arguments = ["predict", "m", "X.npy", "--device", "cpu", "--quiet", "--out", "p.npy"]
    assert here(*arguments, cwd=folder).code == 0
    found = np.load(folder / "p.npy")
    assert (found.dtype, found.shape) == (np.float64, (M,))
    np.testing.assert_array_equal(found, [float(line) for line in lines[1:]])


def test_several_targets(folder: Path, X: Rows, y: Rows) -> None:
    several = np.column_stack([y, 1e-3 * X[:, 0] + 5])
    np.save(folder / "several.npy", several)
    data = ["X.npy", "--labels", "several.npy"]
    summary = train(folder, *data, "--task", "regression", *QUICK, "--validation", 0.2)
    assert summary["outputs"] == 2
    for part in ("train", "validation"):
        for key in ("rmse", "mae", "r2", "baseline_rmse"):
            each = summary[f"{part}_{key}_of_each"]
            assert summary[f"{part}_{key}"] == pytest.approx(np.mean(each), rel=1e-12)
        assert summary[f"{part}_rmse_of_each"][1] < 1e-3 < summary[f"{part}_rmse_of_each"][0]
    text = here("evaluate", "m", *data, "--device", "cpu", "--quiet", cwd=folder).out
    assert "each target; above are the means over them\ntarget      RMSE" in text
    done = here("predict", "m", "X.npy", "--device", "cpu", "--quiet", cwd=folder)
    assert done.out.startswith("prediction_0,prediction_1\n")
    wrong = here("evaluate", "m", "X.npy", "--labels", "y.npy", "--device", "cpu", cwd=folder)
    assert wrong.code == 2
    assert "expected 2 numbers to be predicted a row, got shape (240,)" in wrong.err


def test_built_in_diabetes_needs_no_task(tmp_path: Path) -> None:
    summary = train(tmp_path, "diabetes", "--validation", 0.2, "--solver", "lbfgs", "--l2", 30)
    assert summary["kind"] == "regression"
    assert summary["validation_r2"] > 0.4
    reported = here("evaluate", "m", "diabetes", "--device", "cpu", "--json", cwd=tmp_path).json
    assert reported["examples"] == 442
    table = load_builtin("diabetes", "float32")
    assert table.target is not None
    assert table.X.shape == (442, 10)
    # It may be taken for classes all the same.
    classes = train(tmp_path, "diabetes", "--task", "classification", "--iterations", 2)
    assert (classes["kind"], classes["outputs"]) == ("multiclass", len({*table.target.tolist()}))


# A run that is interrupted, continued, or not standardised


def test_a_resumed_run_has_the_same_bits(folder: Path) -> None:
    train(folder, *ASKED, "--hidden", 6, "--iterations", 60, out="whole")
    train(folder, *ASKED, "--hidden", 6, "--iterations", 25, "--checkpoint", "c", out="part")
    more = ["--iterations", 60, "--checkpoint", "c", "--resume", "--quiet"]
    train(folder, *ASKED, "--hidden", 6, *more, out="resumed")
    assert (folder / "resumed").read_bytes() == (folder / "whole").read_bytes()


def test_a_checkpoint_of_other_numbers_is_refused(folder: Path, X: Rows, y: Rows) -> None:
    train(folder, *ASKED, *QUICK, "--checkpoint", "c")
    write_csv(folder / "houses.csv", X, (y + 0.001 * X[:, 0]).tolist(), NAMES)
    done = here("train", *ASKED, *QUICK, "--checkpoint", "c", "--resume", cwd=folder)
    assert done.code != 0
    assert "the checkpoint is of another run: content (hash) of the data" in done.err


def test_init_continues_from_a_model(folder: Path) -> None:
    first = train(folder, *ASKED, *QUICK, "--dtype", "float64", out="first")
    summary = train(folder, *ASKED, *QUICK, "--dtype", "float64", "--init", "first")
    assert summary["first_cost"] == pytest.approx(first["cost"], rel=1e-9)
    write_csv(folder / "c.csv", np.load(folder / "X.npy"), (np.arange(M) % 2).tolist(), NAMES)
    other = here("train", "c.csv", "--target", "price", *QUICK, "--init", "first", cwd=folder)
    assert other.code == 2
    assert "with the kind of labels of the training, binary, got regression" in other.err


def test_without_standardising_the_cost_is_in_raw_units(folder: Path, X: Rows) -> None:
    np.save(folder / "small.npy", np.sin(X[:, 0]) + 10)
    data = ["X.npy", "--labels", "small.npy", "--task", "regression", "--no-standardize"]
    summary = train(folder, *data, *QUICK, "--learning-rate", 0.001, "--dtype", "float64")
    assert summary["first_cost"] > 30
    assert summary["train_rmse"] == pytest.approx(np.sqrt(2 * summary["cost"]), rel=1e-9)
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=folder).json
    assert reported["rmse"] == summary["train_rmse"]


def test_large_numbers_that_vary_little(folder: Path, y: Rows) -> None:
    np.save(folder / "far.npy", 1e9 + (y - y.mean()) / y.std())
    data = ["X.npy", "--labels", "far.npy", "--task", "regression"]
    summary = train(folder, *data, *QUICK)  # in float32, which holds no such number
    assert summary["train_r2"] > 0.8
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=folder).json
    assert reported["rmse"] == pytest.approx(summary["train_rmse"], rel=1e-6)


def test_a_target_of_one_value_is_learnt_and_said(folder: Path) -> None:
    np.save(folder / "one.npy", np.full(M, 3.5))
    data = ["X.npy", "--labels", "one.npy", "--task", "regression"]
    done = here("train", *data, *QUICK, "--out", "m", cwd=folder)
    assert done.code == 0
    assert "the number to be predicted is the same in every row that is trained on" in done.err
    assert "R^2         one value\n" in done.out
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=folder).json
    assert reported["r2"] is None


def test_a_descent_that_ends_above_the_mean_says_so(folder: Path) -> None:
    arguments = [*ASKED, "--iterations", 1, "--init-scale", 3, "--learning-rate", 1e-9]
    done = here("train", *arguments, "--device", "cpu", "--out", "m", cwd=folder)
    assert "predicting the mean would be better: look at the scale of the features" in done.out


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet", "houses.npz"])
def test_a_file_to_validate_on(name: str, folder: Path) -> None:
    settings = [*QUICK, "--solver", "lbfgs", "--early-stopping"]
    summary = train(folder, *ASKED, *settings, "--validation", name)
    for key in ("rmse", "mae", "r2", "baseline_rmse"):
        assert summary[f"validation_{key}"] == pytest.approx(summary[f"train_{key}"], rel=1e-6)
    assert summary["lowest_validation_cost"] == pytest.approx(summary["cost"], rel=1e-6)
    write_csv(folder / "text.csv", np.load(folder / "X.npy"), ["dear"] * M, NAMES)
    done = here("train", *ASKED, *settings, "--validation", "text.csv", cwd=folder)
    assert done.code == 2
    assert "text.csv: expected a target column of numbers, got price (text" in done.err


# auto asks


def test_several_columns_of_decimals_are_asked_about(folder: Path, X: Rows, y: Rows) -> None:
    np.save(folder / "several.npy", np.column_stack([y, X[:, 0]]))
    done = here("train", "X.npy", "--labels", "several.npy", *QUICK, cwd=folder)
    assert done.code == 2
    assert "column 0 (counted from 0); to predict a number choose --task regression" in done.err


@pytest.mark.parametrize("kind", SOURCES)
def test_a_target_of_decimals_is_asked_about(kind: str, folder: Path) -> None:
    done = here("train", *SOURCES[kind], *QUICK, "--out", "m", cwd=folder)
    assert done.code == 2
    assert "to predict a number choose --task regression (in Python GDRegressor)" in done.err
    assert not (folder / "m").exists()


def test_many_whole_numbers_are_asked_about(tmp_path: Path) -> None:
    X, ages = np.random.RandomState(0).randn(1000, 3), np.arange(1000) % 101
    write_csv(tmp_path / "d.csv", X, ages.tolist(), NAMES)
    np.savez(tmp_path / "d.npz", X=X, y=ages)
    for data in (["d.csv", "--target", "price"], ["d.npz"]):
        done = here("train", *data, *QUICK, "--out", "m", cwd=tmp_path)
        assert done.code == 2
        assert "the target has 101 different whole numbers, from 0 to 100: choose" in done.err
        assert "--task regression to predict a number, or --task classification" in done.err
        for task, kind in (("classification", "multiclass"), ("regression", "regression")):
            assert train(tmp_path, *data, "--task", task, *QUICK)["kind"] == kind
    np.savez(tmp_path / "d.npz", X=X, y=np.arange(1000) % 100)
    assert train(tmp_path, "d.npz", *QUICK)["kind"] == "multiclass"


# Mistakes


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("NA", "got 'NA' in line 4, column 'price'; remove or fill in such rows"),
        ("", "column 'price'; remove or fill in such rows"),
        ("inf", "got 'inf' in line 4, column 'price'"),
        ("1,5", "expected"),
        ("cheap", "got 'cheap' in line 4, column 'price'"),
    ],
)
def test_cells_of_the_target_that_are_not_numbers(cell: str, message: str, tmp_path: Path) -> None:
    lines = ["a,b,price", "1,2,3.5", "2,1,4.5", f"3,1,{cell}", "4,2,1.5"]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    arguments = ["d.csv", "--target", "price", "--task", "regression", *QUICK]
    done = here("train", *arguments, "--out", "m", cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert "--ignore" not in done.err


def test_a_target_of_text_or_truth_values(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b,price\n1,2,dear\n2,1,cheap\n3,1,dear\n")
    arguments = ["d.csv", "--target", "price", "--task", "regression", *QUICK]
    done = here("train", *arguments, "--out", "m", cwd=tmp_path)
    assert done.code == 2
    assert "expected a target column of numbers, got price (text such as 'dear')" in done.err
    (tmp_path / "d.csv").write_text("a,b,price\n1,2,true\n2,1,false\n3,1,true\n")
    done = here("train", *arguments, "--out", "m", cwd=tmp_path)
    assert done.code == 2
    assert "expected finite float32 numbers, got" in done.err
    assert "true" in done.err


def test_a_late_cell_that_is_not_a_number_is_named(folder: Path) -> None:
    with (folder / "houses.csv").open("a") as file:
        file.write("1,2,3,4.5\n" * 3000 + "1,2,3,dear\n")
    done = here("train", *ASKED, *QUICK, "--out", "m", cwd=folder)
    assert done.code == 2
    assert "got 'dear' in line 3242, column 'price'" in done.err
    train(folder, "houses.parquet", *ASKED[1:], *QUICK)
    done = here("evaluate", "m", "houses.csv", "--device", "cpu", cwd=folder)
    assert done.code == 2
    assert "got 'dear' in line 3242, column 'price'" in done.err


def test_missing_values_of_a_parquet_target_are_named(folder: Path, X: Rows, y: Rows) -> None:
    write_parquet(folder / "d.parquet", X, [*y[:-1].tolist(), None], NAMES)
    done = here("train", "d.parquet", *ASKED[1:], *QUICK, "--out", "m", cwd=folder)
    assert done.code == 2
    assert "a missing value in row 239 (counted from 0), column 'price'" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("breast_cancer --task regression", "expected numbers to be predicted, got type"),
        ("X.npy --labels text.npy --task regression", "expected numbers to be predicted, got type"),
        ("X.npy --labels nan.npy --task regression", "got nan in row 17 (counted from 0)"),
        ("X.npy --labels huge.npy --task regression --no-standardize", "float32 can hold"),
        ("X.npy --labels huge.npy --task regression", "of too"),
        (
            "X.npy --labels y.npy --task regression --class-weight balanced",
            "class_weight: expected",
        ),
        ("X.npy --labels y.npy --task guess", "invalid choice: 'guess'"),
    ],
)
def test_what_cannot_be_predicted(arguments: str, message: str, folder: Path, y: Rows) -> None:
    np.save(folder / "text.npy", np.where(y > y.mean(), "dear", "cheap"))
    np.save(folder / "nan.npy", np.where(np.arange(M) == 17, np.nan, y))
    np.save(folder / "huge.npy", y * (1e296 if "--no" not in arguments else 1e40))
    done = here("train", *arguments.split(), *QUICK, "--out", "m", cwd=folder)
    assert done.code == 2
    if message != "of too":
        assert message in done.err
    else:
        assert "target 0 (counted from 0) is too large to be standardised" in done.err
        assert "--ignore" not in done.err
    assert not (folder / "m").exists()


@pytest.fixture
def regression_model(folder: Path) -> Path:
    train(folder, *ASKED, *QUICK)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        "predict m houses.csv --proba",
        "predict m houses.csv --logits",
        "plot confusion m houses.csv",
        "plot roc m houses.csv",
        "plot calibration m houses.csv",
        "plot boundary m houses.csv",
    ],
)
def test_what_only_classification_has_is_refused(regression_model: Path, arguments: str) -> None:
    done = here(*arguments.split(), cwd=regression_model)
    assert done.code == 2
    assert "expected a model of classes or labels, got one that predicts numbers" in done.err


def test_pictures_of_regression(regression_model: Path) -> None:
    pytest.importorskip("matplotlib")
    for picture in ("predicted", "residuals"):
        done = here("plot", picture, "m", "houses.csv", "--quiet", cwd=regression_model)
        assert (done.code, done.out) == (0, f"{picture}.png\n")
        assert (regression_model / f"{picture}.png").stat().st_size > 5000
        train(regression_model, "planar", *QUICK, out="planar")
        done = here("plot", picture, "planar", "planar", cwd=regression_model)
        assert done.code == 2
        assert "expected a model that predicts numbers, got a binary model" in done.err
    done = here("train", *ASKED, *QUICK, "--plot", "c.png", "--out", "m", cwd=regression_model)
    assert done.code == 0


def test_hidden_units_of_a_regression(regression_model: Path) -> None:
    pytest.importorskip("matplotlib")
    assert here("plot", "hidden", "m", "houses.csv", cwd=regression_model).code == 0
    assert "kind           regression" in here("info", "m", cwd=regression_model).out


def test_convert_keeps_numbers(folder: Path, y: Rows) -> None:
    arguments = ["convert", "houses.csv", "C.npy", "--target", "price", "--labels", "l.npy"]
    asked = here(*arguments, cwd=folder)
    assert asked.code == 2
    assert "to predict a number choose --task regression" in asked.err
    done = here(*arguments, "--task", "regression", cwd=folder)
    assert done.code == 0
    assert "240 numbers of price" in done.out
    np.testing.assert_array_equal(np.load(folder / "l.npy"), y)


# Model files


def test_a_regression_model_file_is_checked(regression_model: Path) -> None:
    model = load_model(regression_model / "m")

    def problem(**changes: Any) -> str:
        save_model(replace(model, **changes), regression_model / "bad")
        done = here("info", "bad", cwd=regression_model)
        assert done.code == 2
        return done.err

    assert "output sigmoid does not belong to a regression model" in problem(output="sigmoid")
    assert "expected no classes for a regression model" in problem(classes=(0, 1))
    assert "output identity does not belong to a binary model" in problem(
        kind="binary", classes=(0, 1)
    )


def test_a_model_without_a_task_in_its_settings_is_read(tmp_path: Path) -> None:
    train(tmp_path, "planar", *QUICK)
    model = load_model(tmp_path / "m")
    settings = {key: value for key, value in model.settings.items() if key != "task"}
    old: Model = replace(model, settings=settings)
    save_model(old, tmp_path / "old")
    assert load_model(tmp_path / "old").settings == settings
    done = here("evaluate", "old", "planar", "--device", "cpu", "--json", cwd=tmp_path)
    assert done.json["examples"] == 400
    assert train(tmp_path, "planar", *QUICK, "--init", "old")["first_cost"] < 0.69
