"""The order of encoding: leave rows out, split, learn from the training rows, encode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.errors import DataError
from gdnet.model.file import load_model
from gdnet.training.target import rows_to_train_on
from tests.support.command import here, train
from tests.support.encoded_columns import ROWS, features, planned
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, read, write_parquet


def test_rows_that_are_held_out_teach_nothing(people: Path) -> None:
    held_out = [True, False, False, False, False, False]
    table = planned(people, held_out=held_out)
    assert table.encoding is not None
    age, town, sex, fare = table.encoding.columns
    assert age.mean == pytest.approx((50 + 20 + 40) / 3)
    assert fare.mean == (8.5 + 0.5 + 1.5 + 2.5 - 3) / 5
    assert town.levels == ("Hull", "York", "Bath")
    assert (sex.levels, sex.other, sex.missing) == (("m",), False, True)
    found = features(table)
    assert "sex=f" not in found
    assert [found["sex=m"][0], found["sex is missing"][0]] == [0, 0]
    other = [["1e9", "Rome", "x", "1e9", "no"], *ROWS[1:]]
    same = table_of(people.parent / "other.csv", HEADER, other)
    again = planned(same, held_out=held_out)
    assert again.encoding is not None
    assert again.encoding.to_json() == table.encoding.to_json()
    np.testing.assert_array_equal(again.X[1:], table.X[1:])


def test_validation_of_a_training_teaches_nothing(tmp_path: Path) -> None:
    rows = many_rows(400)
    table_of(tmp_path / "d.csv", HEADER, rows)
    train(tmp_path, "d.csv", "--target", "y", "--validation", "0.25", "--quiet", "--iterations", 5)
    target = np.array([row[4] for row in rows], object)
    kept = rows_to_train_on(target, "auto", 0.25, 0, "d.csv")
    assert 280 < kept.sum() < 320
    table_of(tmp_path / "t.csv", HEADER, [row for row, k in zip(rows, kept, strict=True) if k])
    table_of(tmp_path / "v.csv", HEADER, [row for row, k in zip(rows, kept, strict=True) if not k])
    options = ["--target", "y", "--quiet", "--iterations", 5]
    train(tmp_path, "t.csv", *options, "--validation", "v.csv", out="m2")
    one, two = load_model(tmp_path / "m"), load_model(tmp_path / "m2")
    assert one.encoding is not None
    assert two.encoding is not None
    assert one.encoding.to_json() == two.encoding.to_json()
    for mine, theirs in zip(one.parameters, two.parameters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_incomplete_rows_are_left_out_before_the_split(tmp_path: Path) -> None:
    rows = many_rows(500)
    rows[7][4], rows[300][4] = "", ""
    table_of(tmp_path / "all.csv", HEADER, rows)
    complete = [row for row in rows if all(row)]
    table_of(tmp_path / "complete.csv", HEADER, complete)
    options = ["--target", "y", "--validation", "0.2", "--iterations", 20, "--json"]
    done = here("train", "all.csv", *options, "--missing", "drop", "--out", "a", cwd=tmp_path)
    assert done.code == 0
    left_out = len(rows) - len(complete)
    ages, towns = (sum(not row[k] for row in rows) for k in (0, 1))
    assert (
        f"{left_out} of 500 rows have missing values and are left out: age ({ages}), town "
        f"({towns}), y (2)\n" in done.err
    )
    train(tmp_path, "complete.csv", *options[:-1], "--quiet", out="b")
    one, two = load_model(tmp_path / "a"), load_model(tmp_path / "b")
    assert one.feature_names == two.feature_names
    for mine, theirs in zip(one.parameters, two.parameters, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_gap_in_a_column_that_is_left_out_drops_no_row(tmp_path: Path) -> None:
    rows = [[f"n{i}" if i % 3 else "", str(i / 4), "ab"[i % 2], str(i % 2)] for i in range(200)]
    rows[5][1] = ""
    table = planned(table_of(tmp_path / "d.csv", ["id", "x", "t", "y"], rows), missing="drop")
    assert len(table.X) == 199
    assert table.feature_names == ("x", "t=a", "t=b")


def test_missing_labels_name_the_remedy(tmp_path: Path) -> None:
    for cells in (["a", "b", "", "a"], ["1", "0", "NA", "1"], ["true", "false", "", "true"]):
        rows = [[f"{i}.5", cell] for i, cell in enumerate(cells)]
        table_of(tmp_path / "d.csv", ["x", "y"], rows)
        done = here("train", "d.csv", "--target", "y", cwd=tmp_path)
        assert done.code == 2
        assert "in line 4" in done.err
        assert "or leave them out of a training: --missing drop" in done.err
        done = here("train", "d.csv", "--target", "y", "--missing", "drop", cwd=tmp_path)
        assert (done.code, "1 of 4 rows have missing values" in done.err) == (0, True)
    for name in ("d.csv", "d.parquet"):
        if name == "d.csv":
            labels = ["a", "b", "-9", "a"]
            path = table_of(
                tmp_path / name, ["x", "y"], [[f"{i}.5", y] for i, y in enumerate(labels)]
            )
        else:
            path = write_parquet(tmp_path / name, x=[0.5, 1.5, 2.5, 3.5], y=[1, 0, -9, 1])
        table = planned(path, missing="drop", na_values=("-9",))
        assert table.target is not None
        assert len(table.target) == 3
    column = pa.array([1, 0, None, 1])
    path = write_parquet(tmp_path / "d.parquet", x=[0.5, 1.5, 2.5, 3.5], y=column)
    assert planned(path, missing="drop").target.tolist() == [1, 0, 1]
    with pytest.raises(DataError, match=r"row 2 .* missing='drop'"):
        planned(path)


def test_missing_numbers_to_be_predicted(tmp_path: Path) -> None:
    rows = [[f"{i}.5", "ab"[i % 2], "" if i == 3 else f"{2 * i}.25"] for i in range(50)]
    table_of(tmp_path / "d.csv", ["x", "t", "y"], rows)
    options = ["train", "d.csv", "--target", "y", "--task", "regression", "--iterations", 5]
    done = here(*options, cwd=tmp_path)
    assert done.code == 2
    assert "got an empty cell in line 5, column 'y'" in done.err
    assert "--missing drop" in done.err
    done = here(*options, "--missing", "drop", "--json", cwd=tmp_path)
    assert (done.code, done.json["examples"], done.json["features"]) == (0, 49, 3)


def test_labels_in_a_file_of_their_own(people: Path) -> None:
    labels = np.arange(6)
    np.save(people.parent / "y.npy", labels)
    plan = Plan(Options(missing="drop"))
    path = people.parent / "y.npy"
    table = read(people, np.float64, labels=path, ignore=["y"], plan=plan)
    assert table.target is not None
    assert table.target.tolist() == [0, 3]
    assert len(table.X) == 2


def test_every_row_with_a_gap(people: Path) -> None:
    rows = [["", *row[1:]] for row in ROWS]
    rows[0][0] = "1"
    rows[0][2] = ""
    path = table_of(people.parent / "gaps.csv", HEADER, rows)
    with pytest.raises(
        DataError, match=r"got none: they are missing in age \(5\), sex \(3\); leave"
    ):
        planned(path, missing="drop")
