"""``gdnet predict``: the same predictions from any format, in any number of batches."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.model import rows as stream
from gdnet.model.file import load_model
from gdnet.model.prediction import predict_outputs
from tests.support.command import Rows, gdnet, here, train, write_csv, write_parquet

NAMES = ["a", "b", "c"]
M = 300

WORDS = np.array(["no, never", 'so "so"', "yés"])


@pytest.fixture(scope="module")
def X() -> Rows:
    rows: Rows = np.random.RandomState(5).randn(M, 3) * [1, 20, 3] + [0, 100, -7]
    return rows


@pytest.fixture
def folder(tmp_path: Path, X: Rows) -> Path:
    write_csv(tmp_path / "d.csv", X, None, NAMES)
    write_parquet(tmp_path / "d.parquet", X, None, NAMES)
    np.save(tmp_path / "d.npy", X)
    np.savez(tmp_path / "d.npz", X=X)
    return tmp_path


def codes(X: Rows, classes: int) -> Rows:
    bounds = [-1.0, 1.0][: classes - 1]
    return np.asarray(np.digitize(X[:, 0] + X[:, 2] + 7, bounds))


def trained_on(folder: Path, X: Rows, y: Any, *options: object) -> None:
    write_parquet(folder / "train.parquet", X, y, [*NAMES, "y"])
    train(folder, "train.parquet", "--target", "y", "--iterations", 40, *options)


def predicted(folder: Path, data: str, *options: object) -> list[list[str]]:
    """The table that is written to stdout, header first."""
    done = here("predict", "m", data, *options, "--device", "cpu", cwd=folder)
    assert (done.code, done.err) == (0, "")
    return list(csv.reader(io.StringIO(done.out)))


def saved(folder: Path, data: str, *options: object) -> Rows:
    done = here("predict", "m", data, *options, "--out", "p.npy", "--device", "cpu", cwd=folder)
    assert done == (0, "", "")
    array: Rows = np.load(folder / "p.npy")
    return array


def numbers(table: list[list[str]]) -> Rows:
    return np.array(table[1:], np.float64)


@pytest.mark.parametrize("classes", [2, 3])
def test_every_format_gives_the_same(folder: Path, X: Rows, classes: int) -> None:
    trained_on(folder, X, WORDS[codes(X, classes)])
    tables = [predicted(folder, f"d.{end}") for end in ("csv", "parquet", "npy", "npz")]
    assert tables[0][0] == ["prediction"]
    assert len(tables[0]) == 1 + M
    assert {row[0] for row in tables[0][1:]} == set(WORDS[:classes])
    assert all(table == tables[0] for table in tables)

    proba = [numbers(predicted(folder, f"d.{e}", "--proba")) for e in ("csv", "parquet", "npy")]
    for other in proba[1:]:
        np.testing.assert_allclose(other, proba[0], atol=1e-6)
    assert proba[0].shape == (M, classes)
    np.testing.assert_allclose(proba[0].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(
        WORDS[proba[0].argmax(axis=1)], np.array(tables[0][1:], WORDS.dtype)[:, 0]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_and_logits(folder: Path, X: Rows, dtype: str) -> None:
    trained_on(folder, X, WORDS[codes(X, 2)], "--dtype", dtype, "--no-standardize")
    proba, logits = predicted(folder, "d.npy", "--proba"), predicted(folder, "d.npy", "--logits")
    assert proba[0] == ["probability_no, never", 'probability_so "so"']
    assert logits[0] == ['logit_so "so"']
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    by_hand = 1 / (1 + np.exp(-numbers(logits)[:, 0]))
    np.testing.assert_allclose(numbers(proba)[:, 1], by_hand, atol=tolerance)
    # What is printed is what is saved: every digit that tells numbers apart.
    for option, table in (("--proba", proba), ("--logits", logits)):
        array = saved(folder, "d.npy", option)
        assert array.dtype == dtype
        np.testing.assert_array_equal(numbers(table).astype(dtype), array)

    model = load_model(folder / "m")
    outputs = predict_outputs(model, X, get_backend("cpu"))
    np.testing.assert_array_equal(saved(folder, "d.npy", "--logits"), outputs.Z2)


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        (["no", "yes"], ["no", "yes"]),
        ([-3, 10], ["-3", "10"]),
        ([1.0, 2.0], ["1.0", "2.0"]),
        ([False, True], ["False", "True"]),
    ],
)
def test_labels_keep_their_type(
    folder: Path, X: Rows, labels: list[Any], written: list[str]
) -> None:
    trained_on(folder, X, np.array(labels)[codes(X, 2)])
    array = saved(folder, "d.npz")
    assert array.dtype.kind == np.array(labels).dtype.kind
    assert array.shape == (M,)
    assert set(array.tolist()) == set(labels)
    assert {row[0] for row in predicted(folder, "d.npz")[1:]} == set(written)
    assert (array == np.array(labels)[codes(X, 2)]).mean() > 0.9


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 7], [False, True]])
def test_labels_of_a_csv_file_come_back_as_they_were(
    folder: Path, X: Rows, labels: list[Any]
) -> None:
    y = np.array(labels)[codes(X, 2)]
    write_csv(folder / "train.csv", X, y, [*NAMES, "y"])
    train(folder, "train.csv", "--target", "y", "--iterations", 40)
    array = saved(folder, "d.csv")
    assert array.dtype.kind == y.dtype.kind
    assert set(array.tolist()) == set(labels)


def test_several_labels_a_row(folder: Path, X: Rows) -> None:
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 100, X[:, 2] > -7]).astype(np.uint8)
    np.save(folder / "Y.npy", Y)
    train(folder, "d.npy", "--labels", "Y.npy", "--iterations", 200, "--learning-rate", 1)
    labels, proba = predicted(folder, "d.npy"), predicted(folder, "d.npy", "--proba")
    assert labels[0] == ["label_0", "label_1", "label_2"]
    assert proba[0] == ["probability_0", "probability_1", "probability_2"]
    np.testing.assert_array_equal(numbers(labels), numbers(proba) > 0.5)
    assert (numbers(labels) == Y).mean() > 0.95
    assert saved(folder, "d.npy").shape == (M, 3)
    assert predicted(folder, "d.npy", "--logits")[0] == ["logit_0", "logit_1", "logit_2"]


def test_columns_are_found_by_name(folder: Path, X: Rows) -> None:
    trained_on(folder, X, codes(X, 2))
    expected = predicted(folder, "d.csv", "--proba")
    towns = np.array(["Rome"] * M)
    write_csv(folder / "e.csv", X[:, [2, 0, 1]], towns, ["c", "a", "b", "town"])
    write_parquet(folder / "e.parquet", X[:, [2, 0, 1]], towns, ["c", "a", "b", "town"])
    for name in ("e.csv", "e.parquet"):
        assert predicted(folder, name, "--proba") == expected


def test_batches_change_nothing(folder: Path, X: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_on(folder, X, WORDS[codes(X, 3)])
    labels, proba = predicted(folder, "d.csv"), predicted(folder, "d.csv", "--proba")
    array = saved(folder, "d.csv")
    monkeypatch.setattr(stream, "MAX_ROWS", 7)
    for name in ("d.csv", "d.parquet", "d.npy", "d.npz"):
        assert predicted(folder, name) == labels
        np.testing.assert_array_equal(saved(folder, name), array)
        in_batches = predicted(folder, name, "--proba")
        assert in_batches[0] == proba[0]
        np.testing.assert_allclose(numbers(in_batches), numbers(proba), rtol=1e-9)
        np.testing.assert_allclose(saved(folder, name, "--proba"), numbers(proba), rtol=1e-9)


def test_more_rows_than_a_batch(tmp_path: Path) -> None:
    X = np.random.RandomState(6).randn(2 * stream.MAX_ROWS + 5, 2)
    np.savez(tmp_path / "d.npz", X=X, y=(X[:, 0] > 0).astype(int))
    train(tmp_path, "d.npz", "--iterations", 2, "--hidden", 3)
    outputs = predict_outputs(load_model(tmp_path / "m"), X.astype(np.float32), get_backend("cpu"))
    logits = saved(tmp_path, "d.npz", "--logits")
    np.testing.assert_allclose(logits, outputs.Z2, rtol=1e-12)
    assert len(predicted(tmp_path, "d.npz")) == 1 + len(X)


def test_file_is_what_stdout_is(folder: Path, X: Rows) -> None:
    trained_on(folder, X, WORDS[codes(X, 3)])
    shown = gdnet("predict", "m", "d.csv", "--device", "cpu", cwd=folder)
    assert shown.err == ""
    (folder / "p.csv").write_text("old")
    options = ["--out", "p.csv", "--device", "cpu"]
    assert gdnet("predict", "m", "d.csv", *options, cwd=folder) == (0, "", "")
    assert (folder / "p.csv").read_text() == shown.out


@pytest.mark.parametrize("name", ["p.json", "p.csv.gz", "p.npz", "p.txt"])
def test_a_format_that_is_not_written_is_refused_at_once(folder: Path, name: str) -> None:
    done = here("predict", "no model", "no data", "--out", name, cwd=folder)
    assert (done.code, done.out) == (2, "")
    got = name[name.rindex(".") :]
    assert done.err == (
        f"gdnet: {name}: expected the name of a .csv or .parquet or .npy file to write, got {got}\n"
    )
    assert not (folder / name).exists()


def test_a_name_without_extension_or_in_capitals(folder: Path, X: Rows) -> None:
    trained_on(folder, X, codes(X, 2))
    for name in ("p", "P.CSV", "P.NPY"):
        done = here("predict", "m", "d.csv", "--out", name, "--device", "cpu", cwd=folder)
        assert (done.code, done.err) == (0, "")
    assert (folder / "p").read_bytes() == (folder / "P.CSV").read_bytes()
    assert (folder / "p").read_text().startswith("prediction\n")
    assert len(np.load(folder / "P.NPY")) == len(X)


@pytest.mark.parametrize("taken", ["m", "d.csv", "link.csv"])
def test_the_model_and_the_data_are_not_overwritten(folder: Path, X: Rows, taken: str) -> None:
    trained_on(folder, X, codes(X, 2))
    (folder / "link.csv").symlink_to("d.csv")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = here("predict", "m", "d.csv", "--out", taken, cwd=folder)
    assert done.code == 2
    assert f"{taken}: expected a file of its own for the predictions, got " in done.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_file_that_is_there_stays_if_a_row_is_bad(folder: Path, X: Rows) -> None:
    trained_on(folder, X, codes(X, 2))
    (folder / "p.csv").write_text("old")
    with (folder / "d.csv").open("a") as file:
        file.write("1,2,three\n")
    before = sorted(folder.iterdir())
    done = here("predict", "m", "d.csv", "--out", "p.csv", "--device", "cpu", cwd=folder)
    assert done.code == 2
    assert f"numbers, got 'three' in line {M + 2}, column 'c'" in done.err
    assert (folder / "p.csv").read_text() == "old"
    assert sorted(folder.iterdir()) == before
