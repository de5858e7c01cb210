"""Text and missing values of CSV and Parquet files, from training to prediction."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet.data.encoding.learner as learner
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.encoded_columns import features, planned
from tests.support.encoded_tables import table_of
from tests.support.table_files import pa, write_parquet

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
