"""Text and missing values of CSV and Parquet files, from training to prediction."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet.data.encoding.learner as learner
from gdnet.data import storage
from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import read_table
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.model.file import load_model
from gdnet.training.target import rows_to_train_on
from tests.support.command import Done, here, train
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, read, write_parquet

ROWS = [
    ["30", "York", "f", "7.5", "no"],
    ["", "Hull", "m", "8.5", "yes"],
    ["50", "York", "", "0.5", "no"],
    ["20", "Bath", "m", "1.5", "yes"],
    ["NA", "York", "m", "2.5", "yes"],
    ["40", "Hull", "?", "-3", "no"],
]


def planned(path: Path, *, target: str | None = "y", held_out: Any = None, **options: Any) -> Table:
    """The table as `gdnet train` reads it, without those of its rows that `held_out` says."""
    chosen = None if held_out is None else ~np.asarray(held_out)
    plan = Plan(Options(**options), None, lambda _: chosen)
    return read(path, np.float64, target=target, plan=plan)


def features(table: Table) -> dict[str, list[float]]:
    assert table.feature_names is not None
    return {name: table.X[:][:, j].tolist() for j, name in enumerate(table.feature_names)}


@pytest.fixture(params=["csv", "parquet"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One table in both formats."""
    if request.param == "csv":
        return table_of(tmp_path / "people.csv", HEADER, ROWS)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*ROWS, strict=True)), strict=True))
    columns["age"] = pa.array([30, None, 50, 20, None, 40])
    columns["town"] = pa.array(columns["town"]).dictionary_encode()
    columns["sex"] = pa.array(["f", "m", None, "m", "m", "?"])
    columns["fare"] = list(map(float, columns["fare"]))
    return write_parquet(tmp_path / "people.parquet", **columns)


# What becomes of columns


def test_features_by_hand(people: Path) -> None:
    table = planned(people)
    assert features(table) == {
        "age": [30, 35, 50, 20, 35, 40],
        "fare": [7.5, 8.5, 0.5, 1.5, 2.5, -3],
        "age is missing": [0, 1, 0, 0, 1, 0],
        "town=York": [1, 0, 1, 0, 1, 0],
        "town=Hull": [0, 1, 0, 0, 0, 1],
        "town=Bath": [0, 0, 0, 1, 0, 0],
        "sex=m": [0, 1, 0, 1, 1, 0],
        "sex=f": [1, 0, 0, 0, 0, 0],
        "sex is missing": [0, 0, 1, 0, 0, 1],
    }
    assert table.ignored == {}
    assert table.notes == (
        "text becomes one feature a value: town (3), sex (2)",
        "a missing number becomes the mean, and a feature says where it is missing: age (2)",
        "missing text is a value of its own: sex (2)",
    )


def test_most_frequent_values_and_the_others(people: Path) -> None:
    table = planned(people, max_categories=1)
    found = features(table)
    assert found["town=York"] == [1, 0, 1, 0, 1, 0]
    assert found["town is other"] == [0, 1, 0, 1, 0, 1]
    assert found["sex=m"] == [0, 1, 0, 1, 1, 0]
    assert found["sex is other"] == [1, 0, 0, 0, 0, 0]
    assert found["sex is missing"] == [0, 0, 1, 0, 0, 1]
    assert (
        "all rarer values of a column have one feature in common: town (3), sex (1)" in table.notes
    )
    assert [name for name in found if "town" in name] == ["town=York", "town is other"]


def test_equally_frequent_values_come_in_the_order_of_the_text(tmp_path: Path) -> None:
    rows = [[word, f"{i}.5", str(i % 2)] for i, word in enumerate("bacbacd" * 3)]
    table = planned(table_of(tmp_path / "d.csv", ["w", "x", "y"], rows), max_categories=2)
    assert table.feature_names == ("x", "w=a", "w=b", "w is other")


