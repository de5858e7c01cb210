"""What a Parquet file may hold, and one clear message for each thing that it may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.table_files import pa, parquet, read, write, write_parquet


def test_parquet_column_types(tmp_path: Path) -> None:
    import decimal

    path = write_parquet(
        tmp_path / "x.parquet",
        whole=pa.array([1, 2], pa.int8()),
        half=pa.array(np.array([0.5, 1.5], np.float16)),
        flag=[True, False],
        money=[decimal.Decimal("1.25"), decimal.Decimal("2.50")],
        coded=pa.array([7, 8]).dictionary_encode(),
        word=["u", "v"],
        when=pa.array([1, 2], pa.timestamp("s")),
        many=[[1], [2]],
        __index_level_0__=[5, 6],
        y=[0, 1],
    )
    table = read(path, target="y")
    assert table.feature_names == ("whole", "half", "flag", "money", "coded")
    assert table.ignored == {
        "word": "type string",
        "when": "type timestamp[ms]",
        "many": "type list<element: int64>",
        "__index_level_0__": "an index that pandas wrote",
    }
    assert table.X.tolist() == [[1, 0.5, 1, 1.25, 7], [2, 1.5, 0, 2.5, 8]]
    with pytest.raises(DataError, match=r"columns of numbers, got word \(type string\)"):
        read(path, target="y", features=["word"])


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "a missing value"), (np.nan, "nan"), (np.inf, "inf"), (1e300, r"1e\+300")],
)
def test_parquet_mistakes(tmp_path: Path, value: float | None, message: str) -> None:
    column = pa.array([*([1.0] * 250), value, 2.0])
    path = write_parquet(tmp_path / "x.parquet", a=range(252), b=column, y=[0] * 252)
    where = rf"got {message} in row 250 \(counted from 0\), column 'b'"
    with pytest.raises(DataError, match=where):
        read(path, target="y")
    with pytest.raises(DataError, match=where):
        list(iterate_table(path, target="y", dtype=np.float32, rows=100))
    if value == 1e300:
        with pytest.raises(DataError, match="'b'; float64 can hold it: dtype='float64'"):
            read(path, target="y")
        assert read(path, np.float64, target="y").X.max() == 1e300
    else:
        with pytest.raises(DataError, match="'b'; remove or fill in such rows"):
            read(path, target="y")


def test_parquet_damaged_or_empty(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", a=range(1000), y=[0] * 1000)
    content = path.read_bytes()
    with pytest.raises(DataError, match="expected a complete"):
        read(write(path, content[:-20]), target="y")
    with pytest.raises(DataError, match="expected a complete"):
        read(write(path, content[:10] + b"\xff" * 40 + content[50:]), target="y")
    with pytest.raises(DataError, match="expected at least 1 row, got 0"):
        read(write_parquet(path, a=pa.array([], pa.int64()), y=pa.array([], pa.int64())))
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    parquet.write_table(table, path)
    with pytest.raises(DataError, match="more than one 'a'"):
        read(path, target="a")
