"""The trial of real tables, on tables made up: at once, after a message, given up, and resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import real_tables
from bench.table_list import TABLES, Table


def test_real_tables_are_tried(monkeypatch: pytest.MonkeyPatch, run: Any, tmp_path: Path) -> None:
    for module in ("pandas", "pyarrow", "sklearn"):
        pytest.importorskip(module)
    assert len(TABLES) == len({table.name for table in TABLES}) == 58
    random = np.random.RandomState(0)
    X = random.randn(80, 2)
    rows = [f"{a},{b},{'ny'[a > 0]},{a + b}" for a, b in X.tolist()]
    contents = {
        "named": ["a,b,y,z", *rows],
        "numbers": ["a,b,y,z", *rows],
        "nameless": rows,
        "no table": ["only text", *("word " * 3 for _ in range(9))],
    }
    tables = (
        Table("p", "d/named.csv", "y"),
        Table("p", "d/numbers.csv", "z", numbers=True),
        Table("p", "d/nameless.csv", 3, above=0),
        Table("p", "d/no table.csv", "y"),
    )
    paths = {table.name: tmp_path / Path(table.file).name for table in tables}
    for path in paths.values():
        path.write_text("\n".join(contents[path.stem]) + "\n")
    monkeypatch.setattr(real_tables, "TABLES", tables)
    monkeypatch.setattr(real_tables, "fetch", lambda folder: paths)
    report = tmp_path / "report.md"
    found = run(real_tables, "--seeds", 2, "--markdown", report)["rows"]
    assert [row["outcome"] for row in found] == [
        "at once",
        "after one message",
        "after one message",
        "given up",
    ]
    assert found[1]["options"] == ["--task", "regression"]
    assert found[2]["options"] == ["--header", "no"]
    for row in found[:3]:
        assert row["test rows"] == 20
        assert [score["seed"] for score in row["scores"]] == [0, 1]
        for score in row["scores"]:
            assert score["gdnet"] > 0.7
            assert score["gdnet lbfgs"] > 0.7
            assert score["scikit-learn"] > 0.5
    page = report.read_text()
    assert "1 at once, 2 after one message, 1 given up" in page
    assert "| p/nameless.csv | after one message | `--header no` | 20 | accuracy |" in page
    assert "- p/no table.csv: " in page


def test_real_tables_go_on_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch, run: Any, out: Path, tmp_path: Path
) -> None:
    for module in ("pandas", "sklearn"):
        pytest.importorskip(module)
    random = np.random.RandomState(0)
    rows = [f"{a},{b},{'ny'[a > 0]}" for a, b in random.randn(80, 2).tolist()]
    path = tmp_path / "d.csv"
    path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    table = Table("p", "d/d.csv", "y")
    monkeypatch.setattr(real_tables, "TABLES", (table,))
    monkeypatch.setattr(real_tables, "fetch", lambda folder: {table.name: path})
    first = run(real_tables, "--seeds", 1)["rows"]
    first[0]["scores"][0]["gdnet"] = 0.123  # would be another if it were made again
    out.write_text(json.dumps(json.loads(out.read_text()) | {"rows": first}))
    (row,) = run(real_tables, "--seeds", 2, "--resume", "--jobs", 2)["rows"]
    assert [score["seed"] for score in row["scores"]] == [0, 1]
    assert row["scores"][0]["gdnet"] == 0.123
    assert row["scores"][1]["gdnet"] > 0.7
