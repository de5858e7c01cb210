"""The fused kernels against the equations, where they apply, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.backends.cuda import fused
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.fused import configuration, fits_registers
from gdnet.descent import DescentState, Next, descend
from gdnet.errors import DataError
from gdnet.parameters import initialise
from gdnet.scores.evaluation import evaluate
from tests.support.cuda_gradients import (
    KNOWN,
    counted,
    full_batch,
    gradient_and_cost,
    largest_difference,
)
from tests.support.cuda_problems import on_fake


def on_few_parts(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> CudaBackend:
    # Few parts, so that each has several steps.
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 2)
    backend = on_fake(monkeypatch, **settings)
    backend.engine = "fused"
    return backend


def check(
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int],
    m: int,
    output: str = "sigmoid",
    **settings: Any,
) -> None:
    case = (*shape, 1, output, m)
    expected = gradient_and_cost(
        full_batch(get_backend("cpu"), case, **{**settings, "dtype": "float64"})
    )
    batch = full_batch(on_few_parts(monkeypatch), case, **settings)
    assert batch.engine == "fused"
    assert largest_difference(gradient_and_cost(batch), expected) < 3e-6


# Groups of 8, 16, 32, 64 and 160 threads; features that are whole float4 and that are not; hidden
# units that fill the threads and that do not; the widest of each.
WIDTHS = [(28, 128), (30, 30), (7, 100), (32, 256), (13, 50), (5, 600), (64, 40), (128, 9)]
TINY = [(2, 4), (1, 1), (2, 16), (5, 9)]


OUTPUTS = ["sigmoid", "identity"]


@pytest.mark.parametrize("output", ["sigmoid", pytest.param("identity", marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", WIDTHS + TINY)
def test_it_is_the_gradient_of_the_equations(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], output: str
) -> None:
    for m in (1, 7, 8, 530):
        for weighted in (False, True):
            check(monkeypatch, shape, m, output, weighted=weighted)
    # Several blocks, and more examples than threads.
    check(monkeypatch, shape, 3001, output, weighted=True, block_columns=1100)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("shape", [(6, 40), (2, 4)])
@pytest.mark.parametrize("g1", KNOWN)
def test_every_activation(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], g1: str, output: str
) -> None:
    check(monkeypatch, shape, 300, output, g1=g1, weighted=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_random_shapes(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(1, 65)), int(rng.integers(1, 257))
    if configuration(*shape) is None:
        shape = shape[0] % 32 + 1, shape[1]
    g1 = KNOWN[seed % len(KNOWN)]
    m, output = int(rng.integers(1, 3000)), OUTPUTS[seed // 2 % 2]
    check(monkeypatch, shape, m, output, g1=g1, weighted=bool(seed % 2))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("shape", [(6, 40), (2, 4)])
def test_a_cost_that_is_no_number_shows(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], output: str
) -> None:
    for g1 in ("tanh", "relu"):
        batch = full_batch(on_few_parts(monkeypatch), (*shape, 1, output, 20), g1=g1)
        start = initialise(*shape, 1, random_state=1)
        start.W1[0, 0] = np.nan
        with batch.backend.activate(), np.errstate(invalid="ignore"):
            J, _ = batch.value_and_gradient(batch.place(start))
            assert np.isnan(float(J))


# --- where it applies


@pytest.mark.parametrize(
    ("n0", "n1"), [(n0, n1) for n0 in range(1, 33) for n1 in (1, 4, 32, 100, 128, 200, 256)]
)
def test_up_to_32_features_and_256_hidden_units_there_is_a_layout(n0: int, n1: int) -> None:
    config = configuration(n0, n1)
    assert config is not None
    assert config.lanes in (8, 16) or config.lanes % 32 == 0
    assert config.lanes * config.units >= n1
    assert config.threads % 32 == 0
    assert config.resident >= 1


def refused(monkeypatch: pytest.MonkeyPatch, case: Any, **settings: Any) -> str:
    batch = full_batch(on_few_parts(monkeypatch), case, **settings)
    with pytest.raises(DataError, match="engine 'fused'") as caught:
        _ = batch.engine
    return str(caught.value)


def test_always_refuses_what_it_is_not_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    one = (5, 20, 1, "sigmoid", 10)
    for n2, output in ((3, "softmax"), (2, "sigmoid"), (2, "identity")):
        assert f"one sigmoid or identity output, got {n2} ({output})" in refused(
            monkeypatch, (5, 20, n2, output, 10)
        )
    assert "expected float32, got float64" in refused(monkeypatch, one, dtype="float64")
    assert "an activation of tanh" in refused(monkeypatch, one, g1="gelu")
    assert "got 784 features and 256 hidden units" in refused(
        monkeypatch, (784, 256, 1, "sigmoid", 10)
    )


def test_an_evaluation_in_float64_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = full_batch(on_few_parts(monkeypatch), (5, 20, 1, "sigmoid", 10), dtype="float64")
    start = initialise(5, 20, 1, random_state=0)
    assert np.isfinite(evaluate(batch, start, "binary").log_loss)
    with pytest.raises(DataError, match="engine 'fused': expected float32, got float64"):
        batch.value(start)


@pytest.mark.parametrize("output", OUTPUTS)
def test_auto_takes_it_only_where_it_was_measured(
    monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    case = (28, 128, 1, output, 10)
    backend = on_fake(monkeypatch, capability="90")
    assert full_batch(backend, case).engine == "cublas_fused"
    monkeypatch.setattr("gdnet.backends.cuda.backend.MEASURED_FASTER", frozenset({"90"}))
    assert full_batch(backend, case).engine == "fused"
    backend.engine = "cublas_fused"
    assert full_batch(backend, case).engine == "cublas_fused"
    assert full_batch(on_fake(monkeypatch, capability="75"), case).engine == "cublas_fused"


# --- what it costs


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("shape", [(28, 128), (5, 16)])
def test_an_iteration_is_three_launches(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], output: str
) -> None:
    trace = counted(on_few_parts(monkeypatch), (*shape, 1, output, 2_000))
    assert trace.launches == ["fused", "sum_parts", "update"]
    assert trace.allocations == 3
    assert (trace.hidden_copies, trace.promotions, trace.syncs) == ([], [], [])


@pytest.mark.parametrize("output", OUTPUTS)
def test_many_updates_on_few_examples_are_one_launch(
    monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    backend = on_few_parts(monkeypatch)
    batch = full_batch(backend, (2, 4, 1, output, 400))
    assert batch.descends
    with backend.activate():
        parameters = batch.place(initialise(2, 4, 1, random_state=2))
        alpha = backend.asarray(np.array(0.1, np.float32))
        batch.step(parameters, alpha)
        backend.xp.trace.clear()
        costs, after = batch.descend(parameters, alpha, 40)
        assert backend.xp.trace.launches == ["register_resident_descent"]
        assert backend.xp.trace.syncs == []
        one_by_one = []
        for _ in range(40):
            J, parameters = batch.step(parameters, alpha)
            one_by_one.append(float(J))
        assert backend.to_numpy(costs).tolist() == one_by_one
        assert one_by_one[-1] < one_by_one[0]
        for several, single in zip(after, parameters, strict=True):
            np.testing.assert_array_equal(backend.to_numpy(several), backend.to_numpy(single))


def test_a_descent_is_the_same_at_any_number_of_iterations_a_launch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = on_few_parts(monkeypatch)
    batch = full_batch(backend, (2, 4, 1, "sigmoid", 300))
    start = initialise(2, 4, 1, random_state=2)
    settings: dict[str, Any] = {"learning_rate": 0.5, "iterations": 3000, "tol": 1e-3}
    whole = descend(batch, start, **settings)
    assert whole.converged
    assert 20 < whole.iterations < 3000
    single = descend(batch, start, **settings, callbacks=[lambda state: None])
    assert whole.costs.tolist() == single.costs.tolist()
    for ours, theirs in zip(whole.parameters, single.parameters, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    by_hand: list[int] = []

    def seldom(state: DescentState) -> Next:
        by_hand.append(state.iteration)
        return Next(iterations=50)

    backend.xp.trace.clear()
    descend(batch, start, learning_rate=0.5, iterations=201, callbacks=[seldom])
    assert by_hand == [1, 51, 101, 151, 201]
    assert len(backend.xp.trace.launches) < 40


def test_the_lab_descends_as_the_equations_do(
    monkeypatch: pytest.MonkeyPatch, planar: Any, lab: Any
) -> None:
    from gdnet.data.source import ArraySource
    from gdnet.objective.full_batch import FullBatch

    X, Y = planar
    batch = FullBatch(ArraySource(X, Y), on_few_parts(monkeypatch), n1=4)
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    run = descend(batch, start, learning_rate=1.2, iterations=1001)
    expected = lab["planar_training"]["init_seed_2"]["reproduced_float64_every_500"][:3]
    np.testing.assert_allclose(run.costs[::500], expected, rtol=0, atol=2e-6)
    # The cost of the last parameters is that of the equations.
    assert run.final_cost == pytest.approx(expected[-1], abs=1e-4)


def test_the_bits_do_not_follow_what_stays_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    case = (28, 128, 1, "sigmoid", 4000)
    monkeypatch.setattr("gdnet.backends.cuda.memory.SPARE_BYTES", 0)
    bits = set()
    for limit in (0, 2_200_000, 500_000):
        backend = on_few_parts(monkeypatch)
        backend.xp.get_default_memory_pool().set_limit(limit)
        batch = full_batch(backend, case, block_columns=512)
        bits.add(b"".join(a.tobytes() for a in gradient_and_cost(batch)))
    assert len(bits) == 1


def test_an_array_of_the_users_that_is_not_aligned_is_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = on_few_parts(monkeypatch)
    batch = full_batch(backend, (8, 40, 1, "sigmoid", 20))
    with backend.activate():
        start = batch.place(initialise(8, 40, 1, random_state=0))
        expected = backend.to_numpy(batch.value_and_gradient(start)[1].dW1)
        X, Y, weights = batch._only()
        shifted = backend.xp.zeros((161,), np.float32)[1:].reshape(20, 8)
        shifted[...] = X.T
        trace = backend.xp.trace
        trace.clear()
        batch._kept = shifted.T, Y, weights
        np.testing.assert_array_equal(
            backend.to_numpy(batch.value_and_gradient(start)[1].dW1), expected
        )
        assert "copy" in trace.launches


def test_register_resident_networks_are_those_that_a_thread_can_hold() -> None:
    assert [shape for shape in WIDTHS + TINY if fits_registers(*shape)] == TINY
    assert not fused.MEASURED_FASTER
