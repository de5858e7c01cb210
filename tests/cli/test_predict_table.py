"""Predictions beside columns of the data, in tables, and by another threshold."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.formats import TABLE_NAMES
from gdnet.model import rows as stream
from tests.support.command import Done, command, environment, here, limited, train, write_csv
from tests.support.table_files import pa, parquet, write, write_parquet

M = 200
X = np.random.RandomState(2).randn(M, 2)
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
IDS = [f"{k:04d}" for k in range(M)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_csv(tmp_path / "train.csv", X, Y, ["a", "b", "y"])
    train(tmp_path, "train.csv", "--target", "y", "--iterations", 50)
    rows = [f'{x},"say ""{k}"", {k}",{k},,{z},NA' for k, (z, x) in zip(IDS, X, strict=True)]
    write(tmp_path / "new.csv", "\n".join(['b,"a note",id,gap,a,y', *rows]) + "\n")
    columns: dict[str, Any] = {
        "b": X[:, 1],
        "id": pa.array(IDS).dictionary_encode(),
        "when": [datetime.date(2026, 1, 1) + datetime.timedelta(k) for k in range(M)],
        "price": pa.array([Decimal("1.50"), None] * (M // 2)),
        "n": pa.array(range(M), pa.int16()),
        "a": X[:, 0],
        "x": pa.array(np.arange(M) / 10, pa.float64()),
        "list": [[k] for k in range(M)],
        "flag": [True, False] * (M // 2),
    }
    write_parquet(tmp_path / "new.parquet", **columns)
    return tmp_path


def predict(folder: Path, *options: object) -> Done:
    return here("predict", "m", *options, "--device", "cpu", cwd=folder)


def table(done: Done) -> tuple[list[str], list[list[str]]]:
    assert done.code == 0, done.err
    header, *rows = csv.reader(io.StringIO(done.out))
    return header, rows


@pytest.mark.parametrize("rows_at_a_time", [7, 65536])
def test_columns_of_a_csv_file_are_kept_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    plain = table(predict(folder, "train.csv"))[1]
    monkeypatch.setattr(stream, "MAX_ROWS", rows_at_a_time)
    header, rows = table(predict(folder, "new.csv", "--keep", "id,a note", "--keep", "gap,y"))
    assert header == ["id", "a note", "gap", "y", "prediction"]
    assert [row[:4] for row in rows] == [[k, f'say "{k}", {k}', "", "NA"] for k in IDS]
    assert [row[4:] for row in rows] == plain
    header, rows = table(predict(folder, "new.csv", "--keep", '"a note"', "--proba"))
    assert header == ["a note", "probability_no", "probability_yes"]
    assert len(rows) == M


def test_columns_of_a_parquet_file_are_kept_as_they_are(folder: Path) -> None:
    keep = ("--keep", "id,when,price,n,x,flag")
    header, rows = table(predict(folder, "new.parquet", *keep))
    assert header == ["id", "when", "price", "n", "x", "flag", "prediction"]
    assert rows[1][:6] == ["0001", "2026-01-02", "", "1", "0.1", "false"]
    assert rows[2][2:5] == ["1.50", "2", "0.2"]
    done = predict(folder, "new.parquet", *keep, "--keep", "list", "--out", "p.parquet")
    assert (done.code, done.out) == (0, "")
    found, data = (parquet.read_table(folder / name) for name in ("p.parquet", "new.parquet"))
    for name in ("when", "price", "n", "x", "flag", "list"):
        assert found[name].equals(data[name]), name
    assert found["id"].to_pylist() == IDS
    assert found["prediction"].to_pylist() == [row[-1] for row in rows]


def test_tables_have_types(folder: Path) -> None:
    predict(folder, "new.csv", "--proba", "--keep", "id", "--out", "p.pq")  # not such a name
    done = predict(folder, "new.csv", "--proba", "--keep", "id", "--out", "p.parquet")
    assert done.code == 0
    found = parquet.read_table(folder / "p.parquet")
    assert found.column_names == ["id", "probability_no", "probability_yes"]
    assert [str(kind) for kind in found.schema.types] == ["string", "double", "double"]
    predict(folder, "new.csv", "--proba", "--out", "p.npy")
    assert np.array_equal(found["probability_yes"].to_numpy(), np.load(folder / "p.npy")[:, 1])
    train(folder, "train.csv", "--target", "a", "--ignore", "y", "--task", "regression", "--quiet")
    predict(folder, "new.csv", "--out", "p.parquet")
    assert [*map(str, parquet.read_table(folder / "p.parquet").schema.types)] == ["double"]


def test_several_files_in_their_order(folder: Path) -> None:
    lines = (folder / "new.csv").read_text().splitlines(keepends=True)
    write(folder / "n1.csv", "".join(lines[:90]))
    write(folder / "n2.csv", "".join([lines[0], *lines[90:]]))
    one = predict(folder, "new.csv", "--keep", "id").out
    assert predict(folder, "n1.csv", "n2.csv", "--keep", "id").out == one
    assert predict(folder, "n?.csv", "--keep", "id").out == one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["new.csv", "--keep", "ids"], "expected a column to keep 'ids', .*; did you mean 'id'"),
        (["new.csv", "--keep", "id,id"], "--keep: expected every name once .*, got 'id' twice"),
        (["new.csv", "--keep", "id", "--out", "p.npy"], "a .csv or .parquet file with --keep, got"),
        (["planar", "--keep", "id"], f"--keep: expected {TABLE_NAMES} files, .* got planar"),
        (["X.npy", "--keep", "id"], f"--keep: expected {TABLE_NAMES} files, .* got X.npy"),
        (["new.parquet", "--keep", "list"], "columns of numbers, text or times in a .csv file"),
        (["new.csv", "--threshold", "1"], "expected a probability above 0 and below 1, got '1'"),
        (["new.csv", "--threshold", "0"], "expected a finite number above 0"),
        (["new.csv", "--threshold", "x"], "expected a finite number above 0, got 'x'"),
        (["new.csv", "--threshold", "0.3", "--proba"], "not allowed with argument"),
        (["new.csv", "--out", "p.json"], "a .csv or .parquet or .npy file to write"),
    ],
)
def test_what_is_refused(folder: Path, options: list[str], message: str) -> None:
    import re

    before = sorted(folder.iterdir())
    done = predict(folder, *options)
    assert done.code == 2
    assert re.search(message, done.err), done.err
    assert sorted(folder.iterdir()) == before


def test_a_name_of_the_predictions_is_taken(folder: Path) -> None:
    write(folder / "new.csv", "a,b,prediction\n1,2,3\n")
    done = predict(folder, "new.csv", "--keep", "prediction")
    assert (done.code, done.out) == (2, "")
    assert "got 'prediction' twice" in done.err


def test_threshold_of_two_classes(folder: Path) -> None:
    probability = np.array(table(predict(folder, "new.csv", "--proba"))[1], float)[:, 1]
    for threshold in (0.05, 0.3, 0.5, 0.9, 1 - 1e-12):
        done = predict(folder, "new.csv", "--threshold", threshold)
        expected = np.where(probability > threshold, "yes", "no")
        assert [row[0] for row in table(done)[1]] == expected.tolist()
        assert f"class yes is predicted where its probability is above {threshold:g}" in done.err
    plain = predict(folder, "new.csv", "--quiet")
    assert predict(folder, "new.csv", "--threshold", 0.5, "--quiet") == plain


def test_threshold_of_labels_and_of_other_models(folder: Path) -> None:
    np.save(folder / "X.npy", X)
    np.save(folder / "Y.npy", (X > [0, 1]).astype(int))
    train(folder, "X.npy", "--labels", "Y.npy", "--iterations", 50, "--quiet")
    probability = np.array(table(predict(folder, "X.npy", "--proba"))[1], float)
    labels = np.array(table(predict(folder, "X.npy", "--threshold", 0.2))[1], float)
    assert np.array_equal(labels, probability > 0.2)
    np.save(folder / "three.npy", np.arange(M) % 3)
    for options in (["three.npy"], ["X1.npy", "--task", "regression"]):
        np.save(folder / "X1.npy", X[:, 0])
        train(folder, "X.npy", "--labels", *options, "--iterations", 2, "--quiet")
        done = predict(folder, "X.npy", "--threshold", 0.2)
        assert (done.code, done.out) == (2, "")
        assert "--threshold: expected a model of two classes, or of several labels" in done.err


def test_a_table_is_there_whole_or_not_at_all(folder: Path) -> None:
    write(folder / "p.parquet", "old")
    with (folder / "new.csv").open("a") as file:
        file.write("1,x,7,,three,NA\n")
    done = predict(folder, "new.csv", "--keep", "id", "--out", "p.parquet")
    assert done.code == 2
    assert "got 'three' in line 202, column 'a'" in done.err
    options = ("predict", "m", "train.csv", "--keep", "y", "--proba", "--out", "p.parquet")
    done = limited("RLIMIT_FSIZE", 2000, *options, "--quiet", cwd=folder)
    assert (done.code, done.out) == (1, "")
    assert done.err == "gdnet: p.parquet: File too large\n"
    assert (folder / "p.parquet").read_text() == "old"
    assert not [*folder.glob(".gdnet-*")]


@pytest.mark.parametrize(
    ("name", "keep"),
    [
        ("many.csv", ()),
        ("many.csv.gz", ("--keep", "id")),
        pytest.param("many.csv.gz", (), marks=pytest.mark.slow),
        pytest.param("many.csv", ("--keep", "id"), marks=pytest.mark.slow),
    ],
)
def test_a_reader_that_has_seen_enough_is_no_fault_of_the_data(
    folder: Path, name: str, keep: tuple[str, ...]
) -> None:
    rows = "".join(f"{k / 1e5},{k % 7},{k}\n" for k in range(100_000))
    pack: Callable[[bytes], bytes] = gzip.compress if name.endswith(".gz") else bytes
    (folder / name).write_bytes(pack(f"a,b,id\n{rows}".encode()))
    words = ["predict", "m", name, *keep, "--device", "cpu", "--quiet"]
    process = subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().endswith("prediction\n")
    process.stdout.close()
    # Nothing of Python's end, in which pyarrow may still read, and nothing of the file.
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) != 2
