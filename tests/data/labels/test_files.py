"""Labels in a file of their own: CSV or Parquet of one column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import read_table
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.table_files import read, write, write_parquet


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    np.save(tmp_path / "X.npy", np.arange(12.0).reshape(6, 2))
    return tmp_path / "X.npy"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("y\n0\n1\n0\n1\n0\n1\n", [0, 1, 0, 1, 0, 1]),
        ("0\n1\n0\n1\n0\n1\n", [0, 1, 0, 1, 0, 1]),
        ("label\ncat\n dog\ncat\ndog\ncat\ndog\n", ["cat", "dog"] * 3),
        ('"the class"\n"a b"\nc\n"a b"\nc\n"a b"\nc\n', ["a b", "c"] * 3),
        ("true\nfalse\ntrue\nfalse\ntrue\nfalse\n", [True, False] * 3),
        ("01\n1\n01\n1\n01\n1\n", ["01", "1"] * 3),
    ],
)
def test_labels_of_a_csv_file(rows: Path, text: str, labels: list[object]) -> None:
    path = write(rows.with_name("y.csv"), text)
    for data in (rows, write(rows.with_name("X.csv"), "a,b\n" + "1,2\n" * 6)):
        assert np.asarray(read(data, labels=path).target).tolist() == labels


def test_labels_of_a_parquet_file(rows: Path) -> None:
    path = write_parquet(rows.with_name("y.parquet"), y=["a", "b"] * 3)
    assert np.asarray(read(rows, labels=path).target).tolist() == ["a", "b"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cat\ndog\ncat\ndog\ncat\ndog\n",
            "a first line that names the column, and 6 labels, .* 5",
        ),
        ("y\n0\n1\n", "one label for each of the 6 rows of the data, got 2"),
        ("id,y\n1,0\n2,1\n", "expected one column of labels, got 'id', 'y'; keep one"),
        ("y\n0\n1\n\n1\n0\n1\n", "expected a label in every row, got an empty cell in line 4"),
        ("", "expected data, got an empty file"),
    ],
)
def test_what_is_no_column_of_labels(rows: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(rows, labels=write(rows.with_name("y.csv"), text))


def test_numbers_to_be_predicted(rows: Path) -> None:
    path = write(rows.with_name("y.csv"), "price\n0.5\n1e3\n-2\n3\n4\n5\n")
    assert np.asarray(read(rows, labels=path, continuous=True).target).tolist() == [
        0.5, 1000, -2, 3, 4, 5
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"got 'x' in line 3, column 'price'"):
        read(rows, labels=write(path, "price\n0.5\nx\n-2\n3\n4\n5\n"), continuous=True)


def test_from_the_command_line(rows: Path) -> None:
    write(rows.with_name("y.csv"), "kind\n" + "cat\ndog\n" * 3)
    write(rows.with_name("q.csv"), "".join(f"{k}.5\n" for k in range(6)))
    folder, quiet = rows.parent, ("--quiet", "--iterations", 2)
    trained = train(folder, "X.npy", "--labels", "y.csv", *quiet)
    assert trained["classes"] == ["cat", "dog"]
    write(rows.with_name("X.csv"), "a,b\n" + "".join(f"{2 * k},{2 * k + 1}\n" for k in range(6)))
    options = ("--labels", "y.csv", "--json", "--quiet")
    for data in ("X.npy", "X.csv"):
        evaluated = here("evaluate", "m", data, *options, cwd=folder).json
        assert evaluated["accuracy"] == trained["train_accuracy"]
    train(folder, "X.npy", "--labels", "q.csv", "--task", "regression", *quiet)
    for data in ("X.npy", "X.csv"):
        assert here("evaluate", "m", data, "--labels", "q.csv", "--quiet", cwd=folder).code == 0


def rows_and_labels(folder: Path, labels: list[str], *, gap: bool) -> None:
    cells = [f"{k},{k % 7}" for k in range(len(labels))]
    if gap:
        cells[9] = "9,"
    (folder / "x.csv").write_text("\n".join(["a,b", *cells]) + "\n")
    (folder / "y.csv").write_text("\n".join(["y", *labels]) + "\n")
    kind = float if labels[1] == "1.5" else str
    known = [kind(label) if label else (np.nan if kind is float else "") for label in labels]
    np.save(folder / "y.npy", np.array(known))


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("name", ["y.csv", "y.npy"])
@pytest.mark.parametrize("numbers", [False, True])
def test_rows_without_a_label_are_left_out_whatever_is_in_the_features(
    tmp_path: Path, name: str, numbers: bool, gap: bool
) -> None:
    labels = [str(k / 2 + 1) if numbers else ["no", "yes"][k % 2] for k in range(40)]
    labels[5] = ""
    rows_and_labels(tmp_path, labels, gap=gap)
    plan = Plan(Options(missing="drop"))
    table = read_table(
        tmp_path / "x.csv", target=None, labels=tmp_path / name, dtype="float64",
        continuous=numbers, plan=plan,
    )  # fmt: skip
    kept = [k for k in range(40) if k != 5 and not (gap and k == 9)]
    assert table.X[:, 0].tolist() == kept
    found = np.asarray(table.target).tolist()
    assert found == [float(labels[k]) if numbers else labels[k] for k in kept]
    assert f"{name} (1)" in " ".join(table.notes)


@pytest.mark.parametrize("name", ["y.csv", "y.npy"])
def test_what_stands_for_a_missing_label_is_no_class(tmp_path: Path, name: str) -> None:
    rows_and_labels(tmp_path, ["no", "yes", "unknown", "yes"] * 10, gap=False)

    def read_with(missing: str) -> Any:
        plan = Plan(Options(missing=missing, na_values=("Unknown",)))
        return read_table(
            tmp_path / "x.csv", target=None, labels=tmp_path / name, dtype="float64", plan=plan
        )

    assert sorted({*np.asarray(read_with("drop").target).tolist()}) == ["no", "yes"]
    with pytest.raises(DataError, match=r"expected a label in every row, got .* missing='drop'"):
        read_with("impute")


def test_rows_of_a_validation_file_are_left_out_where_the_training_has_no_gap(
    tmp_path: Path,
) -> None:
    rows = [f"{k},{k % 7},{['no', 'yes'][k % 2]}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    rows[3] = "3,,yes"
    (tmp_path / "v.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    words = ["train", "t.csv", "--target", "y", "--iterations", 3, "--json", "--device", "cpu"]
    done = here(*words, "--validation", "v.csv", "--missing", "drop", "--out", "m", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json["validation_examples"] == 39
    said = "v.csv: 1 of 40 rows have missing values and are left out: b (1)"
    assert said in done.json["notes"]
    assert said in done.err