def test_against_pandas_and_scikit_learn(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.impute import SimpleImputer

    random = np.random.RandomState(0)
    m = 3000
    frame = pandas.DataFrame(
        {
            "a": random.randn(m),
            "b": np.where(random.rand(m) < 0.1, np.nan, random.randn(m) * 100),
            "t": random.choice(["x", "y", "z"], m, p=[0.5, 0.3, 0.2]),
            "u": random.choice(np.array(["p", "q", None], object), m, p=[0.5, 0.3, 0.2]),
            "y": random.randint(0, 2, m),
        }
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    numbers = SimpleImputer(add_indicator=True).fit_transform(frame[["a", "b"]])
    texts = pandas.get_dummies(frame[["t", "u"]], prefix_sep="=")
    expected = np.column_stack([numbers, texts, frame["u"].isna()])
    names = ["a", "b", "b is missing", *texts.columns, "u is missing"]
    for name in ("d.csv", "d.parquet"):
        table = planned(tmp_path / name)
        assert table.feature_names == tuple(names)
        np.testing.assert_allclose(table.X, expected, rtol=1e-13, atol=1e-13)


def test_columns_of_values_that_hardly_repeat_are_left_out(tmp_path: Path) -> None:
    rows = [[f"n{i}", f"t{i // 2}", f"c{i % 40}", str(i / 4), str(i % 2)] for i in range(200)]
    rows[0][0] = ""
    path = table_of(tmp_path / "d.csv", ["name", "ticket", "city", "x", "y"], rows)
    table = planned(path)
    assert table.ignored == {
        "name": "text of 199 different values in 199 rows, such as 'n1'",
    }
    assert {name for name in features(table) if "ticket" in name} == {
        "ticket is other",
        *(f"ticket=t{i}" for i in sorted(range(100), key=str)[:32]),
    }
    assert planned(path, max_categories=200).ignored == {}
    with pytest.raises(DataError, match=r"1 column that can be a feature .* got name "):
        planned(table_of(path, ["name", "y"], [[row[0], row[4]] for row in rows]))


def test_counting_ends_where_values_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "MAX_VALUES", 50)
    rows = [[f"v{i % 60}", "w" * (i % 7), str(i / 4), str(i % 2)] for i in range(6000)]
    path = table_of(tmp_path / "d.csv", ["v", "w", "x", "y"], rows)
    why = "text of more than 50 different values, or very long ones"
    assert planned(path).ignored == {"v": why}
    monkeypatch.setattr(learner, "MAX_CHARACTERS", 20)
    assert planned(path).ignored == {"v": why, "w": why}


def test_text_is_ignored_where_that_is_asked_for(people: Path) -> None:
    table = planned(people, text="ignore")
    assert table.feature_names == ("age", "fare", "age is missing")
    assert set(table.ignored) == {"town", "sex"}


def test_numbers_that_are_codes(tmp_path: Path) -> None:
    rows = [[str(code), f"{i}.5", str(i % 2)] for i, code in enumerate([3, 1, 3, "", 3, 1])]
    names = ("x", "code=3", "code=1", "code is missing")
    path = table_of(tmp_path / "d.csv", ["code", "x", "y"], rows)
    assert planned(path, categorical=("code",)).feature_names == names
    codes: list[Any] = [3, 1, 3, None, 3, 1]
    for kind in (pa.int8(), pa.float64(), pa.float16()):
        column = pa.array(np.array(codes, object), pa.float64()).cast(pa.float32()).cast(kind)
        path = write_parquet(
            tmp_path / "d.parquet", code=column, x=np.arange(6) + 0.5, y=[0, 1] * 3
        )
        table = planned(path, categorical=("code",))
        assert table.feature_names == names
        assert features(table)["code=3"] == [1, 0, 1, 0, 1, 0]
    with pytest.raises(DataError, match=r"a categorical column 'kode', .*did you mean 'code'"):
        planned(path, categorical=("kode",))
    with pytest.raises(DataError, match="columns that are features, got 'y', which is the target"):
        planned(path, categorical=("y",))


def test_more_spellings_of_a_missing_value(tmp_path: Path) -> None:
    rows = [["-999", "gone", "0"], ["1", "a", "1"], ["-999.0", "Gone ", "0"], ["4", "a", "1"]]
    path = table_of(tmp_path / "d.csv", ["x", "t", "y"], rows)
    found = features(planned(path, na_values=("-999", "gone")))
    assert found == {
        "x": [2.5, 1, 2.5, 4],
        "x is missing": [1, 0, 1, 0],
        "t=a": [0, 1, 0, 1],
        "t is missing": [1, 0, 1, 0],
    }
    path = write_parquet(
        tmp_path / "d.parquet", x=[-999, 1, -999, 4], t=["gone", "a", "gone", "a"], y=[0, 1] * 2
    )
    assert features(planned(path, na_values=("-999", "gone"))) == found


def test_spellings_that_the_parser_does_not_know(tmp_path: Path) -> None:
    cells = ["1.5", " nULL", "   ", " ? ", "?", "nOnE", "-NaN", "2.5"]
    rows = [
        [cell, "true" if i % 2 else cell * (i == 2), str(i % 2)] for i, cell in enumerate(cells)
    ]
    table = planned(table_of(tmp_path / "d.csv", ["x", "flag", "y"], rows))
    assert features(table) == {
        "x": [1.5, 2, 2, 2, 2, 2, 2, 2.5],
        "flag": [1.0] * 8,
        "x is missing": [0, 1, 1, 1, 1, 1, 1, 0],
        "flag is missing": [1, 0] * 4,
    }


@pytest.mark.parametrize("far", [0, 5000])
def test_a_stray_text_stays_an_error_that_names_it(tmp_path: Path, far: int) -> None:
    rows = [["1", "", "2", "0"], ["", "a", "3", "1"]] * (2 + far)
    rows += [["abc", "a", "inf", "1"], ["x", "b", "1", "0"]]
    path = table_of(tmp_path / "d.csv", ["x", "t", "z", "y"], rows)
    line = len(rows)
    for missing in ("impute", "drop"):
        with pytest.raises(DataError) as caught:
            planned(path, missing=missing)
        assert str(caught.value) == (
            f"{path}: expected finite float64 numbers, got 'abc' in line {line}, column 'x' (the "
            f"first of 2), 'inf' in line {line}, column 'z'; remove or fill in such rows, or take "
            "cells for missing ones: na_values=['abc'], or columns for codes: categorical=['x'], "
            "or leave columns out: ignore=['x', 'z']"
        )


@pytest.mark.parametrize("word", ["unknown", "-", "n.a.", "don't know, sorry"])
def test_the_message_on_a_stray_text_has_the_option_that_cures_it(
    tmp_path: Path, word: str
) -> None:
    rows = [[word if i % 5 == 2 else str(i % 35), str(i / 4), str(i % 2)] for i in range(40)]
    table_of(tmp_path / "d.csv", ["x", "z", "y"], rows)
    train_it = ["train", "d.csv", "--target", "y", "--iterations", 2]
    done = here(*train_it, cwd=tmp_path)
    assert done.code == 2
    cures = done.err.partition("for missing ones: ")[2].strip()
    for cure, said in zip(
        re.split(", or columns for codes: |, or leave columns out: ", cures),
        ("says where it is missing: x (8)", "one feature a value: x (29)", "ignored columns: x"),
        strict=True,
    ):
        done = here(*train_it, *shlex.split(cure), cwd=tmp_path)
        assert (done.code, said in done.err) == (0, True)


def test_missing_values_as_errors_are_all_named(people: Path) -> None:
    with pytest.raises(DataError) as caught:
        planned(people, missing="error")
    for column in ("'age' (the first of 2)", "'sex' (the first of 2)"):
        assert f"column {column}" in str(caught.value)
    assert "ignore=['age', 'sex']" in str(caught.value)


def test_columns_without_values(tmp_path: Path) -> None:
    for rows in (5, 2000):
        path = write_parquet(
            tmp_path / "d.parquet",
            x=np.arange(rows) + 0.5,
            t=pa.array([None, "", " NA "] * rows, pa.string())[:rows],
            n=pa.nulls(rows),
            y=np.arange(rows) % 2,
        )
        assert set(planned(path).ignored) == {"t", "n"}
    held_out = np.arange(2000) < 1000
    rows_of_text = [["" if i >= 1000 else "7", f"{i}.5", str(i % 2)] for i in range(2000)]
    path = table_of(tmp_path / "d.csv", ["late", "x", "y"], rows_of_text)
    table = planned(path, held_out=held_out)
    assert table.ignored == {"late": "no value in any row that is trained on"}


def test_names_that_would_be_the_same(tmp_path: Path) -> None:
    header = ["t", "t=a", "t is missing", "y"]
    rows = [["a", "1", "2", "0"], ["", "3", "", "1"], ["b", "5", "6", "1"]]
    names = planned(table_of(tmp_path / "d.csv", header, rows)).feature_names
    assert names == (
        "t=a", "t is missing", "t is missing is missing", "t=a'", "t=b", "t is missing'",
    )  # fmt: skip


def test_the_mean_of_equal_numbers_is_that_number(tmp_path: Path) -> None:
    rows = [["0.1" if i else "", f"{i}.5", str(i % 2)] for i in range(1000)]
    table = planned(table_of(tmp_path / "d.csv", ["c", "x", "y"], rows))
    assert set(features(table)["c"]) == {0.1}


# The order: leave out, split, learn, encode


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


# Streamed, and in any batches


def test_a_temporary_file_has_the_bits_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = many_rows(5000)
    table_of(tmp_path / "d.csv", HEADER, rows)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*rows, strict=True)), strict=True))
    columns["age"] = pa.array([float(age) if age else None for age in columns["age"]])
    columns["fare"] = [float(fare) for fare in columns["fare"]]
    write_parquet(tmp_path / "d.parquet", **columns)
    for name in ("d.csv", "d.parquet"):
        for missing in ("impute", "drop"):
            options = [name, "--target", "y", "--validation", 0.2, "--iterations", 3, "--quiet"]
            options += ["--missing", missing]
            in_memory = train(tmp_path, *options)
            assert in_memory["storage"] == "memory"
            content = (tmp_path / "m").read_bytes()
            with monkeypatch.context() as patch:
                patch.setattr(storage, "available_memory", lambda: 1000)
                done = here("train", *options, "--json", "--out", "m", cwd=tmp_path)
            assert done.json["storage"] == "temporary file"
            assert (tmp_path / "m").read_bytes() == content


