"""What .npy and .npz may hold, and one clear message for each thing that they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.arrays.row_file import RowFile
from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.table_files import read, write


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", ">f8", "<f2", "i1", ">i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_layouts(tmp_path: Path, dtype: str, order: Any) -> None:
    rows = np.array([[1, 0, 1], [0, 0, 1]]).astype(dtype, order=order)
    np.save(tmp_path / "X.npy", rows)
    table = read(tmp_path / "X.npy", need_target=False)
    assert table.X[:].tolist() == [[1, 0, 1], [0, 0, 1]]
    assert table.X[:].flags.c_contiguous
    assert table.X.dtype.isnative
    as_it_is = order == "C" and not dtype.startswith((">", "?"))
    assert (isinstance(table.X, RowFile), table.owned) == (as_it_is, not as_it_is)
    if table.owned:
        assert table.X.dtype == np.float32
    ((X, _),) = iterate_table(tmp_path / "X.npy", dtype=np.float32, rows=5)
    assert X.tolist() == [[1, 0, 1], [0, 0, 1]]
    np.savez(tmp_path / "X.npz", X=rows, y=[0, 1])
    table = read(tmp_path / "X.npz")
    assert (table.X.tolist(), table.X.dtype, table.owned) == (X.tolist(), np.float32, True)
    table.X[:] = 0


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3), r"expected an array of shape \(m, n0\).*got shape \(3,\).*reshape"),
        (np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.ones((2, 0)), "expected at least 1 feature column"),
        (np.ones((0, 2)), "expected at least 1 row"),
        (np.ones((2, 2), complex), "expected real numbers, got an array of type complex128"),
        (np.array([["a", "b"]]), "expected real numbers, got an array of type <U1"),
        (np.array([[1, None]], object), "an array of Python objects, which is never loaded"),
        (np.array([[1, 2], [3, np.nan]]), "got nan in row 1, column 1"),
        (np.array([[1, -np.inf], [3, 4]]), "got -inf in row 0, column 1"),
        (np.array([[1, 2], [1e39, 4]]), r"float32 numbers, got 1e\+39 in row 1, column 0"),
        (
            np.array([[1, -3.77e38]]),
            r"column 1 .*; float64 can hold it: dtype='float64'",
        ),
        (np.array([[1, np.inf]]), r"column 1 .*; remove or fill in such rows$"),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_array_mistakes(
    tmp_path: Path, array: np.ndarray[Any, Any], message: str, suffix: str
) -> None:
    path = tmp_path / f"x.{suffix}"
    if suffix == "npy":
        np.save(path, array)
    else:
        np.savez(path, X=array, y=np.zeros(len(array)))
    with pytest.raises(DataError, match=rf"x\.{suffix}: .*{message}"):
        read(path, need_target=False)


def test_number_that_is_not_finite_far_down(tmp_path: Path) -> None:
    rows = np.ones((1_200_000, 1), np.float32)
    rows[1_100_000] = np.nan
    np.save(tmp_path / "x.npy", rows)
    with pytest.raises(DataError, match="got nan in row 1100000, column 0"):
        read(tmp_path / "x.npy", need_target=False)


def test_npy_truncated_or_pickled(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.ones((100, 3)))
    with pytest.raises(DataError, match=r"expected a complete .npy file"):
        read(write(path, path.read_bytes()[:-8]), need_target=False)
    with pytest.raises(DataError, match=r"expected a complete .npy file"):
        read(write(path, path.read_bytes()[:20]), need_target=False)


def test_npz_contents(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, data=np.ones((2, 2)))
    with pytest.raises(DataError, match="expected arrays named X and y, got data"):
        read(path)
    np.savez(path, X=np.ones((2, 2)), y=np.ones(3))
    with pytest.raises(DataError, match="each of the 2 rows of the data, got 3 labels"):
        read(path)
    np.savez(path, X=np.ones((2, 2)), y=np.array([0, "a"], object))
    with pytest.raises(DataError, match=r"cannot be read|Python objects"):
        read(path)
    np.savez(path, X=np.ones((200, 2)))
    with pytest.raises(DataError, match=r"expected a complete .npz archive"):
        read(write(path, path.read_bytes()[:-30]))
    np.savez(path, X=np.ones((200, 2)))
    content = bytearray(path.read_bytes())
    content[1000:1100] = b"x" * 100
    with pytest.raises(DataError, match=r"cannot be read|Python objects"):
        read(write(path, bytes(content)))
    np.save(tmp_path / "single.npy", np.ones((2, 2)))
    with pytest.raises(
        DataError, match=r"expected a complete .npz archive, got a file that is none"
    ):
        read((tmp_path / "single.npy").rename(tmp_path / "single.npz"))


def test_labels_beside_npz_replace_y(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=np.ones((2, 2)), y=np.ones(2))
    np.save(tmp_path / "l.npy", np.array([4, 5]))
    target = read(tmp_path / "x.npz", labels=tmp_path / "l.npy").target
    assert target is not None
    assert target.tolist() == [4, 5]
