"""Tables with text and gaps: read as training reads them, and their features by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.table import Table
from tests.support.command import Done
from tests.support.table_files import read

ROWS = [
    ["30", "York", "f", "7.5", "no"],
    ["", "Hull", "m", "8.5", "yes"],
    ["50", "York", "", "0.5", "no"],
    ["20", "Bath", "m", "1.5", "yes"],
    ["NA", "York", "m", "2.5", "yes"],
    ["40", "Hull", "?", "-3", "no"],
]


def planned(path: Path, *, target: str | None = "y", held_out: Any = None, **options: Any) -> Table:
    """The table as `gdnet train` reads it, without those of its rows that `held_out` says."""
    chosen = None if held_out is None else ~np.asarray(held_out)
    plan = Plan(Options(**options), None, lambda _: chosen)
    return read(path, np.float64, target=target, plan=plan)


def features(table: Table) -> dict[str, list[float]]:
    assert table.feature_names is not None
    return {name: table.X[:][:, j].tolist() for j, name in enumerate(table.feature_names)}


def probabilities(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return done.out.splitlines()[1:]
