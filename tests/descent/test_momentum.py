"""Momentum and Nesterov's: the updates of scikit-learn, on every device."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import GradientDescent, Momentum, descend
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Gradients, Parameters
from tests.support.checkpoint_runs import assert_same, first, full_batch, run, settings_of


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_that_of_mlpclassifier(nesterov: bool) -> None:
    pytest.importorskip("sklearn")
    from sklearn.neural_network import MLPClassifier

    from tests.support.labelled_problems import problem

    X, y = problem("binary")
    mlp = MLPClassifier(
        (4,),
        activation="tanh",
        solver="sgd",
        alpha=0.5,
        batch_size=len(X),
        learning_rate_init=0.1,
        momentum=0.9,
        nesterovs_momentum=nesterov,
        shuffle=False,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.partial_fit(X, y, classes=["no", "yes"])
        # One update has been made: begin from here, at rest.
        mlp._optimizer.velocities = [0 * v for v in mlp._optimizer.velocities]
        (W1, W2), (b1, b2) = mlp.coefs_, mlp.intercepts_
        start = Parameters(W1.T.copy(), b1[:, None].copy(), W2.T.copy(), b2[:, None].copy())
        for _ in range(40):
            mlp.partial_fit(X, y, classes=["no", "yes"])
    codes = (y == mlp.classes_[1]).astype(np.uint8)[None]
    of = FullBatch(ArraySource(X.T, codes), get_backend("cpu"), n1=4, dtype="float64", l2=0.5)
    found = descend(of, start, solver=Momentum(0.1, 0.9, nesterov=nesterov), iterations=40)
    for ours, theirs in zip(found.parameters[::2], mlp.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs.T, rtol=0, atol=1e-12)
    for ours, theirs in zip(found.parameters[1::2], mlp.intercepts_, strict=True):
        np.testing.assert_allclose(ours.ravel(), theirs, rtol=0, atol=1e-12)


def test_no_momentum_is_gradient_descent(backend: Backend) -> None:
    plain = run(backend, 12)
    for nesterov in (False, True):
        still = run(backend, 12, **settings_of(Momentum(0.5, 0.0, nesterov=nesterov)))
        assert_same(still, plain)
    assert_same(run(backend, 12, **settings_of(GradientDescent(0.5))), plain)
    np.testing.assert_array_equal(plain.passes, np.arange(1, 13))


def test_momentum_falls_faster_than_the_same_rate_without() -> None:
    backend = get_backend("cpu")
    plain = run(backend, 100, learning_rate=0.1)
    for nesterov in (False, True):
        with_velocity = run(backend, 100, **settings_of(Momentum(0.1, 0.9, nesterov=nesterov)))
        assert with_velocity.final_cost < plain.final_cost - 0.05


@pytest.mark.parametrize("momentum", [-0.1, 1.0, np.nan])
def test_momentum_out_of_range_is_refused(momentum: float) -> None:
    with pytest.raises(DataError, match="momentum of at least 0 and below 1"):
        Momentum(0.1, momentum)


def test_the_velocity_is_that_of_the_device(backend: Backend) -> None:
    of, solver = full_batch(backend), Momentum(0.1)
    with backend.activate():
        state = solver.step(of, solver.init(of, of.place(first()))).state
        again = solver.from_arrays(
            of, {n: backend.to_numpy(a) for n, a in solver.to_arrays(state.memory).items()}
        )
        assert isinstance(again, Gradients)
        for a, b in zip(again, state.memory, strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(backend.to_numpy(a), backend.to_numpy(b))
