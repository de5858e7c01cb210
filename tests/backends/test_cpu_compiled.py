"""The engine "compiled": the numbers of the equations, the same bits in any schedule."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.backends.cpu_compiled import ACTIVATIONS
from gdnet.checkpoint import Checkpoint
from gdnet.data.source import ArraySource
from gdnet.descent import DescentState, Next, descend
from gdnet.errors import Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters
from tests.support.compiled_engine import (
    OTHER_OUTPUTS,
    full_batch,
    needs_kernels,
    on_host,
    start,
)

# Few features, with examples along the lanes, and many, with hidden units along them; as many
# hidden units as lanes, more, and fewer.
SHAPES = [
    (1, 1),
    (2, 4),
    (3, 16),
    (8, 33),
    (9, 1),
    (13, 7),
    (28, 128),
    (33, 16),
    (64, 100),
    (256, 65),
]


@needs_kernels
@pytest.mark.parametrize("g1", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_numbers_are_those_of_the_equations(shape: tuple[int, int], g1: str) -> None:
    p = start(shape)
    for m in (1, 47, 130, 1003):
        for weighted in (False, True):
            J, expected = full_batch(
                shape, m, activation=g1, engine="reference", weighted=weighted
            ).value_and_gradient(p)
            for dtype, digits in (("float64", 2e-14), ("float32", 2e-5)):
                of = full_batch(
                    shape, m, dtype, activation=g1, weighted=weighted, block_columns=400
                )
                assert of.engine == "compiled"
                if g1 == "relu" and dtype == "float32":
                    continue  # rounding moves examples across the kink
                cost, gradients = of.value_and_gradient(Parameters(*(a.astype(dtype) for a in p)))
                assert float(cost) == pytest.approx(float(J), rel=digits)
                for got, true in zip(on_host(gradients), on_host(expected), strict=True):
                    size = max(np.abs(true).max(), 1e-2)
                    np.testing.assert_allclose(got, true, rtol=0, atol=digits * size)


@needs_kernels
@pytest.mark.parametrize(("shape", "output"), OTHER_OUTPUTS)
def test_numbers_of_other_outputs(shape: tuple[int, ...], output: str) -> None:
    p = start(shape)
    for m in (1, 47, 130, 1003):
        for weighted in (False, True):
            settings: dict[str, Any] = {"output": output, "weighted": weighted}
            J, expected = full_batch(shape, m, engine="reference", **settings).value_and_gradient(p)
            for dtype, digits in (("float64", 2e-14), ("float32", 2e-5)):
                of = full_batch(shape, m, dtype, block_columns=400, **settings)
                assert of.engine == "compiled"
                cost, gradients = of.value_and_gradient(Parameters(*(a.astype(dtype) for a in p)))
                assert float(cost) == pytest.approx(float(J), rel=digits)
                for got, true in zip(on_host(gradients), on_host(expected), strict=True):
                    size = max(np.abs(true).max(), 1e-2)
                    np.testing.assert_allclose(got, true, rtol=0, atol=digits * size)


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_softmax_of_sure_and_of_equal_classes(dtype: str) -> None:
    X, Y = np.eye(4, dtype=dtype), np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.uint8)
    # Z2 is a column of W2: sure and right, sure and wrong, all equal, and two that are equal.
    W2 = np.array([[50, 90, 0, 5], [0, 0, 0, -80], [0, -1, 0, 5]], dtype)
    p = Parameters(np.eye(4, dtype=dtype), np.zeros((4, 1), dtype), W2, np.zeros((3, 1), dtype))
    of = FullBatch(
        ArraySource(X, Y),
        get_backend("cpu", engine="compiled"),
        n1=4,
        activation="identity",
        output="softmax",
        dtype=dtype,
    )
    losses = [2 * np.exp(-50.0), 90 + np.exp(-91.0), np.log(3), np.log(2)]
    for i, loss in enumerate(losses):
        weights = np.full((1, 4), 1e-30)
        weights[0, i] = 1
        of = FullBatch(
            ArraySource(X, Y, weights=weights),
            get_backend("cpu", engine="compiled"),
            n1=4,
            activation="identity",
            output="softmax",
            dtype=dtype,
        )
        assert float(of.value(p)) == pytest.approx(loss, rel=1e-6 if dtype == "float32" else 1e-14)


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 4), (28, 40), (3, 5, 2), (28, 40, 10)])
def test_many_iterations_at_a_time_are_single_steps(shape: tuple[int, ...], dtype: str) -> None:
    for weighted in (False, True):
        for g1 in ACTIVATIONS:
            of = full_batch(shape, 300, dtype, weighted=weighted, activation=g1)
            assert of.descends
            p: Parameters = start(shape, dtype)
            alpha = np.asarray(0.3, dtype)
            costs, after = of.descend(p, alpha, 7)
            for J in np.asarray(costs):
                cost, p = of.step(p, alpha)
                assert cost == J
            for one, other in zip(after, p, strict=True):
                np.testing.assert_array_equal(one, other)


@needs_kernels
@pytest.mark.parametrize("shape", [(2, 16), (30, 24)])
def test_the_same_bits_in_any_schedule(shape: tuple[int, int], tmp_path: Path) -> None:
    def run(**how: Any) -> Any:
        settings = {"learning_rate": 0.5, "iterations": 30} | how.pop("settings", {})
        of = full_batch(shape, 900, "float32", block_columns=256, **how)
        return descend(of, start(shape, "float32"), **settings)

    whole = run()
    states: list[DescentState] = []
    with Checkpoint(tmp_path / "c") as checkpoint:
        run(settings={"iterations": 11, "callbacks": [checkpoint]})
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = run(threads=3, settings={"callbacks": [checkpoint, states.append]})
    for other in (run(threads=1), run(threads=5), resumed):
        np.testing.assert_array_equal(other.costs, whole.costs)
        assert other.final_cost == whole.final_cost
        for one, same in zip(other.parameters, whole.parameters, strict=True):
            np.testing.assert_array_equal(one, same)


@needs_kernels
def test_callbacks_do_not_change_a_bit() -> None:
    of, p = full_batch((2, 4), 400), start((2, 4))
    states: list[DescentState] = []

    def sometimes(state: DescentState) -> Next:
        states.append(state)
        return Next(iterations=7)

    alone = descend(of, p, learning_rate=1.2, iterations=500)
    seen = descend(of, p, learning_rate=1.2, iterations=500, callbacks=[sometimes])
    np.testing.assert_array_equal(alone.costs, seen.costs)
    assert alone.final_cost == seen.final_cost
    stalled = descend(of, p, learning_rate=1.2, iterations=500, tol=1e-3)
    assert stalled.converged
    np.testing.assert_array_equal(alone.costs[: stalled.iterations], stalled.costs)


@needs_kernels
@pytest.mark.parametrize("shape", [(2, 4), (28, 40), (3, 5, 2), (28, 40, 10)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_forward_pass_alone(shape: tuple[int, ...], dtype: str) -> None:
    of, p = full_batch(shape, 500, dtype, weighted=True, block_columns=200), start(shape, dtype)
    J, _ = of.value_and_gradient(p)
    assert of.value(p) == J
    kernels, X = of._block, np.asarray(of.examples(0)[0])
    Z2 = np.asarray(kernels.outputs(p, X))
    expected = p.W2.astype(float) @ np.tanh(p.W1.astype(float) @ X + p.b1) + p.b2
    np.testing.assert_allclose(Z2, expected, rtol=0, atol=2e-5 if dtype == "float32" else 1e-13)
    for i in (0, 7, 199):
        np.testing.assert_array_equal(kernels.outputs(p, X[:, i : i + 1]), Z2[:, i : i + 1])
    np.testing.assert_array_equal(kernels.outputs(p, X[:, 50:120]), Z2[:, 50:120])


@needs_kernels
def test_a_divergence_is_noticed() -> None:
    with np.errstate(all="ignore"), pytest.raises(Diverged) as caught:
        descend(
            full_batch((2, 4), 400, activation="relu"),
            start((2, 4)),
            learning_rate=1e3,
            iterations=100_000,
        )
    assert caught.value.last_good is not None


@needs_kernels
def test_not_a_number_stays_one() -> None:
    for shape in ((2, 4), (28, 40)):
        p = start(shape)
        p.W1[0, 0] = np.nan
        J, gradients = full_batch(shape, 100).value_and_gradient(p)
        assert np.isnan(float(J))
        assert np.isnan(np.asarray(gradients.dW1)).any()


FLUSH = """
#include <immintrin.h>
extern "C" void flush(int on) { _mm_setcsr(on ? _mm_getcsr() | 0x8040 : _mm_getcsr() & ~0x8040); }
"""


@needs_kernels
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the register is that of x86-64")
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is missing")
def test_denormal_numbers_count_though_the_thread_flushes_them(tmp_path: Path) -> None:
    (tmp_path / "flush.cpp").write_text(FLUSH)
    command = ["g++", "-shared", "-fPIC", "flush.cpp", "-o", "flush.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    flush = ctypes.CDLL(str(tmp_path / "flush.so")).flush
    # Units so flat that their gradients are denormal.
    p = start((2, 4), "float32")
    p = p._replace(b1=np.full((4, 1), 44.0, np.float32), b2=np.zeros((1, 1), np.float32))
    of = full_batch((2, 4), 300, "float32", activation="sigmoid", threads=1)

    def descent() -> Any:
        alpha = of.scalar(0.5)
        costs, after = of.descend(p, alpha, 3)
        one: Parameters = p
        for _ in range(3):
            _, one = of.step(one, alpha)
        return [a.tobytes() for a in on_host((costs, *after, *one))]

    expected = descent()
    assert expected[1:5] == expected[5:]
    try:
        flush(1)
        found = descent()
    finally:
        flush(0)
    assert found == expected
