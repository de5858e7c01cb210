"""Files of rows: every format gives the same table, and every mistake one clear message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gdnet.data.arrays.row_file import RowFile
from gdnet.data.files import iterate_table
from gdnet.data.formats import FOLDER_NAMES
from gdnet.errors import DataError
from tests.support.table_files import N0, NAMES, M, read, write, write_csv, write_parquet


@pytest.fixture(scope="module")
def rows() -> np.ndarray[Any, Any]:
    return np.random.RandomState(0).randn(M, N0).astype(np.float32)


@pytest.fixture(scope="module")
def labels() -> np.ndarray[Any, Any]:
    return np.random.RandomState(1).randint(0, 3, M)


@pytest.fixture(params=["csv", "parquet", "npz", "npy"])
def data(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rows: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
) -> tuple[Path, dict[str, Any]]:
    """Return the same data as a file of each format, and where its labels are."""
    path = tmp_path / f"data.{request.param}"
    if request.param == "csv":
        return write_csv(path, rows, labels), {"target": "y"}
    if request.param == "parquet":
        columns = dict(zip(NAMES, rows.T, strict=True))
        return write_parquet(path, **columns, y=labels), {"target": "y"}
    if request.param == "npz":
        np.savez(path, X=rows, y=labels)
        return path, {}
    np.save(path, rows)
    np.save(tmp_path / "labels.npy", labels)
    return path, {"labels": tmp_path / "labels.npy"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_format_gives_the_same_table(
    data: tuple[Path, dict[str, Any]],
    rows: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    dtype: npt.DTypeLike,
) -> None:
    path, where = data
    table = read(path, dtype, **where)
    np.testing.assert_array_equal(table.X[:], rows)
    np.testing.assert_array_equal(table.target, labels)
    assert table.target is not None
    assert table.target.dtype == np.int64
    assert table.name == path.name
    assert table.standardize_by_default
    assert table.ignored == {}
    named = path.suffix in (".csv", ".parquet")
    assert table.feature_names == (NAMES if named else None)
    assert table.target_name == ("y" if named else None)
    as_needed = path.suffix == ".npy"
    assert table.owned is not as_needed
    assert isinstance(table.X, RowFile) is as_needed
    assert as_needed or (table.X.flags.c_contiguous and table.X.flags.writeable)
    assert table.X.dtype == (np.float32 if as_needed else dtype)


@pytest.mark.parametrize("size", [1, 100, 617, M, M + 1])
def test_blocks_are_the_table(
    data: tuple[Path, dict[str, Any]],
    rows: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    size: int,
) -> None:
    path, where = data
    if size == 1 and path.suffix != ".npy":
        size = 7
    blocks = list(iterate_table(path, **where, dtype=np.float64, rows=size))
    assert [len(X) for X, _ in blocks[:-1]] == [size] * (len(blocks) - 1)
    assert all(X.dtype == np.float64 and X.flags.c_contiguous for X, _ in blocks)
    np.testing.assert_array_equal(np.concatenate([X for X, _ in blocks]), rows)
    found = np.concatenate([y for _, y in blocks if y is not None])
    if path.suffix == ".csv":
        assert all(isinstance(cell, str) for cell in found)
    np.testing.assert_array_equal(found.astype(np.int64), labels)


def test_blocks_without_target(data: tuple[Path, dict[str, Any]]) -> None:
    path, _ = data
    X, y = next(iterate_table(path, dtype=np.float32, rows=10))
    assert len(X) == 10
    assert (y is None) is (path.suffix != ".npz")


def test_features_by_name_in_any_order(
    data: tuple[Path, dict[str, Any]], rows: np.ndarray[Any, Any]
) -> None:
    path, where = data
    if path.suffix in (".npy", ".npz"):
        with pytest.raises(DataError, match=r"expected 2 feature columns \('f3', 'f0'\), got 5"):
            read(path, features=["f3", "f0"], **where)
        assert read(path, features=NAMES, **where).feature_names == NAMES
        return
    table = read(path, features=["f3", "f0"], need_target=False)
    np.testing.assert_array_equal(table.X, rows[:, [3, 0]])
    assert table.feature_names == ("f3", "f0")
    assert table.target is None
    X, _ = next(iterate_table(path, features=["f3", "f0"], dtype=np.float32, rows=9))
    np.testing.assert_array_equal(X, rows[:9, [3, 0]])
    with pytest.raises(DataError, match="expected a feature column 'f33', got columns 'f0'"):
        read(path, features=["f0", "f33"], **where)
    with pytest.raises(DataError, match="a target that is not a feature, got 'y'"):
        read(path, features=["f0", "y"], **where)


def test_labels_file_beside_columns(tmp_path: Path, labels: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "l.npy", labels[:3])
    path = write(tmp_path / "d.csv", "a,b\n1,2\n3,4\n5,6\n")
    table = read(path, labels=tmp_path / "l.npy")
    assert table.feature_names == ("a", "b")
    np.testing.assert_array_equal(table.target, labels[:3])
    for count, message in ((2, "each of the 3 rows.*got 2"), (4, "each of the 3 rows.*got 4")):
        np.save(tmp_path / "l.npy", labels[:count])
        with pytest.raises(DataError, match=message):
            read(path, labels=tmp_path / "l.npy")
        with pytest.raises(DataError, match=message):
            list(iterate_table(path, labels=tmp_path / "l.npy", dtype=np.float32, rows=3))


def test_one_column_of_labels_is_flat_and_several_stay(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2)))
    for labels, shape in ((np.ones((3, 1)), (3,)), (np.ones((3, 2)), (3, 2))):
        np.save(tmp_path / "y.npy", labels)
        target = read(tmp_path / "X.npy", labels=tmp_path / "y.npy").target
        assert target is not None
        assert target.shape == shape


# Missing, unreadable and unknown files


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz", "npy"])
def test_no_file_no_data(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    with pytest.raises(DataError, match=r"x\.\w+: expected a file, got none"):
        read(path)
    with pytest.raises(DataError, match="expected a file, got none"):
        next(iterate_table(path, dtype=np.float32, rows=1))
    path.touch()
    with pytest.raises(DataError, match="got an empty file"):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=f"expected a file, or a folder of {FOLDER_NAMES} files"):
        read(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz", "npy"])
def test_garbage(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x.{suffix}", b"\x00\xff\xfe garbage \x93" * 30)
    with pytest.raises(DataError, match=rf"x\.{suffix}: expected"):
        read(path, need_target=False)


def test_unknown_extension(tmp_path: Path) -> None:
    path = write(tmp_path / "x.xlsx", "1")
    with pytest.raises(DataError, match=r"named \.csv or .* or \.npz or \.npy, got \.xlsx$"):
        read(path)
    with pytest.raises(DataError, match="got no extension"):
        read(write(tmp_path / "x", "1"))


def test_extension_in_capitals(tmp_path: Path) -> None:
    assert read(write(tmp_path / "X.CSV", "a,b\n1,2\n"), target="b").X == [[1]]


def test_file_that_changes_or_disappears(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b\n" + "1,2\n" * 1000)
    stream = iterate_table(path, dtype=np.float32, rows=10)
    next(stream)
    with path.open("a") as file:
        file.write("1,2\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(stream)
    stream = iterate_table(path, dtype=np.float32, rows=10)
    next(stream)
    path.unlink()
    with pytest.raises(DataError, match="expected a file, got none"):
        list(stream)


def test_unreadable_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="expected a complete file that can be read, got: Not a d"):
        read(path / "y.csv")


def test_without_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: np.ndarray[Any, Any]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name in ("x.csv", "x.parquet"):
        path = write(tmp_path / name, "a,b\n1,2\n")
        with pytest.raises(DataError, match="pip install pyarrow"):
            read(path, target="b")
    np.savez(tmp_path / "x.npz", X=np.ones((3, 2)), y=labels[:3])
    assert read(tmp_path / "x.npz").X.shape == (3, 2)


# Without a target


def test_target_is_asked_for(data: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, _ = data
    if path.suffix == ".npz":
        np.savez(path, X=np.ones((2, 2)))
        with pytest.raises(DataError, match="an array y in the file or labels="):
            read(path)
        with pytest.raises(DataError, match=r"expected labels=.*got target='y'"):
            read(path, target="y")
    elif path.suffix == ".npy":
        with pytest.raises(DataError, match=r"expected labels=FILE.npy with one label a row"):
            read(path)
        with pytest.raises(DataError, match=r"expected labels=.*got target='y'"):
            read(path, target="y")
    else:
        with pytest.raises(DataError, match=r"target=COLUMN .* the columns are 'f0', .*'y'"):
            read(path)
        with pytest.raises(DataError, match=r"got columns 'f0', .*; did you mean 'f1'"):
            read(path, target="ff1")
        with pytest.raises(DataError, match="got both: target='y' and labels="):
            read(path, target="y", labels=tmp_path / "l.npy")
    assert read(path, need_target=False).X.shape[0] in (M, 2)
