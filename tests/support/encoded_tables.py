"""Tables with text and gaps, written as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.table_files import write

HEADER = ["age", "town", "sex", "fare", "y"]


def table_of(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return write(path, text.getvalue())


def many_rows(m: int, seed: int = 0) -> list[list[str]]:
    random = np.random.RandomState(seed)
    rows = []
    for i in range(m):
        age = "" if random.rand() < 0.2 else f"{random.randint(18, 80)}"
        town = random.choice(["York", "Hull", "Bath", "", "Leeds"], p=[0.4, 0.3, 0.2, 0.05, 0.05])
        label = "yes" if (town in ("York", "Bath")) ^ (random.rand() < 0.1) else "no"
        rows.append([age, str(town), "fm"[i % 2], f"{random.randn():.3f}", label])
    return rows
