"""Gradient descent against the lecture's lab, scikit-learn and PyTorch; when and how it stops."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import Descent, Iteration, descend
from gdnet.equations import update
from gdnet.errors import DataError, Diverged
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters, initialise


def lab_run(planar: Any, backend: Backend, dtype: str, iterations: int) -> Descent:
    X, Y = planar
    gradient = FullBatch(ArraySource(X, Y), backend, n1=4, dtype=dtype)
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    return descend(gradient, start, learning_rate=1.2, iterations=iterations)


def test_planar_data_are_the_labs(planar: Any, lab: Any) -> None:
    X, Y = planar
    checks = lab["dataset_planar_flower"]["checks"]
    assert (list(X.shape), list(Y.shape)) == (checks["X_shape"], checks["Y_shape"])
    assert X.sum() == pytest.approx(checks["X_sum"], rel=1e-14)
    np.testing.assert_array_equal(X[:, 0], checks["X_first_column"])
    np.testing.assert_array_equal(X[:, -1], checks["X_last_column"])


def test_start_is_the_labs(lab: Any) -> None:
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    for name, expected in lab["initialize_parameters"]["v1_v2"]["expected"].items():
        np.testing.assert_allclose(getattr(start, name), expected, rtol=0, atol=0.51e-8)


def test_lab_costs_are_the_published_ones(planar: Any, lab: Any, backend: Backend) -> None:
    facts = lab["planar_training"]["init_seed_2"]
    costs = lab_run(planar, backend, "float64", 7501).costs
    published = facts["published_cost_every_1000"]
    assert [round(float(J), 6) for J in costs[:7001:1000]] == published
    np.testing.assert_allclose(
        costs[::500],
        facts["reproduced_float64_every_500"],
        rtol=1e-9 if backend.name.startswith("cuda") else 1e-10,
    )


def test_lab_in_float32_stays_within_2e_6(planar: Any, lab: Any, backend: Backend) -> None:
    costs = lab_run(planar, backend, "float32", 7501).costs
    expected = lab["planar_training"]["init_seed_2"]["reproduced_float64_every_500"]
    np.testing.assert_allclose(costs[::500], expected, rtol=0, atol=2e-6)


def test_small_lab_model_ends_at_the_published_parameters(lab: Any, backend: Backend) -> None:
    case = lab["nn_model_small"]
    gradient = FullBatch(ArraySource(case["X"], case["Y"]), backend, n1=4, dtype="float64")
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    run = descend(gradient, start, learning_rate=1.2, iterations=10_000)
    expected = case["init_seed_2_expected"]
    for name in Parameters._fields:
        np.testing.assert_allclose(
            getattr(run.parameters, name), expected[name], rtol=0, atol=0.51e-8
        )
    np.testing.assert_allclose(run.costs[::1000], expected["cost_every_1000"], rtol=0, atol=0.51e-6)


# --- other implementations --------------------------------------------------------------------


def classification(n2: int, m: int = 300) -> tuple[Any, Any]:
    random = np.random.RandomState(5)
    rows = random.randn(m, 6)
    scores = rows @ random.randn(6, n2) + 0.3 * random.randn(m, n2)
    return rows, (scores > 0).astype(np.uint8).T


@pytest.mark.parametrize("kind", ["binary", "3 classes", "3 labels"])
def test_equals_scikit_learn_to_1e_12(backend: Backend, kind: str) -> None:
    sklearn_nn = pytest.importorskip("sklearn.neural_network")
    n2, n1, rate, iterations = 1 if kind == "binary" else 3, 8, 0.5, 200
    rows, Y = classification(n2)
    output, n_classes, target = "sigmoid", None, Y.T if n2 > 1 else Y[0]
    if kind == "3 classes":
        target = (rows @ np.random.RandomState(6).randn(6, 3)).argmax(axis=1)
        output, n_classes, Y = "softmax", 3, target[None, :].astype(np.uint8)
    start = initialise(6, n1, n2, random_state=0)

    mlp = sklearn_nn.MLPClassifier(
        (n1,), activation="tanh", solver="sgd", alpha=0.3, batch_size=len(rows),
        learning_rate="constant", learning_rate_init=rate, momentum=0,
        nesterovs_momentum=False, shuffle=False, tol=0, n_iter_no_change=10**9,
        warm_start=True, max_iter=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that one iteration has not converged
        mlp.fit(rows, target)
        mlp.coefs_ = [start.W1.T.copy(), start.W2.T.copy()]
        mlp.intercepts_ = [start.b1.ravel().copy(), start.b2.ravel().copy()]
        mlp.loss_curve_ = []
        del mlp._optimizer
        mlp.max_iter = iterations
        mlp.fit(rows, target)

    gradient = FullBatch(
        ArraySource(rows.T, Y, n_classes=n_classes), backend,
        n1=n1, output=output, dtype="float64", block_columns=64, l2=0.3,
    )  # fmt: skip
    run = descend(gradient, start, learning_rate=rate, iterations=iterations)
    np.testing.assert_allclose(run.costs, mlp.loss_curve_, rtol=0, atol=1e-12)
    theirs = (
        mlp.coefs_[0].T, mlp.intercepts_[0][:, None], mlp.coefs_[1].T, mlp.intercepts_[1][:, None]
    )  # fmt: skip
    for ours, expected in zip(run.parameters, theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "silu", "softplus"])
def test_equals_the_autograd_of_pytorch_to_1e_12(backend: Backend, activation: str) -> None:
    torch = pytest.importorskip("torch")
    rows, Y = classification(3)
    start = initialise(6, 8, 3, random_state=0)
    gradient = FullBatch(
        ArraySource(rows.T, Y), backend, n1=8, activation=activation, dtype="float64"
    )
    with backend.activate():
        ours, J = gradient(gradient.place(start))
    g1 = {
        "tanh": torch.tanh,
        "relu": torch.relu,
        "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
        "silu": torch.nn.functional.silu,
        "softplus": torch.nn.functional.softplus,
    }[activation]
    W1, b1, W2, b2 = (torch.tensor(p, requires_grad=True) for p in start)
    Z2 = W2 @ g1(W1 @ torch.tensor(rows.T) + b1) + b2
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        Z2, torch.tensor(Y, dtype=torch.float64), reduction="sum"
    ) / len(rows)
    loss.backward()
    assert float(J) == pytest.approx(loss.item(), rel=1e-12)
    for got, theirs in zip(ours, (W1, b1, W2, b2), strict=True):
        np.testing.assert_allclose(
            backend.to_numpy(got), theirs.grad.numpy(), rtol=1e-12, atol=1e-15
        )


# --- what the lecture insists on --------------------------------------------------------------


def test_all_zero_weights_leave_the_hidden_units_identical_for_ever(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=5, dtype="float64")
    zeros = initialise(6, 5, 1, init_scale=0.0)
    # From zero not even W1 moves, because dW1 has the factor W2. Equal weights do move, together.
    equal = zeros._replace(W1=zeros.W1 + 0.1, W2=zeros.W2 + 0.1)
    for start, expect_moved in ((zeros, False), (equal, True)):
        W1, b1, W2, _ = descend(gradient, start, learning_rate=0.5, iterations=300).parameters
        units = np.column_stack([W1, b1, W2.T])
        assert np.ptp(units, axis=0).max() <= 1e-12
        assert (np.abs(W1 - start.W1).max() > 0.01) == expect_moved
    start = initialise(6, 5, 1, random_state=0)
    W1 = descend(gradient, start, learning_rate=0.5, iterations=300).parameters.W1
    assert np.ptp(W1, axis=0).min() > 0.01


# --- the loop ---------------------------------------------------------------------------------


def small_run(backend: Backend, **settings: Any) -> Descent:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    return descend(gradient, start, **{"learning_rate": 0.5, "iterations": 100, **settings})


def test_costs_are_those_before_each_update(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    run = descend(gradient, start, learning_rate=0.5, iterations=3)
    expected = []
    with backend.activate():
        parameters = gradient.place(start)
        for _ in range(3):
            gradients, J = gradient(parameters)
            expected.append(float(J))
            parameters = update(parameters, gradients, backend.asarray(0.5))
    assert run.costs.tolist() == expected
    assert run.iterations == 3
    with backend.activate():
        assert run.final_cost == pytest.approx(float(gradient(parameters)[1]), rel=1e-14)
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
    tol, patience = 3e-3, 4
    run = small_run(backend, iterations=5000, tol=tol, patience=patience)
    costs = small_run(get_backend("cpu"), iterations=5000).costs
    best, stalled, stop = np.inf, 0, 0
    while stalled < patience:
        stalled = 0 if costs[stop] < best * (1 - tol) else stalled + 1
        best = min(best, costs[stop])
        stop += 1
    assert run.converged
    assert run.iterations == stop
    assert 10 < stop < 5000
    exact = small_run(get_backend("cpu"), iterations=stop).parameters
    for got, want in zip(run.parameters, exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_tol_0_makes_every_iteration(backend: Backend) -> None:
    rows, Y = np.zeros((4, 2)), np.array([[0, 1, 0, 1]])
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=2)
    run = descend(
        gradient, initialise(2, 2, 1, random_state=0), learning_rate=0.1, iterations=200, patience=1
    )
    assert (run.iterations, run.converged) == (200, False)


def test_observers_hear_every_iteration_in_order(backend: Backend) -> None:
    told: list[Iteration] = []
    run = small_run(backend, observers=[told.append])
    assert [t.iteration for t in told] == list(range(100))
    assert [t.cost for t in told] == run.costs.tolist()
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(told))
    for t in (told[0], told[-1]):
        expected = small_run(backend, iterations=t.iteration + 1).parameters
        for got, want in zip(t.parameters, expected, strict=True):
            np.testing.assert_array_equal(backend.to_numpy(got), want)


def test_an_observer_can_end_the_run() -> None:
    def stop(told: Iteration) -> None:
        if told.iteration == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_run(get_backend("cpu"), observers=[stop])


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


def test_a_cost_of_nan_at_the_start_is_told(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    start = initialise(6, 4, 1, random_state=1)
    start.W1[0, 0] = np.nan
    with pytest.raises(Diverged, match="nan before the first update") as caught:
        descend(gradient, start, learning_rate=0.5, iterations=5)
    assert caught.value.last_good is None


def test_a_last_update_that_overflows_is_told(backend: Backend) -> None:
    rows, Y = classification(1)
    gradient = FullBatch(
        ArraySource(1e3 * rows.T, Y), backend, n1=4, activation="identity", dtype="float32"
    )
    start = initialise(6, 4, 1, random_state=1)
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="at iteration 1") as caught:
        descend(gradient, start, learning_rate=1e38, iterations=1)
    assert all(np.isfinite(p).all() for p in caught.value.last_good.parameters)


def test_a_last_update_that_diverges_is_told(backend: Backend) -> None:
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
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        small_run(get_backend("cpu"), **settings)
