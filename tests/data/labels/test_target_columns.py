"""The column or file of labels: types of every format, and mistakes in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.table_files import pa, read, write, write_parquet


def test_labels_file_is_checked(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2)))
    for name, array, message in (
        ("two.npy", np.ones(2), "each of the 3 rows of the data, got 2 labels"),
        ("cube.npy", np.ones((3, 2, 2)), r"got shape \(3, 2, 2\)"),
        ("none.npy", None, "none.npy: expected a file, got none"),
        ("text.txt", None, "each of the 3 rows of the data, got 1 labels"),
        ("text.json", None, "expected a file named .npy or .csv or .* got .json"),
    ):
        if array is not None:
            np.save(tmp_path / name, array)
        elif name.startswith("text"):
            write(tmp_path / name, "1\n")
        with pytest.raises(DataError, match=message):
            read(tmp_path / "X.npy", labels=tmp_path / name)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1, 1, 0], "i"),
        ([0.0, 1.0, 1.0, 2.0], "f"),
        ([True, False, True, True], "b"),
        (["no", "yes, sir", 'say "so"', "no"], "O"),
    ],
)
def test_target_types(tmp_path: Path, format_: str, labels: list[Any], kind: str) -> None:
    path = tmp_path / f"t.{format_}"
    if format_ == "csv":
        cells = ['"' + str(label).replace('"', '""') + '"' for label in labels]
        write(path, "x,y\n" + "".join(f"1,{cell}\n" for cell in cells))
    else:
        write_parquet(path, x=[1] * 4, y=labels)
    target = read(path, target="y").target
    assert target is not None
    if format_ == "csv" and kind == "f":  # of text, only whole numbers are
        labels, kind = [str(label) for label in labels], "O"
    assert target.dtype.kind == kind
    assert target.tolist() == labels


def test_csv_target_is_typed_by_all_of_its_cells(tmp_path: Path) -> None:
    many = "1.5,1\n" * 100_000
    for last, kind in (("7", "i"), ("7.5", "O"), ("07", "O"), ("b", "O")):
        path = write(tmp_path / "x.csv", f"x,y\n{many}2,{last}\n")
        target = read(path, target="y").target
        assert target is not None
        assert (len(target), target.dtype.kind, str(target[-1])) == (100_001, kind, last)


def test_csv_missing_label(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "x,y\n1,a\n\n2,\n")
    message = "x.csv: expected a label in every row, got an empty cell in line 4, column 'y'"
    with pytest.raises(DataError, match=message):
        read(path, target="y")
    with pytest.raises(DataError, match=message):
        list(iterate_table(path, target="y", dtype=np.float32, rows=1))
    with pytest.raises(DataError, match="got 'NaN' in line 3"):
        read(write(path, "x,y\n1,0\n2,NaN\n3,1\n"), target="y")
    target = read(write(path, "x,y\n1,EU\n2,NA\n"), target="y").target
    assert target is not None
    assert target.tolist() == ["EU", "NA"]


def test_parquet_targets(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    words = pa.array(["b", "a", "b"])
    for column, expected in (
        (words.dictionary_encode(), ["b", "a", "b"]),
        (words.cast(pa.large_string()), ["b", "a", "b"]),
        (pa.array([5, 6, 5], pa.uint8()), [5, 6, 5]),
        (pa.array([5, 6, 5]).dictionary_encode(), [5, 6, 5]),
    ):
        target = read(write_parquet(path, x=[1, 2, 3], y=column), target="y").target
        assert target is not None
        assert target.tolist() == expected
    write_parquet(path, x=[1, 2, 3], y=pa.array(["a", None, "b"]))
    with pytest.raises(DataError, match=r"a missing value in row 1 \(counted from 0\), column 'y'"):
        read(path, target="y")
    write_parquet(path, x=[1, 2, 3], y=pa.array([1, 2, 3], pa.timestamp("s")))
    with pytest.raises(DataError, match=r"target column 'y', got type timestamp"):
        read(path, target="y")
