"""Tables with text and gaps that several tests train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.command import train
from tests.support.encoded_columns import ROWS
from tests.support.encoded_tables import HEADER, many_rows, table_of
from tests.support.table_files import pa, write_parquet


@pytest.fixture(params=["csv", "parquet"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One table in both formats."""
    if request.param == "csv":
        return table_of(tmp_path / "people.csv", HEADER, ROWS)
    columns: dict[str, Any] = dict(zip(HEADER, map(list, zip(*ROWS, strict=True)), strict=True))
    columns["age"] = pa.array([30, None, 50, 20, None, 40])
    columns["town"] = pa.array(columns["town"]).dictionary_encode()
    columns["sex"] = pa.array(["f", "m", None, "m", "m", "?"])
    columns["fare"] = list(map(float, columns["fare"]))
    return write_parquet(tmp_path / "people.parquet", **columns)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    table_of(tmp_path / "d.csv", HEADER, many_rows(300))
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 50)
    return tmp_path
