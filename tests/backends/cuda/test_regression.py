"""Numbers to be predicted by the kernels of CUDA: half the squared error, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.backends.cuda import staging
from gdnet.data.source import ArraySource
from gdnet.descent import descend
from gdnet.descent.divergence import cost_of_guessing
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.support.checkpoint_runs import assert_same
from tests.support.cuda_problems import on_fake
from tests.support.regression_problems import SOLVERS, first, full_batch, problem


@pytest.mark.parametrize("target_dtype", ["float64", "float32", "float16", "int16"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("engine", "n1", "n2"),
    [("fused", 4, 1), ("fused", 40, 1), ("cublas_fused", 4, 1), ("cublas_fused", 4, 3)],
)
def test_the_kernels_of_cuda_have_half_the_squared_error(
    engine: str,
    n1: int,
    n2: int,
    weighted: bool,
    target_dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, Y, w = problem(n2, dtype="float32")
    Y = (10 * Y - 30).astype(target_dtype)
    weights = w if weighted else None
    backend = on_fake(monkeypatch, engine=engine)
    start = initialise(6, n1, n2, random_state=1)
    W1, b1, W2, b2 = start
    A1 = np.tanh(W1 @ rows.T.astype(np.float64) + b1)
    dZ2 = W2 @ A1 + b2 - Y
    share = (w if weighted else np.ones((1, 300))) / (w.sum() if weighted else 300)
    J = (share * dZ2**2).sum() / 2
    dZ2 *= share
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    want = dZ1 @ rows, dZ1.sum(1, keepdims=True), dZ2 @ A1.T, dZ2.sum(1, keepdims=True)
    for block_columns in (300, 128):
        batch = FullBatch(
            ArraySource(rows.T, Y, weights, continuous=True),
            backend,
            n1=n1,
            output="identity",
            block_columns=block_columns,
        )
        assert batch.engine == engine
        with backend.activate():
            got_J, got = batch.value_and_gradient(batch.place(start))
        assert float(got_J) == pytest.approx(J, rel=2e-6)
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_allclose(backend.to_numpy(ours), theirs, rtol=1e-5, atol=3e-5)


def test_auto_computes_numbers_by_the_kernels_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch)
    assert [full_batch(backend, n2).engine for n2 in (1, 3)] == ["cublas_fused"] * 2


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_learns_by_the_fused_kernel(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"solver": SOLVERS[solver], "iterations": 30}
    cpu = full_batch(get_backend("cpu", engine="reference"))
    expected = descend(cpu, first(), **settings)
    for n in (4, 30):  # as register_resident.cu and as fused.cu
        batch = full_batch(on_fake(monkeypatch, engine="fused"), n1=n, dtype="float32")
        run = descend(batch, initialise(6, n, 1, random_state=1), **settings)
        if n == 4:
            np.testing.assert_allclose(run.costs[:20], expected.costs[:20], rtol=1e-4)
        assert run.final_cost < 0.75 * cost_of_guessing(batch)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_numbers_streamed_to_a_device_give_the_bits_of_those_kept_there(
    dtype: str, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(staging, "PIECE_BYTES", 4096)
    rows, Y, w = problem(2, 2000, dtype)
    start = initialise(6, 4, 2, random_state=0, dtype=dtype)
    found = []
    for memory in (10**9, 90_000):
        backend = on_fake(monkeypatch, memory=memory)
        source = ArraySource(rows.T, Y, w if weighted else None, continuous=True)
        batch = FullBatch(source, backend, n1=4, output="identity", dtype=dtype, block_columns=256)
        run = descend(batch, start, learning_rate=0.1, iterations=4)
        assert backend.xp.trace.hazards == []
        found.append((run, backend.xp.trace.bytes_to_device))
    assert_same(found[0][0], found[1][0])
    assert found[1][1] > 2 * found[0][1]  # some blocks were copied in every pass
    # The targets are float64, and are copied in what is computed in.
    numbers = 2000 * (6 + 2 + weighted)
    assert found[0][1] == pytest.approx(numbers * np.dtype(dtype).itemsize, rel=0.02)
    cpu = FullBatch(
        ArraySource(rows.T, Y, w if weighted else None, continuous=True),
        get_backend("cpu"),
        n1=4,
        output="identity",
        dtype=dtype,
    )
    on_cpu = descend(cpu, start, learning_rate=0.1, iterations=4)
    np.testing.assert_allclose(found[0][0].costs, on_cpu.costs, rtol=1e-5)
