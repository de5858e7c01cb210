"""Encoded rows in a temporary file, and in any batches: the bits of those in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet.data.encoding.learner as learner
from gdnet.data import storage
from gdnet.data.encoding.encoding import Options
from tests.support.command import here, train
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, write_parquet


def test_a_temporary_file_has_the_bits_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = many_rows(5000)
    table_of(tmp_path / "d.csv", HEADER, rows)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*rows, strict=True)), strict=True))
    columns["age"] = pa.array([float(age) if age else None for age in columns["age"]])
    columns["fare"] = [float(fare) for fare in columns["fare"]]
    write_parquet(tmp_path / "d.parquet", **columns)
    for name in ("d.csv", "d.parquet"):
        for missing in ("impute", "drop"):
            options = [name, "--target", "y", "--validation", 0.2, "--iterations", 3, "--quiet"]
            options += ["--missing", missing]
            in_memory = train(tmp_path, *options)
            assert in_memory["storage"] == "memory"
            content = (tmp_path / "m").read_bytes()
            with monkeypatch.context() as patch:
                patch.setattr(storage, "available_memory", lambda: 1000)
                done = here("train", *options, "--json", "--out", "m", cwd=tmp_path)
            assert done.json["storage"] == "temporary file"
            assert (tmp_path / "m").read_bytes() == content


def test_size_that_is_named_beforehand_is_that_of_the_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_of(tmp_path / "d.csv", HEADER, many_rows(3000))
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    monkeypatch.setattr(storage, "GIB", 1000)
    done = here("train", "d.csv", "--target", "y", "--iterations", 2, "--json", cwd=tmp_path)
    size = 3000 * done.json["features"] * 4 / 1000
    assert f"{size:.1f} GiB of rows go to a temporary file" in done.err


def test_means_do_not_depend_on_batches() -> None:
    random = np.random.RandomState(0)
    columns = {"a": random.randn(20_000) * 1e6, "b": random.rand(20_000)}
    columns["a"][random.rand(20_000) < 0.1] = np.nan
    batch = pa.RecordBatch.from_pydict(columns)
    found = []
    for height in (20_000, 1, 777, 4096):
        each = learner.Learner(["a", "b"], (), Options())
        for lo in range(0, 20_000, height):
            each.add(batch.slice(lo, height))
        found.append(each.learnt()[0].to_json())  # type: ignore[union-attr]
    assert all(each == found[0] for each in found)
    means = [column["mean"] for column in found[0]["columns"]]
    np.testing.assert_allclose(means, [np.nanmean(columns["a"]), columns["b"].mean()], rtol=1e-13)
    one = learner.Learner(["a"], (), Options())
    one.add(batch)
    assert one.learnt()[0].columns[0].mean == means[0]  # type: ignore[union-attr]
