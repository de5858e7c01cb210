"""What a CSV file may hold, and one clear message for each thing that it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdnet.data.columns.named import explained
from gdnet.errors import DataError
from tests.support.table_files import read, write


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
