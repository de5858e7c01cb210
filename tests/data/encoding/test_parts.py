"""Text and missing values in several files, with several targets, and what columns matter."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, parquet


def test_parts_are_one_table(tmp_path: Path) -> None:
    rows = many_rows(300)
    table_of(tmp_path / "all.csv", HEADER, rows)
    table_of(tmp_path / "a.csv", HEADER, rows[:120])
    whole = table_of(tmp_path / "b.csv", HEADER, rows[120:])
    with gzip.open(tmp_path / "b.csv.gz", "wb") as file:
        file.write(whole.read_bytes())
    options = ["--target", "y", "--quiet", "--iterations", 10, "--validation", 0.2]
    for missing in ("impute", "drop"):
        train(tmp_path, "all.csv", *options, "--missing", missing)
        train(tmp_path, "a.csv", "b.csv.gz", *options, "--missing", missing, out="n")
        one, two = load_model(tmp_path / "m"), load_model(tmp_path / "n")
        assert one.encoding is not None
        assert two.encoding is not None
        assert one.encoding.to_json() == two.encoding.to_json()
        for mine, theirs in zip(one.parameters, two.parameters, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        found = [
            here("predict", "n", *data, "--quiet", cwd=tmp_path).out
            for data in (["all.csv"], ["a.csv", "b.csv.gz"])
        ]
        assert found[0] == found[1]


def test_keys_of_partitions_are_text(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    for town in ("York", "Hull"):
        x = random.randn(50)
        (tmp_path / "data" / f"town={town}").mkdir(parents=True)
        columns = {"x": x, "y": ["yes" if (town == "York") ^ (v > 1) else "no" for v in x]}
        parquet.write_table(pa.table(columns), tmp_path / "data" / f"town={town}" / "0.parquet")
    facts = train(tmp_path, "data", "--target", "y", "--quiet", "--iterations", 300)
    assert facts["features"] == 3
    assert facts["train_accuracy"] > 0.9
    done = here("evaluate", "m", "data", "--json", cwd=tmp_path)
    assert done.json["accuracy"] == facts["train_accuracy"]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_several_targets_with_gaps(tmp_path: Path, task: str) -> None:
    rows = [[*row[:4], str(i % 2), str(int(row[2] == "f"))] for i, row in enumerate(many_rows(200))]
    rows[3][4], rows[90][5] = "", "NA"
    table_of(tmp_path / "d.csv", [*HEADER[:4], "p", "q"], rows)
    options = ["d.csv", "--target", "p,q", "--iterations", 20, "--task", task, "--out", "m"]
    done = here("train", *options, cwd=tmp_path)
    assert done.code == 2
    assert "column 'p'" in done.err
    assert "column 'q'" in done.err
    assert "--missing drop" in done.err
    done = here("train", *options, "--missing", "drop", "--validation", 0.2, "--json", cwd=tmp_path)
    assert done.code == 0
    complete = sum(all(row) and "NA" not in row for row in rows)
    assert done.json["examples"] + done.json["validation_examples"] == complete
    assert done.json["outputs"] == 2
    assert here("predict", "m", "d.csv", "--quiet", cwd=tmp_path).code == 0


def test_importance_is_that_of_the_columns(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    table_of(tmp_path / "d.csv", HEADER, many_rows(400))
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 100)
    done = here("plot", "importance", "m", "d.csv", "--out", "i.svg", cwd=tmp_path)
    assert done.code == 0, done.err
    assert (tmp_path / "i.svg").stat().st_size
