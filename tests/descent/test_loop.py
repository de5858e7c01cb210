"""The loop: what it records and tells, and when and how it stops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, DescentState, Next, StopDescent, descend
from gdnet.descent.convergence import StallDetector
from gdnet.equations import update
from gdnet.errors import DataError, Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.support.problems import classification


def small_run(backend: Backend, **settings: Any) -> DescentResult:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    return descend(gradient, start, **{"learning_rate": 0.5, "iterations": 40, **settings})


def test_costs_are_those_before_each_update(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    run = descend(gradient, start, learning_rate=0.5, iterations=3)
    expected = []
    with backend.activate():
        parameters = gradient.place(start)
        for _ in range(3):
            J, gradients = gradient.value_and_gradient(parameters)
            expected.append(float(J))
            parameters = update(parameters, gradients, backend.asarray(0.5))
    assert run.costs.tolist() == expected
    assert run.iterations == 3
    with backend.activate():
        assert run.final_cost == pytest.approx(float(gradient.value(parameters)), rel=1e-14)
    assert not run.converged
    assert run.seconds > 0
    for got, want in zip(run.parameters, parameters, strict=True):
        assert isinstance(got, np.ndarray)
        np.testing.assert_array_equal(got, backend.to_numpy(want))


def test_start_is_not_written_to(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    for array in start:
        array.flags.writeable = False
    descend(gradient, start, learning_rate=0.5, iterations=2)


def test_tol_stops_at_the_same_iteration_however_costs_are_read(backend: Backend) -> None:
    tol, patience = 2e-2, 4
    run = small_run(backend, iterations=5000, tol=tol, patience=patience)
    costs = small_run(get_backend("cpu"), iterations=500).costs
    reference, stalled, stop = np.inf, 0, 0
    while stalled < patience:
        if costs[stop] < reference * (1 - tol):
            reference, stalled = costs[stop], 0
        else:
            stalled += 1
        stop += 1
    assert run.converged
    assert run.iterations == stop
    assert 10 < stop < 500
    exact = small_run(get_backend("cpu"), iterations=stop).parameters
    for got, want in zip(run.parameters, exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_slow_fall_is_no_stall() -> None:
    # A thousandth an iteration, measured over 20 of them.
    costs = (0.999 ** np.arange(500)).tolist()
    assert StallDetector(0.01, 20).first_stall(costs) is None
    assert StallDetector(0.03, 20).first_stall(costs) == 20


def test_tol_0_makes_every_iteration(backend: Backend) -> None:
    rows, Y = np.zeros((4, 2)), np.array([[0, 1, 0, 1]])
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=2)
    run = descend(
        gradient, initialise(2, 2, 1, random_state=0), learning_rate=0.1, iterations=50, patience=1
    )
    assert (run.iterations, run.converged) == (50, False)


def test_callbacks_see_every_iteration_in_order(backend: Backend) -> None:
    reported: list[DescentState] = []
    run = small_run(backend, callbacks=[reported.append])
    assert [t.iteration for t in reported] == list(range(1, 41))
    assert [t.cost for t in reported] == run.costs.tolist()
    assert [t.costs.tolist() for t in reported] == [run.costs[:i].tolist() for i in range(1, 41)]
    assert all(a.seconds[-1] <= b.seconds[-1] for a, b in itertools.pairwise(reported))
    for t in (reported[0], reported[-1]):
        expected = small_run(backend, iterations=t.iteration).parameters
        for got, want in zip(t.parameters, expected, strict=True):
            np.testing.assert_array_equal(backend.to_numpy(got), want)


def test_a_callback_can_end_the_run() -> None:
    def stop(reported: DescentState) -> None:
        if reported.iteration == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        small_run(get_backend("cpu"), callbacks=[stop])
    state = caught.value.state  # type: ignore[attr-defined]
    whole = small_run(get_backend("cpu"), iterations=6)
    assert state.costs.tolist() == whole.costs.tolist()
    np.testing.assert_array_equal(state.parameters.W1, whole.parameters.W1)


def test_stop_descent_ends_the_run_as_if_it_had_been_that_long(backend: Backend) -> None:
    reported: list[int] = []

    def stop(iteration: DescentState) -> None:
        if iteration.iteration == 6:
            raise StopDescent

    def record(iteration: DescentState) -> None:
        reported.append(iteration.iteration)

    run = small_run(backend, callbacks=[stop, record])
    assert (run.iterations, run.converged) == (6, True)
    assert reported == list(range(1, 7))  # the other callbacks hear of the last iteration too
    whole = small_run(backend, iterations=6)
    assert not whole.converged
    assert run.final_cost == whole.final_cost
    for got, want in zip(run.parameters, whole.parameters, strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_diverging_run_stops_and_keeps_the_last_good_parameters(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(
        ArraySource(100 * rows.T, Y), backend, n1=4, activation="identity", dtype="float64"
    )
    start = initialise(6, 4, 1, random_state=1)
    with (
        np.errstate(all="ignore"),
        pytest.raises(Diverged, match="smaller learning rate") as caught,
    ):
        descend(gradient, start, learning_rate=1e3, iterations=500)
    error = caught.value
    assert error.iteration == error.last_good.iterations + 1 < 20
    assert not error.cost <= 10 * max([*error.last_good.costs[:1], np.log(2)])
    assert np.isfinite(error.last_good.final_cost)
    assert f"iteration {error.iteration}" in str(error)
    assert all(np.isfinite(p).all() for p in error.last_good.parameters)


def spiky_run(backend: Backend, activation: str, rate: float, iterations: int) -> DescentResult:
    rows, Y = classification(1)
    gradient = FullBatch(
        ArraySource(rows.T, Y), backend, n1=32, activation=activation, dtype="float64"
    )
    start = initialise(6, 32, 1, random_state=0)
    return descend(gradient, start, learning_rate=rate, iterations=iterations)


def test_a_cost_that_comes_back_is_no_divergence(backend_for_long_runs: Backend) -> None:
    run = spiky_run(backend_for_long_runs, "softplus", 8.0, 300)
    assert run.iterations == 300
    assert run.costs.max() > 15 * run.costs[0]
    assert run.final_cost < 0.1 * run.costs[0]


def test_a_cost_that_does_not_come_back_ends_the_run(backend_for_long_runs: Backend) -> None:
    # tanh is bounded: so is this cost, which leaps about for ever.
    with pytest.raises(Diverged, match=r"one iteration before\), and \S+ at iteration ") as caught:
        spiky_run(backend_for_long_runs, "tanh", 3e4, 10**6)
    error = caught.value
    assert np.isfinite(error.cost)
    assert error.last_good.iterations == error.iteration - 1
    assert error.last_good.final_cost < 10 < error.cost


def test_a_run_that_ends_on_a_cost_that_is_not_sound_is_reported(backend: Backend) -> None:
    with pytest.raises(Diverged) as caught:
        spiky_run(backend, "tanh", 3e4, 20)
    assert caught.value.iteration <= 20


def test_a_cost_of_nan_at_the_start_is_reported(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    start.W1[0, 0] = np.nan
    with pytest.raises(Diverged, match="nan before the first update") as caught:
        descend(gradient, start, learning_rate=0.5, iterations=5)
    assert caught.value.last_good is None


def test_a_last_update_that_overflows_is_reported(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(
        ArraySource(1e3 * rows.T, Y), backend, n1=4, activation="identity", dtype="float32"
    )
    start = initialise(6, 4, 1, random_state=1)
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="at iteration 1") as caught:
        descend(gradient, start, learning_rate=1e38, iterations=1)
    assert all(np.isfinite(p).all() for p in caught.value.last_good.parameters)


def test_a_last_update_that_diverges_is_reported(backend: Backend) -> None:
    # It is finite, and no iteration asks for its cost.
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="at iteration 1") as caught:
        small_run(backend, iterations=1, learning_rate=1e20)
    assert caught.value.last_good.iterations == 0


def test_a_stalled_cost_ends_the_run_after_patience_iterations() -> None:
    rows, Y = np.zeros((4, 2)), np.array([[0, 1, 0, 1]])  # nothing to learn
    gradient = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=2, dtype="float64")
    start = initialise(2, 2, 1, init_scale=0.0)
    run = descend(gradient, start, learning_rate=0.1, iterations=100, tol=1e-9, patience=7)
    # The first cost is an improvement on none.
    assert (run.iterations, run.converged) == (8, True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": 5}, r"expected the shape \(n0, n1, n2\) of the training, \(6, 4, 1\)"),
        ({"n1": 5}, "expected the shape"),
        ({"dtype": "float32"}, "expected the dtype of the training, float64, got float32"),
        ({"activation": "relu"}, "expected the activation of the training, tanh, got relu"),
    ],
)
def test_validation_data_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    rows, Y = classification(1)
    backend = get_backend("cpu")
    settings: dict[str, Any] = {"n1": 4, "dtype": "float64"}
    gradient = FullBatch(ArraySource(rows.T, Y), backend, **settings)
    other = rows[:, : changed.pop("rows", 6)]
    validation = FullBatch(ArraySource(other.T, Y), backend, **{**settings, **changed})
    start = initialise(6, 4, 1, random_state=1)
    with pytest.raises(DataError, match=message):
        descend(gradient, start, learning_rate=0.5, iterations=1, validation=validation)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning rate above 0 in float64, got 0"),
        ({"learning_rate": -1.0}, "learning rate above 0 in float64, got -1"),
        ({"learning_rate": float("nan")}, "learning rate above 0 in float64, got nan"),
        ({"learning_rate": float("inf")}, "learning rate above 0 in float64, got inf"),
        ({"iterations": 0}, "at least 1 iteration, got 0"),
        ({"tol": -1e-3}, "tol of at least 0"),
        ({"tol": 1.0}, "tol of at least 0 and below 1, got 1"),
        ({"tol": float("nan")}, "tol of at least 0"),
        ({"patience": 0}, "patience of at least 1"),
        ({"iterations": 1e3}, "iterations: expected a whole number, got 1000.0"),
        (
            {"callbacks": print},
            r"callbacks: expected a list of functions, .*, got <",
        ),
        ({"callbacks": "run"}, "callbacks: expected functions of the state, got 'r'"),
        ({"callbacks": [lambda state: Next(iterations=0)]}, "a whole number of iterations above 0"),
        (
            {"callbacks": [lambda state: Next._make((None, "1"))]},
            "and of seconds or None, got Next",
        ),
        ({"callbacks": [lambda state: 3]}, r"expected None or gdnet.Next\(...\) .*, got 3"),
        ({"validation": ([], [])}, "validation: expected a FullBatch of the validation data"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        small_run(get_backend("cpu"), **settings)
