"""Columns as people have them: without values, with gaps, of identifiers."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.command import here
from tests.support.table_files import pa, parquet, read, write, write_parquet


def table_of(path: Path, header: str, *rows: str) -> Path:
    return write(path, "\n".join([header, *rows]) + "\n")


# Columns without values


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NULL", " "])
@pytest.mark.parametrize("m", [20, 1500])
def test_column_without_values_is_left_out(tmp_path: Path, cell: str, m: int) -> None:
    rows = [f"{i}.5,{cell},{i % 2}" for i in range(m)]
    table = read(table_of(tmp_path / "d.csv", "a,empty,y", *rows), target="y")
    assert table.feature_names == ("a",)
    assert table.ignored == {"empty": "no value in any row"}
    assert len(table.X) == m


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(1500),
        pa.array([None] * 1500, pa.float64()),
        pa.array([float("nan")] * 1500),
        pa.array([None] * 1500, pa.int8()),
    ],
)
def test_parquet_column_without_values_is_left_out(tmp_path: Path, column: Any) -> None:
    path = write_parquet(
        tmp_path / "d.parquet", a=np.arange(1500) + 0.5, empty=column, y=[0, 1] * 750
    )
    table = read(path, target="y")
    assert table.feature_names == ("a",)
    assert table.ignored == {"empty": "no value in any row"}


def test_columns_that_begin_without_values_and_end_with_some(tmp_path: Path) -> None:
    rows = [f"{i}.5,{'hello' if i == 40_000 else ''},,{i % 2}" for i in range(60_000)]
    table = read(table_of(tmp_path / "d.csv", "x,note,empty,y", *rows), target="y")
    assert table.ignored == {"note": "text such as 'hello'", "empty": "no value in any row"}


def test_wide_tables_take_time_in_proportion(tmp_path: Path) -> None:
    # A thousand times as many steps as columns would be ten million.
    names = [f"g{j}" for j in range(10_000)]
    path = table_of(tmp_path / "d.csv", ",".join([*names, "y"]), *(["1.5," * 10_000 + "a"] * 2))
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        read(path, target="y", features=names)
    finally:
        sys.setprofile(None)
    assert steps < 100 * len(names)


def test_column_that_begins_without_values(tmp_path: Path) -> None:
    rows = [f"{i}.5,,,,{i % 2}" for i in range(1200)]
    rows += [f"{i}.5,B{i},{i},true,{i % 2}" for i in range(1200, 1500)]
    path = table_of(tmp_path / "d.csv", "a,cabin,visits,late,y", *rows)
    with pytest.raises(DataError) as caught:
        read(path, target="y")
    assert str(caught.value) == (
        f"{path}: expected finite float32 numbers, got an empty cell in line 2, column 'visits' "
        "(the first of 1,200), an empty cell in line 2, column 'late' (the first of 1,200); remove "
        "or fill in such rows, or leave columns out: ignore=['visits', 'late']"
    )
    table = read(path, target="y", ignore=["visits", "late"])
    assert table.feature_names == ("a",)
    assert table.ignored["cabin"] == "text such as 'B1200'"
    write_parquet(tmp_path / "d.parquet", a=range(1500), b=[None] * 1499 + [1.5], y=[0, 1] * 750)
    with pytest.raises(DataError, match=r"row 0 .*column 'b' \(the first of 1,499\)"):
        read(tmp_path / "d.parquet", target="y")


# All bad columns in one message


def test_all_columns_with_gaps_are_named_at_once(tmp_path: Path) -> None:
    path = table_of(
        tmp_path / "d.csv",
        'a,"b, c",d,e,y',
        "1,2,3,true,0",
        "NA,2,x,,1",
        ",inf,4,true,0",
        "4,5,6,no,1",
    )
    with pytest.raises(DataError) as caught:
        read(path, target="y")
    assert str(caught.value) == (
        f"{path}: expected finite float32 numbers, got 'NA' in line 3, column 'a' (the first of "
        "2), 'inf' in line 4, column 'b, c', 'x' in line 3, column 'd', an empty cell in line 3, "
        "column 'e' (the first of 2); remove or fill in such rows, or leave columns out: "
        "ignore=['a', 'b, c', 'd', 'e']"
    )
    with pytest.raises(DataError) as caught:
        list(iterate_table(path, features=["d", "a"], dtype=np.float32, rows=2))
    assert str(caught.value).endswith(
        "got 'x' in line 3, column 'd', 'NA' in line 3, column 'a' (the first of 2); remove or "
        "fill in such rows"
    )


def test_ignore_takes_what_the_message_offers(tmp_path: Path) -> None:
    table_of(tmp_path / "d.csv", 'a,"b, c",y', "1,x,0", "2,,1", "3,5,0", "4,6,1", "5,7,0")
    done = here("train", "d.csv", "--target", "y", cwd=tmp_path)
    assert done.code == 2
    assert done.err.endswith("--ignore '\"b, c\"'\n")
    assert here("train", "d.csv", "--target", "y", "--ignore", '"b, c"', cwd=tmp_path).code == 0


@pytest.mark.parametrize("name", ["-log10p", "a\n(cm)", "b \"q\", 'c'"])
def test_ignore_takes_any_name_that_the_message_offers(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    table_of(tmp_path / "d.csv", f"x,{quoted},y", "1,,0", "2,5,1", "3,6,0", "4,7,1")
    done = here("train", "d.csv", "--target", "y", cwd=tmp_path)
    words = shlex.split(done.err.partition("leave columns out: ")[2])
    assert here("train", "d.csv", "--target", "y", *words, cwd=tmp_path).code == 0


def test_all_columns_of_an_array_with_gaps_are_named_at_once(tmp_path: Path) -> None:
    X = np.ones((50, 4))
    X[[3, 7, 9], 1], X[5, 3], X[8, 2] = np.nan, -np.inf, 1e300
    np.save(tmp_path / "X.npy", X)
    message = (
        r"got nan in row 3, column 1 \(the first of 3\), 1e\+300 in row 8, column 2, -inf in row "
        r"5, column 3 \(rows and columns counted from 0\); float64 can .*; remove or fill in such"
    )
    with pytest.raises(DataError, match=message):
        read(tmp_path / "X.npy", need_target=False)
    with pytest.raises(DataError, match=message):
        list(iterate_table(tmp_path / "X.npy", dtype=np.float32, rows=20))


def test_all_unknown_and_refused_columns_are_named_at_once(tmp_path: Path) -> None:
    path = table_of(tmp_path / "d.csv", "a,b,c,y", "1,u,v,0", "2,w,x,1")
    with pytest.raises(DataError, match="a feature column 'd' and 2 more: 'e', 'f', got columns"):
        read(path, target="y", features=["a", "d", "e", "f"])
    with pytest.raises(DataError, match=r"got b \(text such as 'u'\), c \(text such as 'v'\)$"):
        read(path, target="y", features=["a", "b", "c"])


# Indices and identifiers


def test_index_of_pandas_is_no_feature(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.5, 1.5, 2.5], "z": [2.5, 3.5, 4.5], "y": [0, 1, 0]})
    path = tmp_path / "d.parquet"
    for index, left_out in (
        (pandas.Index([7, 9, 12], name="PassengerId"), ["PassengerId"]),
        (pandas.Index([7, 9, 12]), ["__index_level_0__"]),
        (pandas.RangeIndex(5, 8, name="row"), []),
        (pandas.MultiIndex.from_tuples([(1, 2), (1, 3), (2, 9)], names=["g", "h"]), ["g", "h"]),
        (pandas.Index([0.5, 0.7, 0.1], name="when"), ["when"]),
    ):
        frame.set_index(index).to_parquet(path)
        table = read(path, target="y")
        assert table.feature_names == ("x", "z")
        assert table.ignored == dict.fromkeys(left_out, "an index that pandas wrote")
        if left_out:  # a model that has been trained on it still finds it
            ((X, _),) = iterate_table(path, features=[left_out[0]], dtype=np.float32, rows=9)
            assert X[0, 0] == np.float32(index.to_frame()[index.names[0] or 0].iloc[0])


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"index_columns": 5}',
        b'{"index_columns": [{"kind": "range"}, 5]}',
    ],
)
def test_metadata_that_pandas_does_not_write(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"x": [0.5, 1.5], "y": [0, 1]}).replace_schema_metadata({"pandas": metadata})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet", target="y").ignored == {}


def test_columns_that_look_like_identifiers_are_named_once(tmp_path: Path) -> None:
    rows = [f"{i},{7 * i % 40},{i // 2},{i}.25,{i % 2}" for i in range(40)]
    path = table_of(tmp_path / "d.csv", "id,shuffled,pair,x,y", *rows)
    (note,) = read(path, target="y").notes
    assert note == (
        "id, shuffled: whole numbers that differ in every row look like an identifier and are used "
        "as a feature; to leave them out: ignore=['id', 'shuffled']"
    )
    assert read(path, target="y", ignore=["id", "shuffled"]).notes == ()
    assert read(path, target="y", features=["id", "x"]).notes == ()
    done = here("train", path, "--target", "y", "--iterations", "2", cwd=tmp_path)
    assert done.err.count("look like an identifier") == 1
    done = here("train", path, "--target", "y", "--quiet", "--json", cwd=tmp_path)
    as_said = note.replace("ignore=['id', 'shuffled']", "--ignore id,shuffled")
    assert done.json["notes"] == [as_said]
    few = table_of(tmp_path / "few.csv", "id,y", *(f"{i},{i % 2}" for i in range(9)))
    assert read(few, target="y").notes == ()
