"""Writing and reading small files of rows, for the tests of the readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gdnet.data.files import read_table
from gdnet.data.table import Table

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

M, N0 = 1234, 5
NAMES = tuple(f"f{j}" for j in range(N0))


def read(path: Path, dtype: npt.DTypeLike = np.float32, **options: Any) -> Table:
    options = {"target": None, "labels": None} | options
    return read_table(path, dtype=dtype, **options)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_csv(path: Path, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Path:
    lines = [",".join([*NAMES, "y"])]
    for row, label in zip(X.tolist(), y.tolist(), strict=True):
        lines.append(",".join([*map(repr, row), str(label)]))
    return write(path, "\n".join(lines) + "\n")


def write_parquet(path: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(columns), path, row_group_size=100)
    return path
