"""Bars and blanks between cells: read where there is no doubt, and refused where there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdnet.data.csv.text import CsvText
from gdnet.data.files import iterate_table
from gdnet.data.parts import parts_of
from gdnet.errors import DataError
from tests.support.table_files import read, write

X = [[1.5, -2], [2.5, 3], [0.5, 4]]
Y = ["x", "y", "x"]


@pytest.mark.parametrize("name", ["d.csv", "d.txt", "d.dat", "d.data", "d.tsv"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b y\n1.5 -2 x\n2.5 3 y\n0.5 4 x\n", "blanks"),
        ("  a   b\ty\n  1.5    -2  x\n\n 2.5 3\t  y  \n0.5 4 x", "blanks"),
        ("a b y\r\n 1.5 -2 x \r\n2.5 3 y\r\n0.5 4 x\r\n", "blanks"),
        ('"a" "b" "y"\n"1" 1.5 -2 "x"\n"2" 2.5 3 "y"\n"3" 0.5 4 "x"\n', "blanks"),
        ("a|b|y\n1.5|-2|x\n2.5|3|y\n0.5|4|x\n", "bars |"),
        (" a | b | y\n1.5 | -2| x \n2.5|3|y\n0.5| 4|x\n", "bars |"),
    ],
)
def test_cells_between_bars_or_blanks(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = write(tmp_path / name, text)
    table = read(path, target="y")
    assert table.feature_names == ("a", "b")
    assert table.X.tolist() == X
    assert np.asarray(table.target).tolist() == Y
    assert table.notes == (f"the cells of {name} are taken to stand between {said}",)
    ((rows, labels),) = iterate_table(path, target="y", features=["b"], dtype="float32", rows=9)
    assert rows[:, 0].tolist() == [-2, 3, 4]
    assert labels is not None
    assert labels.tolist() == Y


def test_blanks_within_quotes_stay(tmp_path: Path) -> None:
    text = 'x  "a  name"  town\n 1.5 2 "New   York"\n 2 3  "\tSan  ""F"" "\n'
    table = read(write(tmp_path / "d.txt", text), target="town")
    assert table.feature_names == ("x", "a  name")
    assert np.asarray(table.target).tolist() == ["New   York", 'San  "F"']


def test_a_tab_among_blanks(tmp_path: Path) -> None:
    path = write(tmp_path / "d.txt", 'a  b\tname\n1  2\t"x  y"\n3  4\tz\n')
    assert read(path, target="name").X.tolist() == [[1, 2], [3, 4]]
    # Cells of several numbers between tabs.
    table = read(write(path, "place\tname\n1 2\t5\n3 4\t6\n"), need_target=False)
    assert table.feature_names == ("name",)


def test_without_names(tmp_path: Path) -> None:
    text = '18.0   8  130.0\t"chevrolet  malibu"\n15.0   8  165.0\t"buick"\n'
    path = write(tmp_path / "auto.data", text)
    with pytest.raises(DataError, match=r"header='no' the columns are called c1 \('18.0'\)"):
        read(path, target="c4")
    table = read(path, target="c4", header="no")
    assert table.X.tolist() == [[18, 8, 130], [15, 8, 165]]
    assert np.asarray(table.target).tolist() == ["chevrolet  malibu", "buick"]


def test_line_of_a_bad_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "d.txt", "a  b\n\n 1  2\n 3  4\n 5  ?\n")
    with pytest.raises(DataError, match=r"'\?' in line 5, column 'b'"):
        read(path, need_target=False)
    with pytest.raises(DataError, match=r"expected 2 cells in line 62.* got 3"):
        read(write(path, "a  b\n" + " 1  2\n" * 60 + "1 2 3\n"), need_target=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b|c y\n1 2|3 4\n5 6|7 8\n", r"cells between bars \| or between blanks; save the file"),
        ("a:b:y\n1:2:0\n3:4:1\n", "cells between colons; save the file with commas"),
        (
            "a b town\n1 2 Rome\n3 4 New York\n5 6 Oslo\n7 8 10\n",
            "3 cells between blanks, but 4 in r",
        ),
        ("a|b|y\n1|2|0\n3|4|1|9\n5|6|1\n", r"3 cells between bars \|, but 4 in row 2"),
        ("1 1:0.5 2:0.3\n0 1:0.25 3:1e-3\n1 2:-1 4:1\n", "the sparse format of svmlight"),
        (
            "name town\n3 New York\n3 Los Angeles\n4 San Jose\n5 A 1\n",
            "target column 'y', got columns",
        ),
        ("text\nvery good 1\nnot so good 2\nbad\n", "target column 'y', got columns 'text'"),
        ("1 2 0\nr1 1 2 0\nr2 3 4 1\n", "looks like data"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "d.txt", text), target="y")


def test_other_separators_come_first(tmp_path: Path) -> None:
    for text in ("a b,c d\n1,2\n3,4\n", "a b\tc d\n1\t2\n3\t4\n", "a|b;c|d\n1;2\n3;4\n"):
        table = read(write(tmp_path / "d.csv", text), need_target=False)
        assert table.X.tolist() == [[1, 2], [3, 4]]
        assert table.notes == ()
    # One column, in whose name there are blanks.
    table = read(write(tmp_path / "d.csv", "height in cm\n170\n180\n"), need_target=False)
    assert table.feature_names == ("height in cm",)


@given(st.lists(st.text(st.sampled_from(' \t"ab\n'), max_size=9), max_size=9), st.integers(1, 40))
def test_single_blanks_do_not_depend_on_the_pieces(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], size: int
) -> None:
    content = " ".join(words).encode()
    text = CsvText(parts_of(write(tmp_path_factory.mktemp("t") / "d.txt", content)))
    pieces = [content[lo : lo + size] for lo in range(0, len(content), size)]
    found = b"".join(text._with_single_blanks(iter(pieces)))
    assert found == b"".join(text._with_single_blanks(iter([content])))
    outside = b"".join(found.split(b'"')[::2])
    assert b"  " not in found.split(b'"')[0]
    assert b"\t" not in outside
    assert (
        found.replace(b" ", b"").split() == content.replace(b" ", b"").replace(b"\t", b"").split()
        or b'"' in found
    )


# Orange


def test_types_and_roles_of_orange(tmp_path: Path) -> None:
    text = (
        "age\tsex\tpain\tsick\nc\td\tnone some\\ more lots\t0 1\n\t\t\tclass\n63\tm\tlots\t1\n"
        + ("41\tf\tnone\t0\n" * 3)
    )
    path = write(tmp_path / "d.tab", text)
    table = read(path, target="sick")
    assert table.feature_names == ("age",)
    assert table.X.tolist() == [[63], [41], [41], [41]]
    assert np.asarray(table.target).tolist() == [1, 0, 0, 0]
    assert table.notes == ("lines 2 and 3 of d.tab are of Orange, types and roles, and not read",)
    with pytest.raises(DataError, match=r"'x' in line 8, column 'age'"):
        read(write(path, text + "x\tf\tnone\t0\n"), target="sick")
    # Two rows of a table whose cells are such words.
    text = "a,b,y\nc,d,1\nd,d,2\nc,d,1\nd,c,2\n"
    assert len(read(write(tmp_path / "d.csv", text), target="a", features=["y"]).X) == 4
