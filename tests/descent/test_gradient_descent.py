"""Gradient descent against the lecture's lab, scikit-learn and PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, descend
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise
from tests.support.problems import classification


def lab_run(planar: Any, backend: Backend, dtype: str, iterations: int) -> DescentResult:
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


def test_lab_begins_with_the_published_costs(
    planar: Any, lab: Any, backend_for_long_runs: Backend
) -> None:
    costs = lab_run(planar, backend_for_long_runs, "float64", 501).costs
    expected = lab["planar_training"]["init_seed_2"]["reproduced_float64_every_500"]
    np.testing.assert_allclose(costs[::500], expected[:2], rtol=1e-11)


def test_lab_costs_are_the_published_ones(
    planar: Any, lab: Any, backend_for_the_lab: Backend
) -> None:
    facts = lab["planar_training"]["init_seed_2"]
    costs = lab_run(planar, backend_for_the_lab, "float64", 7501).costs
    published = facts["published_cost_every_1000"]
    assert [round(float(J), 6) for J in costs[:7001:1000]] == published
    np.testing.assert_allclose(
        costs[::500],
        facts["reproduced_float64_every_500"],
        rtol=1e-9 if backend_for_the_lab.name.startswith("cuda") else 1e-10,
    )


def test_lab_in_float32_stays_within_2e_6(
    planar: Any, lab: Any, backend_for_the_lab: Backend
) -> None:
    # Until iteration 7000: later, before the cost jumps, one last bit of a weight shows in it.
    costs = lab_run(planar, backend_for_the_lab, "float32", 7001).costs
    expected = lab["planar_training"]["init_seed_2"]["reproduced_float64_every_500"]
    np.testing.assert_allclose(costs[::500], expected[:15], rtol=0, atol=2e-6)


def test_small_lab_model_ends_at_the_published_parameters(
    lab: Any, backend_for_the_lab: Backend
) -> None:
    case, backend = lab["nn_model_small"], backend_for_the_lab
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


@pytest.mark.parametrize("kind", ["binary", "3 classes", "3 labels"])
def test_equals_scikit_learn_to_1e_12(backend_for_long_runs: Backend, kind: str) -> None:
    backend = backend_for_long_runs
    sklearn_nn = pytest.importorskip("sklearn.neural_network")
    n2, n1, rate, iterations = 1 if kind == "binary" else 3, 8, 0.5, 60
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
        J, ours = gradient.value_and_gradient(gradient.place(start))
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


def test_all_zero_weights_leave_the_hidden_units_identical_for_ever(
    backend_for_long_runs: Backend,
) -> None:
    backend = backend_for_long_runs
    rows, Y = classification(1)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=5, dtype="float64")
    zeros = initialise(6, 5, 1, init_scale=0.0)
    # From zero not even W1 moves, because dW1 has the factor W2. Equal weights do move, together.
    equal = zeros._replace(W1=zeros.W1 + 0.1, W2=zeros.W2 + 0.1)
    for start, expect_moved in ((zeros, False), (equal, True)):
        W1, b1, W2, _ = descend(gradient, start, learning_rate=0.5, iterations=100).parameters
        units = np.column_stack([W1, b1, W2.T])
        assert np.ptp(units, axis=0).max() <= 1e-12
        assert (np.abs(W1 - start.W1).max() > 0.01) == expect_moved
    start = initialise(6, 5, 1, random_state=0)
    W1 = descend(gradient, start, learning_rate=0.5, iterations=100).parameters.W1
    assert np.ptp(W1, axis=0).min() > 0.01


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", np.random.default_rng(0)])
def test_a_seed_of_another_kind_is_refused(seed: Any) -> None:
    with pytest.raises(DataError, match="random_state: expected a whole number from 0 to"):
        initialise(2, 4, 1, random_state=seed)
