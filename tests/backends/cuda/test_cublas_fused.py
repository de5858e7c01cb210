"""The cublas_fused gradient against the equations, and what an iteration costs the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS, OUTPUTS
from gdnet.backends import get_backend
from gdnet.backends.cuda.cublas_fused import why_not_cublas_fused
from gdnet.equations import update
from gdnet.parameters import initialise
from tests.support.cuda_gradients import (
    KNOWN,
    counted,
    full_batch,
    gradient_and_cost,
    largest_difference,
)
from tests.support.cuda_problems import on_fake

# One thread block and several, widths that fill them and widths that do not.
SHAPES = [
    (2, 4, 1, "sigmoid", 400),
    (28, 64, 1, "sigmoid", 4200),
    (5, 3, 4, "sigmoid", 700),
    (6, 33, 10, "softmax", 4500),
    (3, 70, 2, "softmax", 33),
    (1, 1, 1, "sigmoid", 1),
    (28, 64, 1, "identity", 4200),
    (5, 3, 4, "identity", 700),
    (1, 1, 1, "identity", 1),
]
NUMBERS, SEVERAL_NUMBERS = SHAPES[6:8]


# Every activation where it passes through other kernels: with one output and with several.
ONE_AND_SEVERAL = (SHAPES[0], SHAPES[2], NUMBERS, SEVERAL_NUMBERS)


@pytest.mark.parametrize(
    ("case", "g1", "weighted"),
    [
        *((case, "tanh", weighted) for case in SHAPES for weighted in (False, True)),
        *((case, g1, case[2] > 1) for case in ONE_AND_SEVERAL for g1 in KNOWN[1:]),
    ],
)
def test_it_is_the_gradient_of_the_equations(
    monkeypatch: pytest.MonkeyPatch, case: Any, g1: str, weighted: bool
) -> None:
    expected = gradient_and_cost(
        full_batch(get_backend("cpu"), case, g1=g1, weighted=weighted, dtype="float64")
    )
    for dtype, limit in (("float64", 1e-13), ("float32", 3e-6)):
        backend = on_fake(monkeypatch)
        batch = full_batch(backend, case, g1=g1, weighted=weighted, dtype=dtype)
        assert batch.engine == "cublas_fused"
        assert largest_difference(gradient_and_cost(batch), expected) < limit
        assert backend.xp.trace.promotions == []


def test_there_is_a_kernel_or_the_reference_for_every_activation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = on_fake(monkeypatch)
    kernels = {g1: full_batch(backend, SHAPES[0], g1=g1).engine for g1 in ACTIVATIONS}
    assert kernels == {g1: "cublas_fused" if g1 in KNOWN else "reference" for g1 in ACTIVATIONS}


def test_the_reference_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert full_batch(on_fake(monkeypatch, engine="reference"), SHAPES[0]).engine == "reference"


def test_an_output_without_a_kernel_is_refused() -> None:
    assert {g2: why_not_cublas_fused("tanh", g2) for g2 in OUTPUTS} == dict.fromkeys(OUTPUTS)
    assert why_not_cublas_fused("tanh", "x") == "an output of sigmoid, softmax, identity, got x"


@pytest.mark.parametrize("case", [SHAPES[0], SHAPES[3], NUMBERS])
def test_extreme_pre_activations_stay_accurate(monkeypatch: pytest.MonkeyPatch, case: Any) -> None:
    for scale in (30.0, 1e-6):
        expected = gradient_and_cost(full_batch(get_backend("cpu"), case, dtype="float64"), scale)
        got = gradient_and_cost(full_batch(on_fake(monkeypatch), case, dtype="float64"), scale)
        assert largest_difference(got, expected) < 1e-13


@pytest.mark.parametrize("case", [*ONE_AND_SEVERAL, SHAPES[3]])
@pytest.mark.parametrize("g1", KNOWN)
def test_a_cost_that_is_no_number_shows(
    monkeypatch: pytest.MonkeyPatch, case: Any, g1: str
) -> None:
    batch = full_batch(on_fake(monkeypatch), case, g1=g1)
    n0, n1, n2 = batch.shape
    start = initialise(n0, n1, n2, random_state=1)
    start.W1[0, 0] = np.nan
    with batch.backend.activate(), np.errstate(invalid="ignore"):
        J, _ = batch.value_and_gradient(batch.place(start))
        assert np.isnan(float(J))


# --- what it costs


def test_an_iteration_with_one_output_is_six_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    for case in (SHAPES[0], NUMBERS):
        trace = counted(on_fake(monkeypatch), case)
        assert trace.launches == [
            "matmul", "hidden_and_output", "backward", "finish", "matmul", "update",
        ]  # fmt: skip
        assert trace.allocations == 5


def test_an_iteration_with_several_outputs_is_ten_launches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for case in (SHAPES[3], SEVERAL_NUMBERS):
        trace = counted(on_fake(monkeypatch), case)
        assert trace.launches == [
            "matmul", "hidden", "matmul", "output", "matmul", "matmul", "backward", "finish",
            "matmul", "update",
        ]  # fmt: skip


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize("case", [*SHAPES[:4], NUMBERS, SEVERAL_NUMBERS])
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_nothing_is_copied_read_back_or_waited_for(
    monkeypatch: pytest.MonkeyPatch, case: Any, blocks: int, engine: str, weighted: bool
) -> None:
    case = (*case[:4], min(case[4], 700))
    columns = -(-case[4] // blocks)
    backend = on_fake(monkeypatch, engine=engine)
    trace = counted(backend, case, block_columns=columns, weighted=weighted)
    assert (trace.hidden_copies, trace.promotions, trace.syncs) == ([], [], [])
    assert trace.misaligned == []
    assert trace.event_waits == trace.bytes_to_device == trace.bytes_to_host == 0
    assert trace.hazards == []


def test_a_block_more_costs_its_kernels_and_one_addition(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [
        len(counted(on_fake(monkeypatch), SHAPES[0], block_columns=columns).launches)
        for columns in (134, 100)  # 3 and 4 blocks
    ]
    # Two products, three kernels, the labels as numbers; one more addition in the tree.
    assert counts[1] - counts[0] == 7


@pytest.mark.parametrize("case", ONE_AND_SEVERAL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_is_the_update_of_the_equations_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch, case: Any, dtype: str
) -> None:
    batch = full_batch(on_fake(monkeypatch), case, dtype=dtype)
    n0, n1, n2 = batch.shape
    with batch.backend.activate():
        start = batch.place(initialise(n0, n1, n2, random_state=2))
        alpha = batch.backend.asarray(np.array(0.7, dtype))
        J, after = batch.step(start, alpha)
        expected_J, gradients = batch.value_and_gradient(start)
        assert float(J) == float(expected_J)
        for got, expected in zip(after, update(start, gradients, alpha), strict=True):
            assert got.shape == expected.shape
            np.testing.assert_array_equal(
                batch.backend.to_numpy(got), batch.backend.to_numpy(expected)
            )
