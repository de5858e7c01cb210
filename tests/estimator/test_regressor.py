"""GDRegressor as its users meet it, and against MLPRegressor set up as plain descent."""

from __future__ import annotations

import doctest
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor

from gdnet import Checkpoint, DataError, GDClassifier, GDRegressor, TimeLimit, get_backend
from gdnet._typing import HostArray
from gdnet.data.table import Table
from gdnet.estimator import classifier, regressor
from gdnet.parameters import Parameters, initialise
from gdnet.scores.regression import RegressionScores
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.support.labelled_problems import ACTIVATIONS
from tests.support.regressors import QUICK, Rows, X, problem, y

ITERATIONS = 60


def fitted_mlp(
    X: Rows, y: Rows, start: Parameters[HostArray], activation: str, l2: float, weights: Rows | None
) -> MLPRegressor:
    """Return MLPRegressor after plain full-batch descent from the same first weights."""
    mlp = MLPRegressor(
        hidden_layer_sizes=(len(start.W1),),
        activation=ACTIVATIONS[activation],
        solver="sgd",
        alpha=l2,
        batch_size=len(X),
        learning_rate_init=0.1,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        tol=0,
        n_iter_no_change=10**9,
        warm_start=True,
        max_iter=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.fit(X, y)
        mlp.coefs_ = [start.W1.T.copy(), start.W2.T.copy()]
        mlp.intercepts_ = [start.b1.ravel().copy(), start.b2.ravel().copy()]
        mlp.loss_curve_ = []
        del mlp._optimizer
        mlp.set_params(max_iter=ITERATIONS)
        mlp.fit(X, y, sample_weight=weights)
    return mlp


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("l2", "weighted"), [(0.0, False), (3.0, False), (3.0, True)])
def test_equal_to_mlp_regressor(targets: int, activation: str, l2: float, weighted: bool) -> None:
    X, y = problem(targets)
    weights = np.random.RandomState(1).rand(len(X)) if weighted else None
    reg = GDRegressor(
        7, activation=activation, max_iter=ITERATIONS, tol=0, l2=l2, random_state=4, init_scale=0.5
    ).fit(X, y, sample_weight=weights)
    start = initialise(5, 7, targets, random_state=4, init_scale=0.5)
    mlp = fitted_mlp(X, y, start, activation, l2, weights)

    W1, b1, W2, b2 = reg.parameters_
    np.testing.assert_allclose(W1, mlp.coefs_[0].T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(W2, mlp.coefs_[1].T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(b1.ravel(), mlp.intercepts_[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(b2.ravel(), mlp.intercepts_[1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(reg.predict(X), mlp.predict(X), rtol=1e-12, atol=1e-12)
    assert reg.predict(X).shape == y.shape
    assert reg.score(X, y) == pytest.approx(mlp.score(X, y), rel=1e-12)
    # Of several targets the cost whose gradient both descend is the sum over them, and what
    # MLPRegressor calls its loss is their mean.
    if targets == 1:
        np.testing.assert_allclose(reg.loss_curve_, mlp.loss_curve_, rtol=1e-12)
    elif l2 == 0:
        np.testing.assert_allclose(reg.loss_curve_, np.multiply(mlp.loss_curve_, 3), rtol=1e-12)


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types(targets: int, dtype: Any) -> None:
    X, y = problem(targets)
    X = X.astype(dtype)
    reg = GDRegressor(**QUICK, device="cpu").fit(X, y)
    shapes = [(4, 5), (4, 1), (targets, 4), (targets, 1)]
    assert [p.shape for p in reg.parameters_] == shapes
    assert {p.dtype for p in (*reg.parameters_, reg.predict(X))} == {np.dtype(dtype)}
    assert reg.predict(X).shape == y.shape
    assert (reg.n_outputs_, reg.n_features_in_) == (targets, 5)
    assert len(reg.loss_curve_) == reg.n_iter_ == 30
    assert reg.loss_curve_[-1] < reg.loss_curve_[0]
    error = (reg.predict(X).astype(float) - y).reshape(len(y), -1)
    assert reg.loss_ == pytest.approx((error**2).sum(axis=1).mean() / 2, rel=1e-5)
    for absent in ("predict_proba", "decision_function", "classes_", "class_weight"):
        assert not hasattr(reg, absent)


@pytest.mark.parametrize("targets", [1, 2])
def test_score_is_r2(targets: int) -> None:
    X, y = problem(targets)
    reg = GDRegressor(**QUICK).fit(X, y)
    weights = np.linspace(0, 2, len(X))
    assert reg.score(X, y) == r2_score(y, reg.predict(X))
    assert reg.score(X, y, weights) == r2_score(y, reg.predict(X), sample_weight=weights)


@pytest.mark.parametrize("targets", [1, 2])
def test_weights_count_examples(targets: int) -> None:
    X, y = problem(targets)
    times = np.random.RandomState(1).randint(0, 4, len(X))
    weighted = GDRegressor(**QUICK).fit(X, y, sample_weight=times)
    repeated = GDRegressor(**QUICK).fit(X.repeat(times, axis=0), y.repeat(times, axis=0))
    for got, want in zip(weighted.parameters_, repeated.parameters_, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_bits_do_not_depend_on_threads_or_layout(solver: str) -> None:
    random = np.random.RandomState(0)
    rows = random.randn(5000, 6).astype(np.float32)
    target = np.tanh(rows[:, 0]) + 0.1 * random.randn(5000)
    settings = {**QUICK, "block_size": 512, "device": "cpu", "solver": solver}
    one = GDRegressor(**settings, n_jobs=1).fit(rows, target)
    for n_jobs, same in ((3, rows), (None, np.asfortranarray(rows))):
        other = GDRegressor(**settings, n_jobs=n_jobs).fit(same, target)
        for got, want in zip(other.parameters_, one.parameters_, strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(other.predict(same), one.predict(rows))
    alone = [one.predict(rows[i : i + 1])[0] for i in (0, 17, 4999)]
    np.testing.assert_array_equal(alone, one.predict(rows)[[0, 17, 4999]])


def test_targets_of_every_kind_of_number() -> None:
    pandas = pytest.importorskip("pandas")
    whole = np.round(3 * y)
    expected = GDRegressor(**QUICK).fit(X, whole).predict(X)
    kinds: list[Any] = [
        whole.astype(int),
        whole.astype(np.int8),
        whole.tolist(),
        whole.astype(object),
        pandas.Series(whole.astype(int), dtype="Int64"),
        whole.astype(np.float16),
    ]
    for target in kinds:
        np.testing.assert_array_equal(GDRegressor(**QUICK).fit(X, target).predict(X), expected)
    truth = GDRegressor(**QUICK).fit(X, y > 0).predict(X)
    np.testing.assert_array_equal(GDRegressor(**QUICK).fit(X, (y > 0) * 1.0).predict(X), truth)
    with pytest.warns(DataConversionWarning):
        column = GDRegressor(**QUICK).fit(X, whole[:, None])
    np.testing.assert_array_equal(column.predict(X), expected)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "requires y to be passed"),
        (np.where(y > 0, "yes", "no"), "expected numbers to be predicted, got type"),
        (np.where(y > 0, y, np.nan), "y contains NaN"),
        (np.where(y > 0, y, np.inf), "y contains infinity"),
        (y[:-1], "inconsistent numbers of samples"),
        (y + 1j, "Complex data not supported"),
        (y.reshape(-1, 1, 1), r"(expected <= 2|Found array with dim 3)"),
    ],
    ids=["none", "text", "NaN", "infinite", "too few", "complex", "cube"],
)
def test_targets_that_are_refused(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GDRegressor(**QUICK).fit(X, target)


def test_class_weights_are_no_parameter() -> None:
    with pytest.raises(TypeError, match="class_weight"):
        GDRegressor(class_weight="balanced")  # type: ignore[call-arg]
    assert set(GDClassifier().get_params()) - set(GDRegressor().get_params()) == {"class_weight"}


# Validation, warm starts, how a fit ends


def test_early_stopping_keeps_the_best() -> None:
    noise = np.random.RandomState(1).randn(len(y))
    settings = {**QUICK, "max_iter": 2000, "n_hidden": 32, "learning_rate": 0.3}
    reg = GDRegressor(**settings, early_stopping=True).fit(X[:60], noise[:60])
    assert reg.converged_
    assert reg.n_iter_ < 2000
    given = GDRegressor(**settings, early_stopping=True)
    given.fit(X[:60], noise[:60], eval_set=(X[60:], noise[60:]))
    curve = given.validation_loss_curve_
    assert curve is not None
    error = given.predict(X[60:]) - noise[60:]
    assert min(curve) == pytest.approx((error**2).mean() / 2, rel=1e-12)


def test_an_eval_set_of_another_shape_is_refused() -> None:
    X2, y2 = problem(2)
    with pytest.raises(DataError, match="eval_set: expected a y like that of the training"):
        GDRegressor(**QUICK).fit(X2, y2, eval_set=(X, y))
    with pytest.raises(DataError, match=r"y_val: .*contains NaN"):
        GDRegressor(**QUICK).fit(X, y, X_val=X, y_val=np.full(len(X), np.nan))


def test_warm_start_continues_where_the_last_fit_ended() -> None:
    reg = GDRegressor(**{**QUICK, "max_iter": 20}, warm_start=True).fit(X, y)
    reg.set_params(max_iter=10).fit(X, y)
    whole = GDRegressor(**QUICK).fit(X, y)
    np.testing.assert_array_equal(reg.parameters_.W1, whole.parameters_.W1)
    assert reg.loss_curve_ == whole.loss_curve_
    with pytest.raises(DataError, match="expected its n_outputs, 1, got 2"):
        reg.fit(X, problem(2)[1])


def test_large_targets_are_warned_of_with_the_remedy() -> None:
    with pytest.warns(UserWarning, match="root mean square of y is .*TransformedTarget") as caught:
        GDRegressor(**{**QUICK, "learning_rate": 1e-4}).fit(X, 1000 * y)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="root mean square of column 1 of y is"):
        GDRegressor(**{**QUICK, "solver": "lbfgs"}).fit(X, problem(2)[1] * [1, 1000])


def test_divergence_keeps_the_last_good_parameters() -> None:
    with pytest.warns(ConvergenceWarning, match="the descent diverges; try a smaller learning"):
        reg = GDRegressor(32, learning_rate=3.0, tol=0, random_state=0).fit(X, 10 * y)
    assert np.isfinite(reg.predict(X)).all()
    with pytest.warns(UserWarning, match="features are badly scaled.*GDRegressor"):
        GDRegressor(**QUICK).fit(1000 * X, y)


def test_a_resumed_fit_has_the_same_bits(tmp_path: Path) -> None:
    whole = GDRegressor(**QUICK).fit(X, y)
    shorter = GDRegressor(**{**QUICK, "max_iter": 11})
    with Checkpoint(tmp_path / "c") as checkpoint:
        shorter.fit(X, y, checkpoint=checkpoint, callbacks=[TimeLimit(60)])
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = GDRegressor(**QUICK).fit(X, y, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.parameters_.W2, whole.parameters_.W2)
    assert resumed.loss_curve_ == whole.loss_curve_


# One pipeline


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("stopped", [False, True])
def test_command_line_and_regressor_train_to_the_same_bits(targets: int, stopped: bool) -> None:
    X, y = problem(targets)
    ours: dict[str, Any] = {"hidden": 8, "learning_rate": 0.2, "iterations": 60, "seed": 3}
    theirs: dict[str, Any] = {"learning_rate": 0.2, "max_iter": 60, "tol": 0, "random_state": 3}
    if stopped:
        ours |= {"early_stopping": True, "patience": 12, "validation_fraction": 0.3}
        theirs |= {"early_stopping": True, "n_iter_no_change": 12, "validation_fraction": 0.3}
    settings = Settings(**ours, dtype="float64", standardize=False, task="regression")
    table = Table(X, y, None, None, "a table", False)
    trained = Training(table, settings, get_backend("cpu")).run()
    reg = GDRegressor(8, **theirs).fit(X, y)
    for a, b in zip(trained.model.parameters, reg.parameters_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert trained.run.costs.tolist() == reg.loss_curve_
    assert trained.outcome.cost == reg.loss_
    if not stopped:
        assert isinstance(trained.train, RegressionScores)
        assert trained.train.r2.mean() == pytest.approx(reg.score(X, y), rel=1e-12)


@pytest.mark.parametrize("module", [classifier, regressor])
def test_the_examples_of_the_docstrings_say_what_they_do(module: Any) -> None:
    done = doctest.testmod(module)
    assert done.attempted > 5
    assert done.failed == 0
