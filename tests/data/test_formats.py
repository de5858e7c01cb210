"""What each format may hold, and one clear message for each thing that it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.arrays.row_file import RowFile
from gdnet.data.columns.named import explained
from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.table_files import N0, M, pa, parquet, read, write, write_parquet


@pytest.fixture(scope="module")
def rows() -> np.ndarray[Any, Any]:
    return np.random.RandomState(0).randn(M, N0).astype(np.float32)


@pytest.fixture(scope="module")
def labels() -> np.ndarray[Any, Any]:
    return np.random.RandomState(1).randint(0, 3, M)


# CSV


def test_csv_dialect(tmp_path: Path) -> None:
    expected = [[1.5, 1], [-200, 0]]
    for text in (
        'a,"b ""q"", c",y\n1.5,true,0\n-2e2,false,1\n',
        'a,"b ""q"", c",y\r\n1.5,true,0\r\n\r\n-2e2,false,1',
        'a,"b ""q"", c",y\r1.5,true,0\r-2e2,false,1\r',
        '\ufeffa,"b ""q"", c",y\n"1.5",True,"0"\n -2e2 ,FALSE,1\n',
        'a;"b ""q"", c";y\n1.5;true;0\n-2e2;false;1\n',
        'a\tb "q", c\ty\n1.5\ttrue\t0\n-2e2\tfalse\t1\n',
    ):
        table = read(write(tmp_path / "x.csv", text), target="y")
        assert table.feature_names == ("a", 'b "q", c')
        assert table.X.tolist() == expected
        assert table.target is not None
        assert table.target.tolist() == [0, 1]


def test_csv_column_that_turns_from_whole_to_fraction(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,y\n" + "1,0\n" * 300_000 + "2.5,1\n")
    table = read(path, target="y")
    assert table.X.shape == (300_001, 1)
    assert table.X[-1, 0] == 2.5


def test_csv_text_columns_are_ignored_and_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", ",id,a,y\n0,u1,1,0\n1,u2,2,1\n")
    table = read(path, target="y")
    assert table.feature_names == ("a",)
    assert table.ignored == {"column 1": "no name", "id": "text such as 'u1'"}
    assert explained(table.ignored) == "column 1 (no name), id (text such as 'u1')"
    assert table.X.tolist() == [[1], [2]]
    with pytest.raises(DataError, match=r"columns of numbers, got id \(text such as 'u1'\)"):
        read(path, target="y", features=["id"])
    with pytest.raises(DataError) as caught:
        read(write(path, "id,y\nu,1\nv,0\n"), target="y")
    assert str(caught.value) == (
        f"{path}: expected at least 1 column of numbers besides the target, "
        "got id (text such as 'u')"
    )
    with pytest.raises(DataError, match=r"besides the target, got no other column$"):
        read(write(path, "y\n1\n0\n"), target="y")


SAVE_OTHERWISE = "; save the numbers with decimal points and without commas"


@pytest.mark.parametrize("cell", ["0,125", "-66,35", "+1,5", "1,234", "1,234.56", "1.234,56"])
def test_csv_numbers_with_commas(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path / "x.csv", f"a;b;y\n{cell};1;0\n{cell};2;1\n")
    reason = f"numbers with commas such as '{cell}'"
    assert read(path, target="y").ignored == {"a": reason}
    with pytest.raises(DataError) as caught:
        read(path, target="y", features=["a"])
    assert str(caught.value).endswith(f"columns of numbers, got a ({reason}){SAVE_OTHERWISE}")
    write(path, f"a;b;y\n{cell};{cell};0\n{cell};{cell};1\n")
    with pytest.raises(DataError) as caught:
        read(path, target="y")
    assert str(caught.value).endswith(f", got a ({reason}), b ({reason}){SAVE_OTHERWISE}")


@pytest.mark.parametrize("cell", ["$5.00", "12.5%", ",", "1,", ",5", "a,b", "$1,234"])
def test_csv_text_that_is_no_number_with_commas(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path / "x.csv", f"a;b;y\n{cell};1;0\n{cell};2;1\n")
    assert read(path, target="y").ignored == {"a": f"text such as '{cell}'"}


def test_columns_that_are_ignored_make_no_endless_line(tmp_path: Path) -> None:
    assert explained({}) == ""
    few = {f"c{j}": "type string" for j in range(5)}
    assert explained(few) == ", ".join(f"c{j} (type string)" for j in range(5))
    many = few | {f"d{j}": "type string" for j in range(95)}
    assert explained(many) == f"{explained(few)} and 95 more"
    path = write(tmp_path / "x.csv", f"a,b,y\n{'word ' * 1000},1,0\nw,2,1\n")
    assert len(read(path, target="y").ignored["a"]) < 60


def test_csv_quoted_line_break_keeps_the_count(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'note,a,y\n"two\nlines",1,0\nz,nan,1\n')
    with pytest.raises(DataError, match="got 'nan' in line 4, column 'a'"):
        read(path, target="y")
    path = write(path, 'note,a,y\n"two\nlines",1,0\nz,3,1\n')
    assert read(path, target="y").X.tolist() == [[1], [3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n", "expected rows below the header line, got none"),
        ("a,y", "expected rows below the header line, got none"),
        ("\n\n", "expected a header line with column names, got an empty file"),
        ("a,b,a,y\n1,2,3,4\n", "expected every column name once, got more than one 'a'"),
        ("a,b,y\n1,2,3\n1,2\n", "expected 3 cells in line 3, as in the header, got 2"),
        ("a;b;y\n1;2;3\n1;2,5;3\n", "got '2,5' in line 3, column 'b'; save the numbers with"),
        (
            "a,b,y\n1,2,3\n1,x y,0\n1,2,3",
            r"numbers, got 'x y' in line 3, column 'b'; .*: ignore=\['b'\]$",
        ),
        ("sep=;\na;y\n1;2\n", "in the first line, got a separator for Excel, 'sep=;'; remove"),
        ("sep=,\na,y\n1,2\n", "in the first line, got a separator for Excel, 'sep=,'; remove"),
        ("\ufeffSEP=|\na|y\n", "in the first line, got a separator for Excel, 'SEP=|'; remove"),
        ("a;b;y\n1;2;3\n1;2\n", "expected 3 cells in line 3, as in the header, got 2; complete"),
        ("a,b,y\n1,2,3\n\n1,2,3,4\n", "expected 3 cells in line 4, as in the header, got 4"),
        ("a,b,y\n1,2,3\n1,2,3\n1,x y,0\n", "numbers, got 'x y' in line 4, column 'b'; remove"),
        ("a,b,y\n1,2,3\n1,2,3\n1,1_0,0\n", "numbers, got '1_0' in line 4, column 'b'; remove"),
        (
            "a,b,y\n1,true,3\n1,maybe,0\n1,false,1",
            "expected finite float32 numbers, got 'maybe' in line 3, column 'b'",
        ),
        ("a,b,y\n1,2,3\n1,,0\n", "finite float32 numbers, got an empty cell in line 3, column 'b'"),
        ("a,b,y\n1,2,3\n1,NaN,0\n", "got 'NaN' in line 3, column 'b'"),
        ("a,b,y\n1,2,3\n1,-inf,0\n", "got '-inf' in line 3, column 'b'"),
        (
            "a,b,y\n1,2,3\n1,1e39,0\n",
            "float32 numbers, got '1e39' in line 3, column 'b'; float64 can",
        ),
        ("a,b,y\n1,2,3\n1,1e999,0\n", "got '1e999' in line 3, column 'b'; remove or fill in"),
        ("a,b,y\n1,2,3\n1,None,0\n", "got 'None' in line 3, column 'b'"),
        (b"a,b,y\n1,2,3\n1,2,\xe9\n", "UTF-8 text, got other bytes in line 3"),
        ("a,y\n1,2\n".encode("utf-16"), "UTF-8 text, got other bytes in line 1"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = write(tmp_path / "x.csv", text)
    with pytest.raises(DataError, match=r"x\.csv: ") as caught:
        read(path, target="y")
    assert caught.match(message)


def test_csv_mistakes_far_down(tmp_path: Path) -> None:
    good = "1.0,true,0\n" * 100_000
    for bad, message in (
        ("1.0,true\n", "expected 3 cells in line 100002"),
        ("x,true,0\n", "numbers, got 'x' in line 100002, column 'a'"),
        ("1.0,2,0\n", "numbers, got '2' in line 100002, column 'b'"),
        ("1.0,,0\n", "got an empty cell in line 100002, column 'b'"),
        (",true,0\n", "got an empty cell in line 100002, column 'a'"),
    ):
        path = write(tmp_path / "x.csv", "a,b,y\n" + good + bad)
        with pytest.raises(DataError, match=message):
            read(path, target="y")


def test_csv_wide_rows(tmp_path: Path) -> None:
    n0 = 20_000
    header = ",".join(f"f{j}" for j in range(n0)) + ",y\n"
    cells = ",".join(["-0.12345678901234567e-100"] * n0)
    table = read(write(tmp_path / "x.csv", header + f"{cells},0\n{cells},1\n"), target="y")
    assert table.X.shape == (2, n0)


# Parquet


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


# Arrays


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