def test_size_that_is_named_beforehand_is_that_of_the_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_of(tmp_path / "d.csv", HEADER, many_rows(3000))
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    monkeypatch.setattr(storage, "GIB", 1000)
    done = here("train", "d.csv", "--target", "y", "--iterations", 2, "--json", cwd=tmp_path)
    size = 3000 * done.json["features"] * 4 / 1000
    assert f"{size:.1f} GiB of rows go to a temporary file" in done.err


def test_means_do_not_depend_on_batches() -> None:
    random = np.random.RandomState(0)
    columns = {"a": random.randn(20_000) * 1e6, "b": random.rand(20_000)}
    columns["a"][random.rand(20_000) < 0.1] = np.nan
    batch = pa.RecordBatch.from_pydict(columns)
    found = []
    for height in (20_000, 1, 777, 4096):
        each = learner.Learner(["a", "b"], (), Options())
        for lo in range(0, 20_000, height):
            each.add(batch.slice(lo, height))
        found.append(each.learnt()[0].to_json())  # type: ignore[union-attr]
    assert all(each == found[0] for each in found)
    means = [column["mean"] for column in found[0]["columns"]]
    np.testing.assert_allclose(means, [np.nanmean(columns["a"]), columns["b"].mean()], rtol=1e-13)
    one = learner.Learner(["a"], (), Options())
    one.add(batch)
    assert one.learnt()[0].columns[0].mean == means[0]  # type: ignore[union-attr]


