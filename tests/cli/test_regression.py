"""``--task regression``: from a table with numbers as target to predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pyarrow")

from gdnet.data.builtin import load_builtin
from gdnet.model.file import load_model
from tests.support.command import here, train, write_csv
from tests.support.houses import ASKED, FEATURES, NAMES, QUICK, SOURCES, M, X, y


def test_a_table_of_houses(houses: Path) -> None:
    summary = train(houses, *ASKED, *QUICK, "--validation", 0.25, "--history", "h.jsonl")
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
    costs = [json.loads(line) for line in (houses / "h.jsonl").read_text().splitlines()]
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
    model = load_model(houses / "m")
    assert (model.kind, model.output, model.classes) == ("regression", "identity", None)
    assert (model.target_name, model.feature_names) == ("price", tuple(FEATURES))
    assert model.settings["learning_rate"] == 0.1
    assert not [key for key in summary if "accuracy" in key or "auc" in key]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_format_gives_the_same_model_and_evaluate_the_summary(
    kind: str, dtype: str, houses: Path
) -> None:
    task = ["--task", "regression", "--dtype", dtype]
    summary = train(houses, *SOURCES[kind], *task, *QUICK)
    train(houses, *ASKED, "--dtype", dtype, *QUICK, out="csv")
    for one, other in zip(
        load_model(houses / "m").parameters, load_model(houses / "csv").parameters, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    reported = here("evaluate", "m", *SOURCES[kind], "--device", "cpu", "--json", cwd=houses).json
    assert reported.pop("notes") == []
    assert reported.keys() == {"examples", "rmse", "mae", "r2", "baseline_rmse"}
    # Training rounds standardised features to float32, and the model takes raw ones in float64.
    digits = 1e-7 if dtype == "float32" else 1e-12
    for key, value in reported.items():
        assert value == pytest.approx(summary[f"train_{key}"], rel=digits), key
    # By hand, in raw units.
    W1, b1, W2, b2 = load_model(houses / "m").parameters
    rows = X.astype(dtype).astype(float).T
    predicted = (W2 @ np.tanh(W1 @ rows + b1) + b2)[0]
    assert reported["rmse"] == pytest.approx(np.sqrt(((predicted - y) ** 2).mean()), rel=1e-9)
    assert reported["mae"] == pytest.approx(np.abs(predicted - y).mean(), rel=1e-9)
    assert reported["r2"] == pytest.approx(1 - ((predicted - y) ** 2).mean() / y.var(), rel=1e-9)


def test_the_csv_target_may_be_left_to_the_model(houses: Path) -> None:
    train(houses, *ASKED, *QUICK)
    done = here("evaluate", "m", "houses.csv", "--device", "cpu", cwd=houses)
    assert done.code == 0
    for name in ("RMSE", "MAE", "R^2", "baseline"):
        assert f"\n{name}  " in f"\n{done.out}"
    assert done.out.endswith("the RMSE of always predicting the mean of these examples\n")


def test_summary_as_text(houses: Path) -> None:
    done = here("train", *ASKED, *QUICK, "--validation", 0.2, "--out", "m", cwd=houses)
    assert (done.code, done.err) == (0, "")
    assert "3 features, 1 target\n" in done.out
    assert "train       validation\n" in done.out
    assert "accuracy" not in done.out


def test_predictions_are_numbers(houses: Path) -> None:
    train(houses, *ASKED, *QUICK)
    W1, b1, W2, b2 = load_model(houses / "m").parameters
    want = (W2 @ np.tanh(W1 @ X.astype(np.float32).astype(float).T + b1) + b2)[0]
    done = here("predict", "m", "houses.csv", "--device", "cpu", "--quiet", cwd=houses)
    lines = done.out.splitlines()
    assert lines[0] == "prediction"
    np.testing.assert_allclose([float(line) for line in lines[1:]], want, rtol=1e-12)
    arguments = ["predict", "m", "X.npy", "--device", "cpu", "--quiet", "--out", "p.npy"]
    assert here(*arguments, cwd=houses).code == 0
    found = np.load(houses / "p.npy")
    assert (found.dtype, found.shape) == (np.float64, (M,))
    np.testing.assert_array_equal(found, [float(line) for line in lines[1:]])


def test_several_targets(houses: Path) -> None:
    several = np.column_stack([y, 1e-3 * X[:, 0] + 5])
    np.save(houses / "several.npy", several)
    data = ["X.npy", "--labels", "several.npy"]
    summary = train(houses, *data, "--task", "regression", *QUICK, "--validation", 0.2)
    assert summary["outputs"] == 2
    for part in ("train", "validation"):
        for key in ("rmse", "mae", "r2", "baseline_rmse"):
            each = summary[f"{part}_{key}_of_each"]
            assert summary[f"{part}_{key}"] == pytest.approx(np.mean(each), rel=1e-12)
        assert summary[f"{part}_rmse_of_each"][1] < 1e-3 < summary[f"{part}_rmse_of_each"][0]
    text = here("evaluate", "m", *data, "--device", "cpu", "--quiet", cwd=houses).out
    assert "each target; above are the means over them\ntarget      RMSE" in text
    done = here("predict", "m", "X.npy", "--device", "cpu", "--quiet", cwd=houses)
    assert done.out.startswith("prediction_0,prediction_1\n")
    wrong = here("evaluate", "m", "X.npy", "--labels", "y.npy", "--device", "cpu", cwd=houses)
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


def test_a_resumed_run_has_the_same_bits(houses: Path) -> None:
    train(houses, *ASKED, "--hidden", 6, "--iterations", 60, out="whole")
    train(houses, *ASKED, "--hidden", 6, "--iterations", 25, "--checkpoint", "c", out="part")
    more = ["--iterations", 60, "--checkpoint", "c", "--resume", "--quiet"]
    train(houses, *ASKED, "--hidden", 6, *more, out="resumed")
    assert (houses / "resumed").read_bytes() == (houses / "whole").read_bytes()


def test_a_checkpoint_of_other_numbers_is_refused(houses: Path) -> None:
    train(houses, *ASKED, *QUICK, "--checkpoint", "c")
    write_csv(houses / "houses.csv", X, (y + 0.001 * X[:, 0]).tolist(), NAMES)
    done = here("train", *ASKED, *QUICK, "--checkpoint", "c", "--resume", cwd=houses)
    assert done.code != 0
    assert "the checkpoint is of another run: content (hash) of the data" in done.err


def test_init_continues_from_a_model(houses: Path) -> None:
    first = train(houses, *ASKED, *QUICK, "--dtype", "float64", out="first")
    summary = train(houses, *ASKED, *QUICK, "--dtype", "float64", "--init", "first")
    assert summary["first_cost"] == pytest.approx(first["cost"], rel=1e-9)
    write_csv(houses / "c.csv", np.load(houses / "X.npy"), (np.arange(M) % 2).tolist(), NAMES)
    other = here("train", "c.csv", "--target", "price", *QUICK, "--init", "first", cwd=houses)
    assert other.code == 2
    assert "with the kind of labels of the training, binary, got regression" in other.err


def test_without_standardising_the_cost_is_in_raw_units(houses: Path) -> None:
    np.save(houses / "small.npy", np.sin(X[:, 0]) + 10)
    data = ["X.npy", "--labels", "small.npy", "--task", "regression", "--no-standardize"]
    summary = train(houses, *data, *QUICK, "--learning-rate", 0.001, "--dtype", "float64")
    assert summary["first_cost"] > 30
    assert summary["train_rmse"] == pytest.approx(np.sqrt(2 * summary["cost"]), rel=1e-9)
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=houses).json
    assert reported["rmse"] == summary["train_rmse"]


def test_large_numbers_that_vary_little(houses: Path) -> None:
    np.save(houses / "far.npy", 1e9 + (y - y.mean()) / y.std())
    data = ["X.npy", "--labels", "far.npy", "--task", "regression"]
    summary = train(houses, *data, *QUICK)  # in float32, which holds no such number
    assert summary["train_r2"] > 0.8
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=houses).json
    assert reported["rmse"] == pytest.approx(summary["train_rmse"], rel=1e-6)


def test_a_target_of_one_value_is_learnt_and_said(houses: Path) -> None:
    np.save(houses / "one.npy", np.full(M, 3.5))
    data = ["X.npy", "--labels", "one.npy", "--task", "regression"]
    done = here("train", *data, *QUICK, "--out", "m", cwd=houses)
    assert done.code == 0
    assert "the number to be predicted is the same in every row that is trained on" in done.err
    assert "R^2         one value\n" in done.out
    reported = here("evaluate", "m", *data[:3], "--device", "cpu", "--json", cwd=houses).json
    assert reported["r2"] is None


def test_a_descent_that_ends_above_the_mean_says_so(houses: Path) -> None:
    arguments = [*ASKED, "--iterations", 1, "--init-scale", 3, "--learning-rate", 1e-9]
    done = here("train", *arguments, "--device", "cpu", "--out", "m", cwd=houses)
    assert "predicting the mean would be better: look at the scale of the features" in done.out


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet", "houses.npz"])
def test_a_file_to_validate_on(name: str, houses: Path) -> None:
    settings = [*QUICK, "--solver", "lbfgs", "--early-stopping"]
    summary = train(houses, *ASKED, *settings, "--validation", name)
    for key in ("rmse", "mae", "r2", "baseline_rmse"):
        assert summary[f"validation_{key}"] == pytest.approx(summary[f"train_{key}"], rel=1e-6)
    assert summary["lowest_validation_cost"] == pytest.approx(summary["cost"], rel=1e-6)
    write_csv(houses / "text.csv", np.load(houses / "X.npy"), ["dear"] * M, NAMES)
    done = here("train", *ASKED, *settings, "--validation", "text.csv", cwd=houses)
    assert done.code == 2
    assert "text.csv: expected a target column of numbers, got price (text" in done.err


def test_convert_keeps_numbers(houses: Path) -> None:
    arguments = ["convert", "houses.csv", "C.npy", "--target", "price", "--labels", "l.npy"]
    asked = here(*arguments, cwd=houses)
    assert asked.code == 2
    assert "to predict a number choose --task regression" in asked.err
    done = here(*arguments, "--task", "regression", cwd=houses)
    assert done.code == 0
    assert "240 numbers of price" in done.out
    np.testing.assert_array_equal(np.load(houses / "l.npy"), y)
