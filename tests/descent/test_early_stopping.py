"""Validation curves, early stopping, and the examples it holds out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.metrics import log_loss

from gdnet import ArraySource, FullBatch, GDClassifier, TimeLimit, descend, get_backend, initialise
from gdnet.backends import Backend
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.errors import DataError
from gdnet.training.split import holdout_mask
from tests.support.labelled_problems import problem
from tests.support.problems import classification

random = np.random.RandomState(0)
X, X_val = random.randn(60, 8), random.randn(200, 8)  # few examples, which are soon overfitted
y, y_val = ((rows[:, 0] + random.randn(len(rows)) > 0).astype(int) for rows in (X, X_val))
OVERFITTING: dict[str, Any] = {
    "n_hidden": 16,
    "learning_rate": 1.0,
    "max_iter": 400,
    "tol": 0,
    "random_state": 0,
    "device": "cpu",
}


def cost_of(clf: GDClassifier, X: Any, y: Any, weights: Any = None) -> float:
    return float(log_loss(y, clf.predict_proba(X), sample_weight=weights))


@pytest.mark.parametrize("class_weight", [None, {0: 3.0}, "balanced"])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 1, 200)])
def test_validation_curve_is_the_cost_before_each_update(weights: Any, class_weight: Any) -> None:
    eval_set = (X_val, y_val) if weights is None else (X_val, y_val, weights)
    settings = {**OVERFITTING, "l2": 3.0, "class_weight": class_weight}  # which are no part of it
    whole = GDClassifier(**settings).fit(X, y, eval_set=eval_set).validation_loss_curve_
    assert whole is not None
    assert len(whole) == 400
    for updates in (1, 2, 57):
        clf = GDClassifier(**{**settings, "max_iter": updates}).fit(X, y)
        assert cost_of(clf, X_val, y_val, weights) == pytest.approx(whole[updates], rel=1e-12)


def test_validation_data_do_not_change_the_training() -> None:
    alone = GDClassifier(**OVERFITTING).fit(X, y)
    watched = GDClassifier(**OVERFITTING).fit(X, y, eval_set=(X_val, y_val))
    np.testing.assert_array_equal(watched.parameters_.W1, alone.parameters_.W1)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_best_parameters_are_restored(kind: str) -> None:
    rows, labels = problem(kind)
    clf = GDClassifier(**{**OVERFITTING, "tol": 1e-3}, early_stopping=True)
    clf.fit(rows[:40], labels[:40], eval_set=(rows[40:], labels[40:]))
    curve = clf.validation_loss_curve_
    assert curve is not None
    assert clf.converged_
    assert clf.n_iter_ == len(curve) == len(clf.loss_curve_) < 400
    best = int(np.argmin(curve))
    assert 0 < best < clf.n_iter_ - 1
    exact = GDClassifier(**{**OVERFITTING, "max_iter": best}).fit(rows[:40], labels[:40])
    for got, want in zip(clf.parameters_, exact.parameters_, strict=True):
        np.testing.assert_array_equal(got, want)


def test_patience_counts_iterations_without_a_fall_of_tol() -> None:
    settings = {**OVERFITTING, "tol": 1e-3, "n_iter_no_change": 5}
    clf = GDClassifier(**settings, early_stopping=True).fit(X, y, eval_set=(X_val, y_val))
    curve = GDClassifier(**OVERFITTING).fit(X, y, eval_set=(X_val, y_val)).validation_loss_curve_
    assert curve is not None
    best, stalled, stop = np.inf, 0, 0
    while stalled < 5:
        stalled = 0 if curve[stop] < best * (1 - 1e-3) else stalled + 1
        best = min(best, curve[stop])
        stop += 1
    assert clf.n_iter_ == stop


def test_the_last_parameters_count_too() -> None:
    # The validation cost falls in each of a few iterations, so that the best are the last.
    settings = {**OVERFITTING, "learning_rate": 0.05, "max_iter": 4}
    stopped = GDClassifier(**settings, early_stopping=True).fit(X, y, eval_set=(X, y))
    plain = GDClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(stopped.parameters_.W1, plain.parameters_.W1)
    assert not stopped.converged_


def test_a_fraction_is_set_aside_and_first_weights_stay_the_same() -> None:
    settings = {**OVERFITTING, "max_iter": 1, "learning_rate": 1e-12, "validation_fraction": 0.25}
    split = GDClassifier(**settings, early_stopping=True).fit(X, y)
    whole = GDClassifier(**settings).fit(X, y)
    np.testing.assert_allclose(split.parameters_.W1, whole.parameters_.W1, rtol=1e-9)
    held_out = holdout_mask(60, 0.25, 0, y)
    assert held_out.sum() == 15
    kept = GDClassifier(**settings).fit(
        X[~held_out], y[~held_out], eval_set=(X[held_out], y[held_out])
    )
    assert split.loss_curve_ == kept.loss_curve_
    assert split.validation_loss_curve_ == kept.validation_loss_curve_


def test_a_warm_start_sets_the_same_examples_aside() -> None:
    settings = {**OVERFITTING, "max_iter": 10, "warm_start": True, "early_stopping": True}
    clf = GDClassifier(**settings).fit(X, y)
    first = cost_of(clf, X[holdout_mask(60, 0.1, 0, y)], y[holdout_mask(60, 0.1, 0, y)])
    clf.fit(X, y)
    assert clf.validation_loss_curve_ is not None
    assert clf.validation_loss_curve_[10] == pytest.approx(first, rel=1e-12)


def test_too_few_examples_to_set_some_aside() -> None:
    with pytest.raises(ValueError, match=r"validation fraction .* 0\.1 of 4 rows"):
        GDClassifier(early_stopping=True).fit(X[:4], [0, 1, 0, 1])


def test_aside_are_as_many_of_each_class() -> None:
    classes = np.repeat([0, 1, 2], [700, 200, 100])
    np.random.RandomState(3).shuffle(classes)
    for seed in range(5):
        held_out = holdout_mask(1000, 0.1, seed, classes)
        assert held_out.sum() == 100
        np.testing.assert_allclose(np.bincount(classes[held_out]), [70, 20, 10], atol=1)
    assert not np.array_equal(held_out, holdout_mask(1000, 0.1, 0, classes))


def test_callback_alone(backend: Backend) -> None:
    rows, Y = classification(1, m=40)
    others, Y_others = classification(1)
    train, validation = (
        FullBatch(ArraySource(a.T, b), backend, n1=8, dtype="float64")
        for a, b in ((rows, Y), (others, 1 - Y_others))  # which gets worse and worse
    )
    start = initialise(6, 8, 1, random_state=0)
    stopping = EarlyStopping(patience=3)
    run = descend(
        train, start, learning_rate=0.5, iterations=50, validation=validation, callbacks=[stopping]
    )
    assert run.converged
    assert run.validation_costs is not None
    assert run.iterations == int(np.argmin(run.validation_costs)) + 4
    assert stopping.best_cost == run.validation_costs.min()


def test_callback_without_validation_data_says_so() -> None:
    rows, Y = classification(1)
    train = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=2)
    start = initialise(6, 2, 1)
    with pytest.raises(ValueError, match=r"validation data of descend\(validation="):
        descend(train, start, learning_rate=0.1, iterations=1, callbacks=[EarlyStopping()])


def test_settings_out_of_range_and_a_second_run_are_refused() -> None:
    for settings in ({"patience": 0}, {"tol": -1.0}, {"tol": 1.0}):
        with pytest.raises(DataError, match="early stopping: expected a tol"):
            EarlyStopping(**settings)
    for seconds in (0, -1, float("nan")):
        with pytest.raises(DataError, match="expected a time limit above 0 seconds"):
            TimeLimit(seconds)
    rows, Y = classification(1)
    data = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=2)
    stopping = EarlyStopping()
    run: dict[str, Any] = {"learning_rate": 0.1, "iterations": 2, "validation": data}
    descend(data, initialise(6, 2, 1, random_state=0), **run, callbacks=[stopping])
    with pytest.raises(DataError, match="has not served another run"):
        descend(data, initialise(6, 2, 1, random_state=0), **run, callbacks=[stopping])
