"""An iteration of 28-128-1 under each setting: block size, threads, dtype, activation, storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.problems import Problem, problem
from bench.timing import time_iterations
from gdnet.activations import ACTIVATIONS
from gdnet.backends import get_backend
from gdnet.backends.host import usable_cpus
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.source import RowSource
from gdnet.objective.full_batch import FullBatch

SHAPE = (28, 128, 1)
EXAMPLES, TINY_EXAMPLES = 100_000, 1_000
COLUMNS = (512, 1024, 2048, 4096, 8192, 16384)
THREADS = tuple(sorted({1, 2, usable_cpus()}))


@pytest.fixture
def m(request: pytest.FixtureRequest) -> int:
    return TINY_EXAMPLES if request.config.getoption("--tiny") else EXAMPLES


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return request.getfixturevalue("cuda") if name == "cuda" else name


@pytest.mark.parametrize("columns", COLUMNS)
def test_block_size(columns: int, m: int, benchmark: Any) -> None:
    benchmark.group = "block size"
    _time(benchmark, problem(SHAPE, m), "cpu", block_columns=columns)


@pytest.mark.parametrize("threads", THREADS)
def test_threads(threads: int, m: int, benchmark: Any) -> None:
    benchmark.group = "threads"
    _time(benchmark, problem(SHAPE, m), "cpu", threads=threads)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(device: str, dtype: str, m: int, benchmark: Any) -> None:
    benchmark.group = "dtype"
    _time(benchmark, problem(SHAPE, m, dtype), device, dtype=dtype)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(device: str, activation: str, m: int, benchmark: Any) -> None:
    benchmark.group = "activation"
    _time(benchmark, problem(SHAPE, m), device, activation=activation)


@pytest.mark.parametrize("storage", ["resident", "mapped", "streamed"])
def test_storage(storage: str, m: int, benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "storage"
    case = problem(SHAPE, m)
    rows: Any = case.rows
    if storage != "resident":
        np.save(tmp_path / "X.npy", rows)
        mapped = storage == "mapped"
        rows = np.load(tmp_path / "X.npy", mmap_mode="r") if mapped else RowFile(tmp_path / "X.npy")
    _time(benchmark, case, "cpu", rows=rows, storage=storage)


def _time(
    benchmark: Any,
    case: Problem,
    device: str,
    *,
    rows: Any = None,
    threads: int | None = None,
    storage: str = "resident",
    **settings: Any,
) -> None:
    source = RowSource(case.rows if rows is None else rows, case.labels.reshape(1, -1))
    backend = get_backend(device, threads=threads)
    gradient = FullBatch(source, backend, n1=SHAPE[1], **settings)
    time_iterations(benchmark, gradient, case, threads=threads, storage=storage)
