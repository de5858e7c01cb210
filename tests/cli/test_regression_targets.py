"""``--task``: which targets are asked about, and which cannot be predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pyarrow")

from tests.support.command import here, train, write_csv, write_parquet
from tests.support.houses import ASKED, NAMES, QUICK, SOURCES, M, X, y

# auto asks


def test_several_columns_of_decimals_are_asked_about(houses: Path) -> None:
    np.save(houses / "several.npy", np.column_stack([y, X[:, 0]]))
    done = here("train", "X.npy", "--labels", "several.npy", *QUICK, cwd=houses)
    assert done.code == 2
    assert "column 0 (counted from 0); to predict a number choose --task regression" in done.err


@pytest.mark.parametrize("kind", SOURCES)
def test_a_target_of_decimals_is_asked_about(kind: str, houses: Path) -> None:
    done = here("train", *SOURCES[kind], *QUICK, "--out", "m", cwd=houses)
    assert done.code == 2
    assert "to predict a number choose --task regression (in Python GDRegressor)" in done.err
    assert not (houses / "m").exists()


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


def test_a_late_cell_that_is_not_a_number_is_named(houses: Path) -> None:
    with (houses / "houses.csv").open("a") as file:
        file.write("1,2,3,4.5\n" * 3000 + "1,2,3,dear\n")
    done = here("train", *ASKED, *QUICK, "--out", "m", cwd=houses)
    assert done.code == 2
    assert "got 'dear' in line 3242, column 'price'" in done.err
    train(houses, "houses.parquet", *ASKED[1:], *QUICK)
    done = here("evaluate", "m", "houses.csv", "--device", "cpu", cwd=houses)
    assert done.code == 2
    assert "got 'dear' in line 3242, column 'price'" in done.err


def test_missing_values_of_a_parquet_target_are_named(houses: Path) -> None:
    write_parquet(houses / "d.parquet", X, [*y[:-1].tolist(), None], NAMES)
    done = here("train", "d.parquet", *ASKED[1:], *QUICK, "--out", "m", cwd=houses)
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
def test_what_cannot_be_predicted(arguments: str, message: str, houses: Path) -> None:
    np.save(houses / "text.npy", np.where(y > y.mean(), "dear", "cheap"))
    np.save(houses / "nan.npy", np.where(np.arange(M) == 17, np.nan, y))
    np.save(houses / "huge.npy", y * (1e296 if "--no" not in arguments else 1e40))
    done = here("train", *arguments.split(), *QUICK, "--out", "m", cwd=houses)
    assert done.code == 2
    if message != "of too":
        assert message in done.err
    else:
        assert "target 0 (counted from 0) is too large to be standardised" in done.err
        assert "--ignore" not in done.err
    assert not (houses / "m").exists()
