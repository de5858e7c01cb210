"""Separators, headers and names of CSV files as people have them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.table_files import read, write

ROWS = [("1.5", "-2", "x"), ("2.5", "3", "y"), ("0.5", "4", "x"), ("-1", "5", "y")]
X = [[1.5, -2], [2.5, 3], [0.5, 4], [-1, 5]]


def lines(header: str, separator: str = ",") -> str:
    return "\n".join([header, *(separator.join(row) for row in ROWS)]) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "features"),
    [
        ("d.csv", lines("a,b,y"), ("a", "b")),
        ("d.csv", lines("a, mm;b, mm;y", ";"), ("a, mm", "b, mm")),
        (
            "d.csv",
            lines("a (mm, dry);b (mm, dry, 20 C);y", ";"),
            ("a (mm, dry)", "b (mm, dry, 20 C)"),
        ),
        ("d.csv", lines("a, mm\tb, mm\ty", "\t"), ("a, mm", "b, mm")),
        ("d.tsv", lines("a;b;c\td;e;f\ty", "\t"), ("a;b;c", "d;e;f")),
        ("d.csv", lines(" a ,b , y"), ("a", "b")),
        ("d.csv", "\n\r\n" + lines("a,b,y"), ("a", "b")),
        ("d.csv", lines('"a\nlong",b,y'), ("a\nlong", "b")),
        ("d.csv", lines("0,1,y"), ("0", "1")),
        ("d.csv", lines("2019,2020,y"), ("2019", "2020")),
    ],
)
def test_names_and_rows(tmp_path: Path, name: str, text: str, features: tuple[str, ...]) -> None:
    table = read(write(tmp_path / name, text), target="y")
    assert table.feature_names == features
    assert table.X.tolist() == X
    assert table.ignored == {}
    of_numbers = features[0].isdigit()
    assert len(table.notes) == of_numbers


def test_decimal_commas_are_no_separators(tmp_path: Path) -> None:
    table = read(write(tmp_path / "d.csv", "a;b;y\n0,5;1;x\n1,5;2;y\n"), target="y")
    assert table.feature_names == ("b",)
    assert table.ignored == {"a": "numbers with commas such as '0,5'"}


def test_columns_that_the_header_does_not_name(tmp_path: Path) -> None:
    for header, cells, ignored in (
        ("a,b,y,,", ",,", {"column 4": "no name", "column 5": "no name"}),
        ("a,b,y,", ",", {"column 4": "no name"}),
        ("a,b,y", ",", {"column 4": "no name"}),
        ("a,b,y,", ",7", {"column 4": "no name"}),
    ):
        rows = "".join(",".join(row) + f"{cells}\n" for row in ROWS)
        table = read(write(tmp_path / "d.csv", f"{header}\n{rows}"), target="y")
        assert table.X.tolist() == X
        assert table.ignored == ignored


def test_names_that_are_made_up_are_no_others(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "column 1,y\nr1,1.5,a\nr2,2.5,b\nr3,3.5,a\n")
    table = read(path, target="y")
    assert table.feature_names == ("column 1",)
    assert table.X.tolist() == [[1.5], [2.5], [3.5]]
    assert table.ignored == {"column 1'": "row names, which the header does not name"}


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_row_names_of_r(tmp_path: Path, separator: str) -> None:
    rows = "".join(f'"r{i}"{separator}{separator.join(row)}\n' for i, row in enumerate(ROWS))
    header = separator.join(['"a"', '"b"', '"y"'])
    path = write(tmp_path / "d.csv", f"{header}\n{rows}")
    table = read(path, target="y")
    assert table.feature_names == ("a", "b")
    assert table.X.tolist() == X
    assert table.ignored == {"column 1": "row names, which the header does not name"}
    ((rows_read, _),) = iterate_table(path, features=["b"], dtype=np.float32, rows=9)
    assert rows_read.tolist() == [[-2], [3], [4], [5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:b:y\n1:2:0\n3:4:1\n", "cells between colons"),
        ("# made by me\na,b,y\n1,2,0\n", "column names in line 1, got a comment, '# made by me'"),
        (
            "Results of May\na,b,y\n1,2,0\n3,4,1\n",
            "3 column names in the first line, one for each cell of line 2, got 1, 'Results of",
        ),
        ('"a", "b", "y"\n1, 2, "x, z"\n', "a blank before the quote of ' \"b\"' in line 1"),
        ('a,b,y\n1,2,x\n3,4, "x, z"\n', "a blank before the quote of ' \"x' in line 3"),
        (' "x", z,y\n1,2,a\n3,4,b\n', "a blank before the quote of ' \"x\"' in line 1"),
        ('a,b,y\n1,2,x\n3,"say \\"hi, you\\"",z\n', r'line 3, .* quoted cell as "" and not as'),
        ("1.5,2.5,0.7\n0.5,1,1\n1,2,0\n", r"looks like data; with header='no' .* c1 \('1.5'\), c2"),
        ("1,1,0\n0,0,1\n0,3,1\n", "looks like data"),
        ("0.5,2,x\n1,3,y\n2,4,x\n", "looks like data"),
        ("0.5,,x\n1,3,y\n2,4,x\n", "looks like data"),
        ("39,Private,yes\n40,State,no\n41,State,no\n", "looks like data"),
        ("# by me, with care\nx,y\n1,a\n2,b\n3,a\n", "names in line 1, got '# by me, with care'"),
        ("Report,2020\nx,y\n1,a\n2,b\n3,a\n", "looks like names in line 2; remove the lines"),
        ("n,t,y\nu0,0,a,\nu1,1,b,\n", "row names, or the last ones, which are empty"),
        ("x,y\n1,a\n \n2,b\n", "expected 2 cells in line 3, .* got 1; complete the line"),
    ],
)
def test_what_is_refused_with_its_cure(tmp_path: Path, text: str, message: str) -> None:
    for path in (write(tmp_path / "d.csv", text), write(tmp_path / "d.txt", text)):
        with pytest.raises(DataError, match=message):
            read(path, target="y")


def test_cure_of_padded_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", ' "a",  "b", "y"\n1, "2", "x, z"\n3, "4", w\n')
    with pytest.raises(DataError, match="remove these blanks") as caught:
        read(path, target="y")
    words = shlex.split(str(caught.value).partition("(")[2].rpartition(")")[0])
    cured = subprocess.run([*words, path], capture_output=True, text=True, check=True).stdout
    table = read(write(tmp_path / "d.csv", cured), target="y")
    assert table.feature_names == ("a", "b")
    assert table.target is not None
    assert table.target.tolist() == ["x, z", "w"]


def test_blank_within_a_quoted_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", 'a,t,y\n1," ""so"" he said",x\n2,plain,z\n')
    assert read(path, target="y").feature_names == ("a",)


def test_semicolons_between_decimal_commas(tmp_path: Path) -> None:
    rows = [f"{i},5;{i % 3},2;{'AB'[i % 2]}" for i in range(9)]
    path = write(tmp_path / "d.csv", "\n".join(rows))
    with pytest.raises(DataError, match=r"got c1 \(numbers with commas such as '0,5'\), c2"):
        read(path, target="c3", header="no")
    rows = [f"n{i};{i},5;a;" for i in range(9)]
    path = write(tmp_path / "d.csv", "\n".join(["name;temp, C;y", *rows]))
    with pytest.raises(DataError, match="name every column in the first line"):
        read(path, target="y")


def test_a_text_in_the_first_row_makes_no_title_of_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "age,city,y\n?,Rome,p\n1,Oslo,q\n2,Rome,p\n3,Oslo,q\n")
    with pytest.raises(DataError, match=r"got '\?' in line 2, column 'age'; .* ignore=\['age'\]"):
        read(path, target="y")


def test_one_column_with_blanks_in_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "my column\n1.5\n2.5\n")
    assert read(path, need_target=False).X.tolist() == [[1.5], [2.5]]


def test_without_a_header(tmp_path: Path) -> None:
    for above in ("", "\n"):
        path = write(tmp_path / "d.csv", above + "".join(",".join(row) + "\n" for row in ROWS))
        table = read(path, target="c3", header="no")
        assert table.feature_names == ("c1", "c2")
        assert table.X.tolist() == X
        assert table.target is not None
        assert table.target.tolist() == ["x", "y", "x", "y"]


def test_header_of_numbers_as_names(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "0.5,0.25,0\n1,2,0\n3,4,1\n")
    table = read(path, target="0", header="yes")
    assert table.feature_names == ("0.5", "0.25")
    path = write(tmp_path / "d.csv", "0,1,2\n1,2,0\n3,4,1\n")
    table = read(path, target="2")
    assert table.feature_names == ("0", "1")
    assert table.notes == (
        "the first line of d.csv, '0, 1, 2', is taken as the names of the columns; if it is data: "
        "header='no'",
    )


def test_every_command_takes_files_without_a_header(tmp_path: Path) -> None:
    rows = "".join(f"{i}.5,{-i},{i % 2}\n" for i in range(20))
    write(tmp_path / "d.csv", rows)
    options = ["--header", "no", "--target", "c3", "--validation", "d.csv", "--quiet"]
    facts = train(tmp_path, "d.csv", *options)
    assert facts["examples"] == facts["validation_examples"] == 20
    for words in ("predict m d.csv", "evaluate m d.csv", "plot roc m d.csv --out r.png"):
        done = here(*words.split(), "--header", "no", "--quiet", cwd=tmp_path)
        assert (done.code, done.err) == (0, "")
        assert here(*words.split(), "--quiet", cwd=tmp_path).code == 2
    predictions = here("predict", "m", "d.csv", "--header", "no", "--quiet", cwd=tmp_path).out
    assert len(predictions.splitlines()) == 21
    words = "convert d.csv X.npy --target c3 --labels y.npy --header no --quiet"
    assert here(*words.split(), cwd=tmp_path).code == 0
    assert np.load(tmp_path / "X.npy").shape == (20, 2)


def test_header_is_for_csv_files(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((4, 1)))
    for words in ("train planar", "train X.npy", "predict m X.npy", "evaluate m planar"):
        done = here(*words.split(), "--header", "no", cwd=tmp_path)
        assert done.code == 2
        assert "expected --header no with a .csv" in done.err


def test_cells_of_any_length(tmp_path: Path) -> None:
    long = "z" * 300_000
    for row in (2, 1500):
        rows = [f"{i}.5,w,{i % 2}" for i in range(2000)]
        rows[row] = f"{row}.5,{long},{row % 2}"
        path = write(tmp_path / "d.csv", "a,text,y\n" + "\n".join(rows) + "\n")
        table = read(path, target="y")
        assert table.X[:, 0].tolist() == [i + 0.5 for i in range(2000)]
        assert table.ignored == {"text": "text such as 'w'"}


def test_cell_that_is_longer_than_a_block_of_the_parser(tmp_path: Path) -> None:
    rows = [f"{i}.5,w,{i % 2}" for i in range(50_000)]
    rows[40_000] = f"40000.5,{'z' * 5_000_000},0"
    path = write(tmp_path / "d.csv", "a,text,y\n" + "\n".join(rows) + "\n")
    blocks = [rows for rows, _ in iterate_table(path, features=["a"], dtype=np.float32, rows=4096)]
    assert np.concatenate(blocks)[:, 0].tolist() == [i + 0.5 for i in range(50_000)]


def test_white_space_that_is_no_blank(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "a,y\n1,x\n2\x0b,z\n3\u00a0,z\n")
    with pytest.raises(DataError, match=r"got '2\\x0b' in line 3, column 'a' \(the first of 2\)"):
        read(path, target="y")


def test_truth_values_with_blanks(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "a,b,y\n1, true,x\n2,False ,y\n3, 1,x\n4,TRUE,y\n")
    assert read(path, target="y").X[:, 1].tolist() == [1, 0, 1, 1]


def test_digits_of_other_scripts_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "a,b,y\n1,\u0662,x\n2,\u0661,y\n")
    assert read(path, target="y").ignored == {"b": "text such as '\u0662'"}


def test_first_line_of_repeated_words(tmp_path: Path) -> None:
    path = write(tmp_path / "d.data", "x,s,x,p\nx,y,b,e\nb,s,x,e\nx,s,b,p\n")
    with pytest.raises(
        DataError, match=r"more than one 'x'; .*; if that line is data: header='no'"
    ):
        read(path, target="c4")
    with pytest.raises(DataError, match=r"remove the others$"):
        read(path, target="p", header="yes")


def test_a_title_of_fewer_cells(tmp_path: Path) -> None:
    text = "569,30,malignant,benign\n" + "17.99,10.38,122.8,1001,0.1184,0\n" * 5
    with pytest.raises(DataError, match=r"6 column names in the first line, .* line 2, got 4"):
        read(write(tmp_path / "d.csv", text), target="6")
