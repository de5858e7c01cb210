"""One full-batch iteration, gradient and update, on NumPy and on CuPy over a sweep of m."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench import lecture
from bench.problems import SHAPES, Problem, Shape, name_of, problem
from bench.timing import time_iterations
from gdnet.backends import Backend, get_backend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

SWEEP = (400, 10_000, 100_000, 1_000_000, 10_000_000)
TINY_SWEEP = (400, 3_000)
# What keeps the CPU half under 3 minutes on 2 cores, and the CUDA half about as long on a GPU.
MAX_INPUT_BYTES = {"cpu": 150e6, "cuda": 4e9}

# Relative to the float64 reference. TF32 would give about 3e-4.
TOLERANCE = 1e-5
REFERENCE_COLUMNS = 2**16

# A test that is skipped or fails before the timing leaves it unused, which says nothing more.
pytestmark = pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases = [
        pytest.param(device, shape, m, id=f"{device}-{name_of(shape)}-m={m}")
        for shape in SHAPES
        for m in (TINY_SWEEP if metafunc.config.getoption("--tiny") else SWEEP)
        for device, most in MAX_INPUT_BYTES.items()
        if 4 * m * shape[0] <= most
    ]
    metafunc.parametrize(("backend", "shape", "m"), cases, indirect=["backend"])


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """NumPy with default threads, or the GPU that --device names."""
    device = request.param
    return get_backend(request.getfixturevalue("cuda") if device == "cuda" else device)


def test_iteration(backend: Backend, shape: Shape, m: int, benchmark: Any) -> None:
    _skip_unless_it_fits(backend, 4 * m * shape[0])
    case = problem(shape, m)
    gradient = case.full_batch(backend)
    _check_parity(gradient, case)

    benchmark.group = f"{name_of(shape)}, m = {m}"
    time_iterations(benchmark, gradient, case, data_mb=case.data_bytes / 1e6)


def _skip_unless_it_fits(backend: Backend, data_bytes: int) -> None:
    for name, memory in (("host", get_backend("cpu").memory()), (backend.name, backend.memory())):
        if memory.total is not None and 2 * data_bytes > memory.total:
            pytest.skip(
                f"the data take {data_bytes / 1e9:.1f} GB, more than half the memory of {name}"
            )


def _check_parity(gradient: FullBatch, case: Problem) -> None:
    """Compare with float64: NumPy with the lecture's code, CuPy with NumPy."""
    J, *gradients = _on_host(gradient, case)
    if gradient.backend.name == "cpu":
        reference = _lecture_reference(case)
    else:
        reference = _on_host(
            case.full_batch(get_backend("cpu", engine="reference"), np.float64), case
        )
    assert pytest.approx(reference[0], rel=TOLERANCE) == J
    # A bias gradient is a sum that nearly cancels: its error is that of the whole gradient.
    scale = max(np.linalg.norm(each) for each in reference[1:])
    for name, ours, theirs in zip(
        ("dW1", "db1", "dW2", "db2"), gradients, reference[1:], strict=True
    ):
        error = np.linalg.norm(ours - theirs) / scale
        assert error <= TOLERANCE, f"{name}: error {error:.1e}"


def _on_host(gradient: FullBatch, case: Problem) -> list[Any]:
    backend = gradient.backend
    with backend.activate():
        J, gradients = gradient.value_and_gradient(gradient.place(case.parameters))
        return [float(J), *(backend.to_numpy(each) for each in gradients)]


def _lecture_reference(case: Problem) -> list[Any]:
    """Sum the lecture's code in float64 over parts, because whole arrays may not fit in memory."""
    parameters = Parameters(*(p.astype(np.float64) for p in case.parameters))
    total: list[Any] = [0.0] * 5
    for lo in range(0, case.m, REFERENCE_COLUMNS):
        part = slice(lo, lo + REFERENCE_COLUMNS)
        rows = case.rows[part].astype(np.float64)
        piece = case._replace(rows=rows, labels=case.labels[part])
        J, gradients = lecture.cost_and_gradients(parameters, rows.T, piece.Y())
        total = [
            t + each * (piece.m / case.m) for t, each in zip(total, (J, *gradients), strict=True)
        ]
    return total
