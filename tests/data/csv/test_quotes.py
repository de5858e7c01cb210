"""No line disappears: as many rows as lines, or an error that names the line of the quote."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.csv.records import records
from gdnet.data.csv.text import CsvText, count_lines
from gdnet.data.files import iterate_table
from gdnet.data.parts import parts_of
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.table_files import read, write

M = 40


def rows(**replaced: str) -> str:
    """A table of M rows a, note, y; lineN="..." replaces line N, where the header is line 1."""
    found = [f"{i}.5,ok,{i % 2}" for i in range(M)]
    for name, text in replaced.items():
        found[int(name.removeprefix("line")) - 2] = text
    return "\n".join(["a,note,y", *found]) + "\n"


SWALLOWED: list[tuple[dict[str, str], int]] = [
    ({"line11": '9.5,"12 inch,1'}, 11),  # never closed
    ({"line11": '9.5,"12 inch,1', "line21": '19.5,"12 inch,1'}, 11),  # closed by the next such
    ({"line11": '9.5,"12 inch,1', "line21": '19.5,12",1'}, 11),  # closed at the end of a cell
    ({"line11": '"9.5,ok,1', "line21": '19.5",ok,1'}, 11),  # in the first cell
    ({"line11": '9.5,ok,"1', "line21": '19.5,ok,1"'}, 11),  # in the last
    ({"line11": '9.5,"ok,1', "line12": '10.5,ok",0'}, 11),  # a single line
    ({"line5": '3.5,"two\nlines",1', "line11": '9.5,"12 inch,1'}, 12),  # behind one that is meant
]


@pytest.mark.parametrize(("replaced", "line"), SWALLOWED)
def test_quote_that_swallows_lines(tmp_path: Path, replaced: dict[str, str], line: int) -> None:
    path = write(tmp_path / "d.csv", rows(**replaced))
    message = f"expected the quote that opens a cell in line {line} to close"
    with pytest.raises(DataError, match=message):
        read(path, target="y")
    for dtype in (np.float32, np.float64):
        with pytest.raises(DataError, match=message):
            list(iterate_table(path, features=["a"], dtype=dtype, rows=7))


def test_every_command_says_so(tmp_path: Path) -> None:
    write(tmp_path / "good.csv", rows())
    train(tmp_path, "good.csv", "--target", "y", "--iterations", "3", "--quiet")
    write(tmp_path / "d.csv", rows(**SWALLOWED[1][0]))
    for words in (
        "train d.csv --target y",
        "train good.csv --target y --validation d.csv",
        "predict m d.csv --out p.csv",
        "evaluate m d.csv",
        "convert d.csv X.npy --target y --labels y.npy",
    ):
        done = here(*words.split(), cwd=tmp_path)
        assert done.code == 2
        assert "the quote that opens a cell in line 11" in done.err
    assert not (tmp_path / "p.csv").exists()
    assert not (tmp_path / "X.npy").exists()


@pytest.mark.parametrize(
    "replaced",
    [
        {"line11": '9.5,"two\nlines",1'},
        {"line11": '9.5,"a, b\nc, d, e\n\nf",1'},
        {"line11": '9.5,"one ""word""\nand more",1'},
        {"line11": '9.5,"7,ok,1\nlooks like a row",1', "line12": '10.5,"x\ny",0'},
        {"line11": '9.5,12" pipe,1'},  # not at the beginning of a cell
        {"line11": '9.5,12" and 13",1'},
        {"line11": '9.5,"quoted",1'},
        {"line11": "9.5,'s,1"},
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cells_of_several_lines_that_are_meant(
    tmp_path: Path, replaced: dict[str, str], end: str
) -> None:
    path = write(tmp_path / "d.csv", rows(**replaced).replace("\n", end))
    table = read(path, target="y")
    assert table.X[:, 0].tolist() == [i + 0.5 for i in range(M)]


def test_text_of_several_lines_in_the_first_column(tmp_path: Path) -> None:
    text = "note,a,y\n" + "".join(f'"two\nlines",{i}.5,{i % 2}\n' for i in range(M))
    assert len(read(write(tmp_path / "d.csv", text), target="y").X) == M


def test_empty_lines_in_a_single_column(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "x\n0.5\n\n-0.5\n")
    with pytest.raises(DataError, match="an empty cell in line 3, column 'x'"):
        list(iterate_table(path, features=["x"], dtype=np.float32, rows=9))
    # Beside other columns an empty line is no row.
    path = write(path, "x,z\n0.5,1\n\n-0.5,2\n\n")
    ((X, _),) = iterate_table(path, features=["x"], dtype=np.float32, rows=9)
    assert X.tolist() == [[0.5], [-0.5]]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", 2),
        (b"a\nb", 2),
        (b"a\r\nb\r\n", 2),
        (b"a\rb\r", 2),
        (b"\n\n", 2),
        (b"a" * (2**20 - 1) + b"\r\nb", 2),  # the end of a line on both sides of a chunk
    ],
)
def test_number_of_lines(tmp_path: Path, content: Any, lines: int) -> None:
    assert count_lines(CsvText(parts_of(write(tmp_path / "d.csv", content)))) == lines


def table_of(*rows: str) -> str:
    return "\n".join(["size,x,flag,y", *rows]) + "\n"


def test_line_with_the_quote_need_not_look_like_a_row(tmp_path: Path) -> None:
    rows = [f"{i} inch,{i / 2},true,{'ab'[i % 2]}" for i in range(M)]
    for opening in ('"5 inch, big,1.5,true,a', '"5 inch,?,true,a'):
        rows[4], rows[8] = opening, '8",4.5,true,a'
        with pytest.raises(DataError, match="the quote that opens a cell in line 6"):
            read(write(tmp_path / "d.csv", table_of(*rows)), target="y")
    rows = [f"n{i},{'true' if i % 3 else 'false'},{'ab'[i % 2]}" for i in range(M)]
    rows[4], rows[8] = '"n4,true,a', 'n8",true,a'
    path = write(tmp_path / "d.csv", "\n".join(["name,flag,y", *rows]) + "\n")
    with pytest.raises(DataError, match="the quote that opens a cell in line 6"):
        read(path, target="y")


@pytest.mark.parametrize("header", ["age,y,address", "address,age,y", "age,address,y"])
def test_addresses_of_several_lines_are_no_rows(tmp_path: Path, header: str) -> None:
    cells = {"address": '"Flat 7\n12, Main Street, London"'}
    rows = []
    for i in range(M):
        cells |= {"age": f"{20 + i}.5", "y": "ab"[i % 2]}
        rows.append(",".join(cells[name] for name in header.split(",")))
    assert len(read(write(tmp_path / "d.csv", "\n".join([header, *rows])), target="y").X) == M


@pytest.mark.parametrize("header", ["x,name", "x,name,y"])
def test_lines_vanish_from_no_table_with_a_single_column_of_numbers(
    tmp_path: Path, header: str
) -> None:
    tail = [""] * 300 if header == "x,name" else [f",class {i % 150}" for i in range(300)]
    rows = [f"{i}.5,name {i}{tail[i]}" for i in range(300)]
    rows[100], rows[109] = f'100.5,"name{tail[100]}', f'109.5,name"{tail[109]}'
    path = write(tmp_path / "d.csv", "\n".join([header, *rows]) + "\n")
    with pytest.raises(DataError, match="the quote that opens a cell in line 102"):
        list(iterate_table(path, features=["x"], dtype=np.float32, rows=50))


def test_readers_share_the_limit_of_a_cell(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = write(tmp_path / "d.csv", f"a,b\n1,{'z' * 200_000}\n2,{'z' * 200_000}\n")
    one, other = (records(CsvText(parts_of(path)), ",") for _ in range(2))
    next(one)
    next(other)
    one.close()
    assert len(list(other)) == 2
    assert csv.field_size_limit() == before