# Numbers without gaps are read as ever


def test_numbers_without_gaps_need_no_encoding(tmp_path: Path) -> None:
    rows = [[str(i), f"{i}.5", "true" if i % 2 else "FALSE", "ab"[i % 2]] for i in range(50)]
    path = table_of(tmp_path / "d.csv", ["i", "x", "flag", "y"], rows)
    for missing in ("impute", "drop", "error"):
        table = planned(path, missing=missing)
        assert table.encoding is None
        assert table.feature_names == ("i", "x", "flag")
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 3)
    content = (tmp_path / "m").read_bytes()
    assert b"encoding" not in content
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 3, "--text", "ignore")
    assert (tmp_path / "m").read_bytes() == content


# Prediction


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    table_of(tmp_path / "d.csv", HEADER, many_rows(300))
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 50)
    return tmp_path


def probabilities(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return done.out.splitlines()[1:]


def test_columns_are_found_by_name_in_any_order(trained: Path) -> None:
    rows = many_rows(100, seed=1)
    table_of(trained / "new.csv", HEADER, rows)
    order = [4, 2, 0, 3, 1]
    mixed = [["9", *(row[k] for k in order)] for row in rows]
    table_of(trained / "mixed.csv", ["id", *(HEADER[k] for k in order)], mixed)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*rows, strict=True)), strict=True))
    columns["age"] = pa.array([int(age) if age else None for age in columns["age"]])
    columns["fare"] = [float(fare) for fare in columns["fare"]]
    columns["town"] = pa.array(columns["town"]).dictionary_encode()
    del columns["y"]
    write_parquet(trained / "new.parquet", **columns)
    found = [
        probabilities(here("predict", "m", name, "--proba", cwd=trained))
        for name in ("new.csv", "mixed.csv", "new.parquet")
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 100


def test_evaluation_of_the_training_data_is_that_of_the_summary(trained: Path) -> None:
    summary = train(trained, "d.csv", "--target", "y", "--quiet", "--iterations", 50)
    done = here("evaluate", "m", "d.csv", "--json", cwd=trained)
    assert done.json["accuracy"] == summary["train_accuracy"]
    assert done.json["log_loss"] == pytest.approx(summary["train_log_loss"], rel=1e-6)
    assert done.json["accuracy"] > 0.85


def test_what_training_has_not_seen_is_counted_and_said(trained: Path) -> None:
    rows = [
        ["30", "York", "f", "", "no"],
        ["30", "Rome", "x", "1", "no"],
        ["30", "", "", "2", "no"],
    ]
    table_of(trained / "new.csv", HEADER, rows)
    done = here("predict", "m", "new.csv", "--device", "cpu", cwd=trained)
    assert done.err == (
        "gdnet: new.csv: missing where training had every number, taken to be the mean: fare (1)\n"
        "gdnet: new.csv: missing where training had every value, taken as none of them: sex (1)\n"
        "gdnet: new.csv: values that training did not have, taken as none of those it had: "
        "town (1), sex (1)\n"
    )
    assert here("predict", "m", "new.csv", "--quiet", cwd=trained).err == ""
    model = load_model(trained / "m")
    assert model.encoding is not None
    fare = next(column for column in model.encoding.columns if column.name == "fare")
    filled = [["30", "York", "f", repr(fare.mean), "no"], *rows[1:]]
    table_of(trained / "filled.csv", HEADER, filled)
    one, two = (
        here("predict", "m", f"{n}.csv", "--proba", cwd=trained).out for n in ("new", "filled")
    )
    assert one == two


def test_columns_that_a_model_needs(trained: Path) -> None:
    table_of(trained / "new.csv", HEADER[1:], [row[1:] for row in many_rows(5)])
    done = here("predict", "m", "new.csv", cwd=trained)
    assert (done.code, "a feature column 'age', got columns" in done.err) == (2, True)
    write_parquet(trained / "new.parquet", age=["x"], town=["York"], sex=["f"], fare=[0.5])
    done = here("predict", "m", "new.parquet", cwd=trained)
    assert done.code == 2
    assert "expected columns of numbers, got age (type string)" in done.err
    write_parquet(trained / "new.parquet", age=pa.nulls(1), town=pa.nulls(1), sex=["f"], fare=[0.5])
    assert here("predict", "m", "new.parquet", cwd=trained).code == 0


def test_validation_file(trained: Path) -> None:
    table_of(trained / "v.csv", HEADER, [*many_rows(60, seed=3), ["", "Rome", "f", "", "no"]])
    options = ["d.csv", "--target", "y", "--validation", "v.csv", "--iterations", 5, "--out", "m"]
    done = here("train", *options, "--json", "--device", "cpu", cwd=trained)
    assert done.json["validation_examples"] == 61
    assert "v.csv: missing where training had every number" in done.err
    done = here("train", *options, "--json", "--missing", "drop", cwd=trained)
    complete = [row for row in many_rows(60, seed=3) if all(row)]
    assert done.json["validation_examples"] == len(complete)


def test_regression(tmp_path: Path) -> None:
    rows = [[*row[:4], f"{len(row[1]) + 0.25}"] for row in many_rows(300)]
    table_of(tmp_path / "d.csv", HEADER, rows)
    facts = train(
        tmp_path, "d.csv", "--target", "y", "--task", "regression", "--quiet", "--iterations", 300
    )
    assert facts["train_r2"] > 0.95
    assert here("evaluate", "m", "d.csv", "--json", cwd=tmp_path).json["r2"] > 0.95


# A model to start from, and checkpoints


def test_start_from_a_model_with_its_encoding(trained: Path) -> None:
    table_of(trained / "other.csv", HEADER, many_rows(200, seed=9))
    options = ["other.csv", "--target", "y", "--init", "m", "--iterations", 5, "--out", "n"]
    assert here("train", *options, cwd=trained).code == 0
    one, two = load_model(trained / "m"), load_model(trained / "n")
    assert one.encoding is not None
    assert two.encoding is not None
    assert one.encoding.to_json() == two.encoding.to_json()
    done = here("train", *options, "--max-categories", 5, "--text", "ignore", cwd=trained)
    assert done.code == 2
    assert "its model has its own way to encode columns: leave --text, --max-categories" in done.err
    done = here("train", *options, "--ignore", "age", cwd=trained)
    assert (done.code, "takes the column 'age'" in done.err) == (2, True)
    table_of(trained / "other.csv", HEADER[1:], [row[1:] for row in many_rows(20)])
    done = here("train", *options, cwd=trained)
    assert (done.code, "expected a feature column 'age'" in done.err) == (2, True)


def test_start_from_a_model_of_numbers(tmp_path: Path) -> None:
    rows = [[f"{i}.5", f"{i % 7}", "ab"[i % 2], str(i % 2)] for i in range(40)]
    table_of(tmp_path / "d.csv", ["x", "z", "t", "y"], rows)
    train(tmp_path, "d.csv", "--target", "y", "--text", "ignore", "--quiet", "--iterations", 5)
    options = ["d.csv", "--target", "y", "--init", "m", "--iterations", 5, "--out", "n"]
    done = here("train", *options, cwd=tmp_path)
    assert done.code == 0
    assert "ignored columns: t (text such as 'a')" in done.err
    done = here("train", *options, "--text", "encode", cwd=tmp_path)
    assert (done.code, "with the features of the training" in done.err) == (2, True)


def test_a_checkpoint_is_of_an_encoding(trained: Path) -> None:
    options = ["d.csv", "--target", "y", "--iterations", 20, "--checkpoint", "c", "--quiet"]
    train(trained, *options)
    content = (trained / "m").read_bytes()
    train(trained, *options, "--resume")
    assert (trained / "m").read_bytes() == content
    done = here("train", *options, "--resume", "--max-categories", "2", cwd=trained)
    assert (done.code, "the checkpoint is of another run" in done.err) == (2, True)


# The model file, and what is made of it


def test_a_model_file_whose_encoding_is_damaged(trained: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    from gdnet.errors import ModelFileError

    arrays = load_file(trained / "m")
    with safe_open(trained / "m", "np") as file:
        header = json.loads(file.metadata()["gdnet"])

    def saved(change: Any) -> Path:
        damaged = json.loads(json.dumps(header))
        change(damaged["encoding"])
        save_file(arrays, trained / "damaged", {"gdnet": json.dumps(damaged)})
        return trained / "damaged"

    load_model(saved(lambda encoding: None))
    number, text = 0, 1
    assert "mean" in header["encoding"]["columns"][number]
    assert "levels" in header["encoding"]["columns"][text]
    changes: list[Any] = [
        lambda e: e.pop("options"),
        lambda e: e.update(more=1),
        lambda e: e.update(columns=[]),
        lambda e: e.update(columns={}),
        lambda e: e["columns"].pop(),
        lambda e: e["columns"].append(e["columns"][0]),
        lambda e: e["columns"][number].update(mean=float("nan")),
        lambda e: e["columns"][number].update(mean=1),
        lambda e: e["columns"][number].update(missing=0),
        lambda e: e["columns"][number].update(name=5),
        lambda e: e["columns"][number].update(name="other"),
        lambda e: e["columns"][number].pop("mean"),
        lambda e: e["columns"][text].update(levels=[]),
        lambda e: e["columns"][text]["levels"].append("York"),
        lambda e: e["columns"][text]["levels"].append(3),
        lambda e: e["columns"][text]["levels"].append("Paris"),
        lambda e: e["columns"][text].update(other=True),
        lambda e: e["columns"][text].update(other="no"),
        lambda e: e["columns"].__setitem__(0, []),
        lambda e: e["options"].update(text="perhaps"),
        lambda e: e["options"].update(text=[]),
        lambda e: e["options"].update(missing="drop"),
        lambda e: e["options"].update(max_categories=0),
        lambda e: e["options"].update(max_categories=True),
        lambda e: e["options"].update(na_values="NA"),
        lambda e: e["options"].update(categorical=[1]),
        lambda e: e["options"].pop("text"),
    ]
    for change in changes:
        with pytest.raises(ModelFileError, match="the model file is damaged: "):
            load_model(saved(change))


def test_info_shows_the_encoding(trained: Path) -> None:
    shown = here("info", "m", cwd=trained).out
    assert "sex: 2 values" in shown
    assert "town: 4 values, missing" in shown
    assert (
        here("info", "m", "--json", cwd=trained).json["encoding"][3].startswith("fare: a number,")
    )


def test_exports_take_the_features_and_say_so(trained: Path) -> None:
    onnx = pytest.importorskip("onnx")
    said = "takes the 10 features that are made of 4 columns, not these"
    for name in ("m.onnx", "m.json", "m.h"):
        done = here("export", "m", name, cwd=trained)
        assert (done.code, said in done.err) == (0, True)
    model = load_model(trained / "m")
    assert model.encoding is not None
    properties = {each.key: each.value for each in onnx.load(trained / "m.onnx").metadata_props}
    described = json.loads(properties["features"])
    assert described == json.loads((trained / "m.json").read_text())["features"]
    assert [each["name"] for each in described] == list(model.feature_names or ())
    assert described[0]["kind"] == "number"
    assert described[0]["mean"] == model.encoding.columns[0].mean
    assert {"name": "sex=f", "column": "sex", "kind": "value", "value": "f"} in described
    assert 'sex=f"' in (trained / "m.h").read_text()
    done = here("export", "m", "m.onnx", "--check", "d.csv", cwd=trained)
    assert (done.code, "300 rows of d.csv" in done.out) == (0, True)


def test_options_on_columns_need_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=np.ones((4, 2)), y=[0, 1, 0, 1])
    for data in ("d.npz", "planar"):
        done = here("train", data, "--missing", "drop", cwd=tmp_path)
        assert done.code == 2
        assert "expected a CSV or Parquet file with --missing" in done.err


def test_conversion_leaves_text_out_as_ever(people: Path) -> None:
    done = here("convert", people, "X.npy", "--ignore", "age", cwd=people.parent)
    assert done.code == 0
    assert "X.npy: 6 rows, 1 features" in done.out
    assert here("convert", people, "X.npy", cwd=people.parent).code == 2


@pytest.mark.parametrize("name", ["d.csv", "d.parquet"])
def test_a_missing_number_to_be_predicted_is_reported_with_both_remedies(
    tmp_path: Path, name: str
) -> None:
    wages: list[Any] = [None, *(k / 7 for k in range(60))]
    ages = [*map(float, range(61))]
    if name == "d.csv":
        rows = [f"{a},{'' if w is None else w}" for a, w in zip(ages, wages, strict=True)]
        (tmp_path / name).write_text("\n".join(["age,wage", *rows]) + "\n")
    else:
        write_parquet(tmp_path / name, age=ages, wage=wages)
    with pytest.raises(DataError, match="missing='drop'; to predict a number choose task='regr"):
        read_table(tmp_path / name, target="wage", labels=None, dtype="float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_that_stands_for_a_missing_one_is_found_in_any_precision(
    tmp_path: Path, dtype: str
) -> None:
    cells = np.array([-0.1, 1, 2, 3], dtype)
    write_parquet(tmp_path / "d.parquet", a=cells, b=np.arange(4.0), y=["n", "y", "n", "y"])
    plan = Plan(Options(missing="drop", na_values=("-0.1",)))
    path = tmp_path / "d.parquet"
    table = read_table(path, target="y", labels=None, dtype="float64", plan=plan)
    assert table.X.tolist() == [[1, 1], [2, 2], [3, 3]]
