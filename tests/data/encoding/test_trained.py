"""Models that encode: evaluated, predicted, resumed and started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.encoded_columns import probabilities
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, write_parquet


def test_columns_are_found_by_name_in_any_order(trained: Path) -> None:
    rows = many_rows(100, seed=1)
    table_of(trained / "new.csv", HEADER, rows)
    order = [4, 2, 0, 3, 1]
    mixed = [["9", *(row[k] for k in order)] for row in rows]
    table_of(trained / "mixed.csv", ["id", *(HEADER[k] for k in order)], mixed)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*rows, strict=True)), strict=True))
    columns["age"] = pa.array([int(age) if age else None for age in columns["age"]])
    columns["fare"] = [float(fare) for fare in columns["fare"]]
    columns["town"] = pa.array(columns["town"]).dictionary_encode()
    del columns["y"]
    write_parquet(trained / "new.parquet", **columns)
    found = [
        probabilities(here("predict", "m", name, "--proba", cwd=trained))
        for name in ("new.csv", "mixed.csv", "new.parquet")
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 100


def test_evaluation_of_the_training_data_is_that_of_the_summary(trained: Path) -> None:
    summary = train(trained, "d.csv", "--target", "y", "--quiet", "--iterations", 50)
    done = here("evaluate", "m", "d.csv", "--json", cwd=trained)
    assert done.json["accuracy"] == summary["train_accuracy"]
    assert done.json["log_loss"] == pytest.approx(summary["train_log_loss"], rel=1e-6)
    assert done.json["accuracy"] > 0.85


def test_what_training_has_not_seen_is_counted_and_said(trained: Path) -> None:
    rows = [
        ["30", "York", "f", "", "no"],
        ["30", "Rome", "x", "1", "no"],
        ["30", "", "", "2", "no"],
    ]
    table_of(trained / "new.csv", HEADER, rows)
    done = here("predict", "m", "new.csv", "--device", "cpu", cwd=trained)
    assert done.err == (
        "gdnet: new.csv: missing where training had every number, taken to be the mean: fare (1)\n"
        "gdnet: new.csv: missing where training had every value, taken as none of them: sex (1)\n"
        "gdnet: new.csv: values that training did not have, taken as none of those it had: "
        "town (1), sex (1)\n"
    )
    assert here("predict", "m", "new.csv", "--quiet", cwd=trained).err == ""
    model = load_model(trained / "m")
    assert model.encoding is not None
    fare = next(column for column in model.encoding.columns if column.name == "fare")
    filled = [["30", "York", "f", repr(fare.mean), "no"], *rows[1:]]
    table_of(trained / "filled.csv", HEADER, filled)
    one, two = (
        here("predict", "m", f"{n}.csv", "--proba", cwd=trained).out for n in ("new", "filled")
    )
    assert one == two


def test_columns_that_a_model_needs(trained: Path) -> None:
    table_of(trained / "new.csv", HEADER[1:], [row[1:] for row in many_rows(5)])
    done = here("predict", "m", "new.csv", cwd=trained)
    assert (done.code, "a feature column 'age', got columns" in done.err) == (2, True)
    write_parquet(trained / "new.parquet", age=["x"], town=["York"], sex=["f"], fare=[0.5])
    done = here("predict", "m", "new.parquet", cwd=trained)
    assert done.code == 2
    assert "expected columns of numbers, got age (type string)" in done.err
    write_parquet(trained / "new.parquet", age=pa.nulls(1), town=pa.nulls(1), sex=["f"], fare=[0.5])
    assert here("predict", "m", "new.parquet", cwd=trained).code == 0


def test_validation_file(trained: Path) -> None:
    table_of(trained / "v.csv", HEADER, [*many_rows(60, seed=3), ["", "Rome", "f", "", "no"]])
    options = ["d.csv", "--target", "y", "--validation", "v.csv", "--iterations", 5, "--out", "m"]
    done = here("train", *options, "--json", "--device", "cpu", cwd=trained)
    assert done.json["validation_examples"] == 61
    assert "v.csv: missing where training had every number" in done.err
    done = here("train", *options, "--json", "--missing", "drop", cwd=trained)
    complete = [row for row in many_rows(60, seed=3) if all(row)]
    assert done.json["validation_examples"] == len(complete)


def test_regression(tmp_path: Path) -> None:
    rows = [[*row[:4], f"{len(row[1]) + 0.25}"] for row in many_rows(300)]
    table_of(tmp_path / "d.csv", HEADER, rows)
    facts = train(
        tmp_path, "d.csv", "--target", "y", "--task", "regression", "--quiet", "--iterations", 300
    )
    assert facts["train_r2"] > 0.95
    assert here("evaluate", "m", "d.csv", "--json", cwd=tmp_path).json["r2"] > 0.95


def test_start_from_a_model_with_its_encoding(trained: Path) -> None:
    table_of(trained / "other.csv", HEADER, many_rows(200, seed=9))
    options = ["other.csv", "--target", "y", "--init", "m", "--iterations", 5, "--out", "n"]
    assert here("train", *options, cwd=trained).code == 0
    one, two = load_model(trained / "m"), load_model(trained / "n")
    assert one.encoding is not None
    assert two.encoding is not None
    assert one.encoding.to_json() == two.encoding.to_json()
    done = here("train", *options, "--max-categories", 5, "--text", "ignore", cwd=trained)
    assert done.code == 2
    assert "its model has its own way to encode columns: leave --text, --max-categories" in done.err
    done = here("train", *options, "--ignore", "age", cwd=trained)
    assert (done.code, "takes the column 'age'" in done.err) == (2, True)
    table_of(trained / "other.csv", HEADER[1:], [row[1:] for row in many_rows(20)])
    done = here("train", *options, cwd=trained)
    assert (done.code, "expected a feature column 'age'" in done.err) == (2, True)


def test_start_from_a_model_of_numbers(tmp_path: Path) -> None:
    rows = [[f"{i}.5", f"{i % 7}", "ab"[i % 2], str(i % 2)] for i in range(40)]
    table_of(tmp_path / "d.csv", ["x", "z", "t", "y"], rows)
    train(tmp_path, "d.csv", "--target", "y", "--text", "ignore", "--quiet", "--iterations", 5)
    options = ["d.csv", "--target", "y", "--init", "m", "--iterations", 5, "--out", "n"]
    done = here("train", *options, cwd=tmp_path)
    assert done.code == 0
    assert "ignored columns: t (text such as 'a')" in done.err
    done = here("train", *options, "--text", "encode", cwd=tmp_path)
    assert (done.code, "with the features of the training" in done.err) == (2, True)


def test_a_checkpoint_is_of_an_encoding(trained: Path) -> None:
    options = ["d.csv", "--target", "y", "--iterations", 20, "--checkpoint", "c", "--quiet"]
    train(trained, *options)
    content = (trained / "m").read_bytes()
    train(trained, *options, "--resume")
    assert (trained / "m").read_bytes() == content
    done = here("train", *options, "--resume", "--max-categories", "2", cwd=trained)
    assert (done.code, "the checkpoint is of another run" in done.err) == (2, True)
