"""Several files as one: of CSV, of Parquet, in folders whose names hold columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data import parts
from gdnet.data.columns import spool
from gdnet.data.files import iterate_table, read_table
from gdnet.data.formats import FOLDER_NAMES
from gdnet.data.parts import parts_of
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.table_files import (
    N0,
    NAMES,
    M,
    pa,
    parquet,
    read,
    write,
    write_csv,
    write_parquet,
)

X = np.random.RandomState(0).randn(M, N0)
Y = np.arange(M) % 3
CUTS = [(0, 1), (1, 700), (700, M)]


def csv_parts(folder: Path) -> list[Path]:
    return [write_csv(folder / f"p{k}.csv", X[lo:hi], Y[lo:hi]) for k, (lo, hi) in enumerate(CUTS)]


def parquet_parts(folder: Path) -> list[Path]:
    found = []
    for k, (lo, hi) in enumerate(CUTS):
        columns: dict[str, Any] = dict(zip(NAMES, X[lo:hi].T, strict=True))
        found.append(write_parquet(folder / f"p{k}.parquet", **columns, y=Y[lo:hi]))
    return found


def test_names_folders_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "d" / "b=2" / "_temporary").mkdir(parents=True)
    (tmp_path / "d" / "b=10").mkdir()
    for name in ("b=2/x.parquet", "b=2/a.PQ", "b=10/x.parq", "b=2/_temporary/x.parquet", "notes"):
        write(tmp_path / "d" / name, "x")
    write(tmp_path / "d" / ".x.parquet.crc", "x")
    found = parts_of(tmp_path / "d")
    assert [file.relative_to(tmp_path / "d").as_posix() for file in found.files] == [
        "b=10/x.parq",
        "b=2/a.PQ",
        "b=2/x.parquet",
    ]
    assert found.name == "d"
    assert found.notes[0].startswith("3 files are read one after the other, from ")
    given = [write(tmp_path / name, "x") for name in ("z.csv", "a.csv")]
    assert parts_of(given).files == tuple(given)
    assert parts_of(given).name == "z.csv and 1 more"
    pattern = parts_of(str(tmp_path / "*.csv"))
    assert pattern.files == tuple(given[::-1])
    assert pattern.name == "*.csv"
    assert parts_of("no such file").files == (Path("no such file"),)
    assert parts_of(write(tmp_path / "[1].csv", "x")).files == (tmp_path / "[1].csv",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("empty", f"a folder of {FOLDER_NAMES} files, got a folder with none; .*empty/\\*.csv"),
        ("*.json", "expected a pattern that some files match, got none"),
        (["a.csv", "a.csv"], "a.csv: expected every file once"),
        (["a.csv", "b.parquet"], "b.parquet: expected several files to be all CSV or all Parquet"),
        (["a.npy", "b.npy"], r"join arrays by numpy\.concatenate"),
        ([], "got an empty list"),
    ],
)
def test_what_is_no_data(tmp_path: Path, data: Any, message: str) -> None:
    (tmp_path / "empty").mkdir()
    given = [tmp_path / name for name in data] if isinstance(data, list) else tmp_path / data
    with pytest.raises(DataError, match=message):
        parts_of(given)


@pytest.mark.parametrize("write_parts", [csv_parts, parquet_parts])
@pytest.mark.parametrize("in_memory", [True, False])
def test_several_files_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_parts: Any, in_memory: bool
) -> None:
    monkeypatch.setattr(spool, "fits_in_memory", lambda size: in_memory)
    given = write_parts(tmp_path)
    for data in (given, tmp_path / f"p*{given[0].suffix}"):
        table = read_table(data, target="y", labels=None, dtype="float64")
        assert np.array_equal(table.X[: len(table.X)], X)
        assert np.asarray(table.target).tolist() == Y.tolist()
        assert "3 files are read one after the other" in table.notes[0]
    stream = [*iterate_table(given, target="y", features=NAMES[::-1], dtype="float64", rows=99)]
    assert np.array_equal(np.concatenate([rows for rows, _ in stream]), X[:, ::-1])
    assert [*map(int, np.concatenate([target for _, target in stream]))] == Y.tolist()


def test_same_bits_as_one_file(tmp_path: Path) -> None:
    csv_parts(tmp_path)
    write_csv(tmp_path / "all.csv", X, Y)
    options = ("--target", "y", "--iterations", 20, "--quiet")
    summary = train(tmp_path, "p0.csv", "p1.csv", "p2.csv", *options, out="m")
    assert summary["data"] == "p0.csv and 2 more"
    assert train(tmp_path, "all.csv", *options, out="n")["cost"] == summary["cost"]
    whole = here("predict", "n", "all.csv", "--proba", "--device", "cpu", cwd=tmp_path)
    for data in (["p0.csv", "p1.csv", "p2.csv"], ["p?.csv"]):
        done = here("predict", "m", *data, "--proba", "--device", "cpu", cwd=tmp_path)
        assert (done.code, done.out) == (0, whole.out)
    (tmp_path / "m").replace(tmp_path / "n")
    assert here("evaluate", "n", "p1.csv", "p2.csv", "--quiet", cwd=tmp_path).code == 0


def test_header_is_left_out_of_every_file(tmp_path: Path) -> None:
    ends = {"a.csv": "\n", "b.csv": "\r\n", "c.csv": "\r", "d.csv": ""}
    for name, end in ends.items():
        text = "\ufeff" + end.join(["", "x,y", "1,2", "3,4"]) + ("\n" if name == "a.csv" else "")
        write(tmp_path / name, text if end else "x,y\n")
    given = [tmp_path / name for name in ends]
    assert read(given, need_target=False).X.tolist() == [[1, 2], [3, 4]] * 3  # type: ignore[arg-type]
    plain = [write(tmp_path / f"{k}.csv", f"{k}.5,1\n{k}.5,2") for k in range(2)]
    table = read(plain, need_target=False, header="no")  # type: ignore[arg-type]
    assert table.X.tolist() == [[0.5, 1], [0.5, 2], [1.5, 1], [1.5, 2]]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("a,c\n1,2\n", "b.csv: expected the column names of .*a.csv .* got another for 'b', 'c'"),
        ("b,a\n1,2\n", "b.csv: .* got them in another order"),
        ("1,2\n3,4\n", "b.csv: .* got another for '1', '2', 'a', 'b'"),
        ("a;b\n1;2\n", "b.csv: .* got another for"),
        ("a,b\n1,x\n", "'x' in line 2 of .*b.csv, column 'b'"),
        ("a,b\n1,2\n3\n", "expected 2 cells in line 3 of .*b.csv"),
        ("a,b\n1,\xff\n", "got other bytes in line 2 of .*b.csv"),
        ("", "b.csv: expected data, got an empty file"),
    ],
)
def test_the_file_that_differs_is_named(tmp_path: Path, second: str, message: str) -> None:
    write(tmp_path / "a.csv", "a,b\n1,2\n3,4")
    (tmp_path / "b.csv").write_bytes(second.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read([tmp_path / "a.csv", tmp_path / "b.csv"], need_target=False)  # type: ignore[arg-type]


# Parquet


def test_folders_are_columns(tmp_path: Path) -> None:
    for k, (year, town) in enumerate([(2019, "a b"), (2020, "c"), (2020, "a b")]):
        folder = tmp_path / "d" / f"year={year}" / f"town={town.replace(' ', '%20')}"
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(folder / "part.parquet", x=[k + 0.5, k + 1.5], y=[0, 1])
    table = read(tmp_path / "d", target="y")
    assert table.feature_names == ("x", "year")
    assert table.X.tolist() == [
        [0.5, 2019], [1.5, 2019], [2.5, 2020], [3.5, 2020], [1.5, 2020], [2.5, 2020]
    ]  # fmt: skip
    assert table.ignored == {"town": "type string"}
    towns = read(tmp_path / "d", target="town", features=["year"])
    assert towns.X.tolist() == [[2019]] * 2 + [[2020]] * 4
    assert np.asarray(towns.target).tolist() == ["a b"] * 4 + ["c"] * 2
    pattern = read(tmp_path / "d" / "*" / "*" / "*.parquet", target="y")
    assert pattern.X.tolist() == table.X.tolist()


def test_values_of_folders(tmp_path: Path) -> None:
    def values(*texts: str) -> list[Any]:
        for text in texts:
            folder = tmp_path / "-".join(texts) / f"key={text}"
            folder.mkdir(parents=True)
            write_parquet(folder / "p.parquet", x=[0.5, 1.5])
        path = tmp_path / "-".join(texts)
        table = read(path, features=["x"], target="key")
        return [*np.asarray(table.target)[::2].tolist()]

    assert values("01", "02", "10") == [1, 2, 10]
    assert values("1", "01") == ["01", "1"]
    assert values("-1", "a") == ["-1", "a"]
    with pytest.raises(DataError, match="expected a label in every row, got a missing value in ro"):
        values("1", "__HIVE_DEFAULT_PARTITION__")


def test_types_that_hold_those_of_all_files(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", x=pa.array([1, 2], pa.int32()), y=["u", "v"])
    write_parquet(tmp_path / "b.parquet", x=pa.array([0.5]), y=pa.array(["v"]).dictionary_encode())
    write_parquet(tmp_path / "c.parquet", x=pa.nulls(0), y=pa.array([], pa.large_string()))
    table = read(tmp_path / "*.parquet", target="y")
    assert table.X.tolist() == [[1], [2], [0.5]]
    assert np.asarray(table.target).tolist() == ["u", "v", "v"]
    write_parquet(tmp_path / "d.parquet", x=pa.array([2**53 + 1]), y=["u"])
    with pytest.raises(DataError, match=r"d.parquet: expected column 'x' as double, which holds"):
        read(tmp_path / "*.parquet", target="y")
    write_parquet(tmp_path / "e.parquet", x=["1"], y=["u"])
    with pytest.raises(DataError, match=r"e.parquet: .* 'x' of type double .* before, got string"):
        read(tmp_path / "*.parquet", target="y")


def test_the_parquet_file_that_differs_is_named(tmp_path: Path) -> None:
    for folder in ("d/k=1", "d/k=2", "e/k=1", "e/l=1", "f/x=1"):
        (tmp_path / folder).mkdir(parents=True)
        write_parquet(tmp_path / folder / "p.parquet", x=[0.5], y=[1])
    parquet.write_table(pa.table({"x": [0.5]}), tmp_path / "d/k=2/p.parquet")
    for data, message in (
        ("d", "k=2/p.parquet: expected the columns of .*k=1/p.parquet.* another file for 'y'"),
        ("e", "l=1/p.parquet: expected the columns of .* folders of the same keys.* 'k', 'l'"),
        ("f", "p.parquet: expected columns in the file or as folders, got both for 'x'"),
    ):
        with pytest.raises(DataError, match=message):
            read(tmp_path / data, target="y")
    write(tmp_path / "d/k=2/p.parquet", "PAR1 not at all")
    with pytest.raises(DataError, match=r"k=2/p.parquet: expected a complete Parquet file"):
        read(tmp_path / "d", target="y")


@pytest.mark.parametrize("write_parts", [csv_parts, parquet_parts])
@pytest.mark.parametrize("which", [0, 2])
def test_a_change_of_any_file_is_noticed(tmp_path: Path, write_parts: Any, which: int) -> None:
    given = write_parts(tmp_path)
    stream = iterate_table(given, features=NAMES, dtype="float32", rows=500)
    next(stream)
    os.utime(given[which], ns=(1, 1))
    with pytest.raises(DataError, match=f"p{which}.* got one that changed while it was read"):
        list(stream)


def test_a_new_file_of_a_folder_is_noticed(tmp_path: Path) -> None:
    parquet_parts(tmp_path)
    with pytest.raises(DataError, match="changed while"), parts.reading_parts(parts_of(tmp_path)):
        write(tmp_path / "q.parquet", "x")


@pytest.mark.parametrize(("data", "out"), [("parts", "parts/out.parquet"), ("*.csv", "o.csv")])
def test_what_is_written_is_not_read_with_the_data_the_next_time(
    tmp_path: Path, data: str, out: str
) -> None:
    (tmp_path / "parts").mkdir()
    columns = {"a": [1.0, 2, 3, 4], "y": ["n", "y", "n", "y"]}
    write_parquet(tmp_path / "parts" / "1.parquet", **columns)
    write(tmp_path / "1.csv", "a,y\n1,n\n2,y\n3,n\n4,y\n")
    train(tmp_path, data, "--target", "y", "--iterations", 2)
    done = here("predict", "m", data, "--out", out, "--device", "cpu", cwd=tmp_path)
    assert done.code == 2
    assert f"{out}: expected the predictions where they are not read with the data" in done.err
    assert not (tmp_path / out).exists()
    elsewhere = "o.parquet" if data == "*.csv" else "o.csv"
    done = here("predict", "m", data, "--out", elsewhere, "--device", "cpu", cwd=tmp_path)
    assert done.code == 0, done.err
