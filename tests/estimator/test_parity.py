"""GDClassifier against scikit-learn's MLPClassifier, set up as plain gradient descent."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.neural_network import MLPClassifier

from gdnet import GDClassifier
from gdnet._typing import HostArray
from gdnet.parameters import Parameters, initialise
from tests.support.labelled_problems import ACTIVATIONS, problem

Rows = np.ndarray[Any, Any]
ITERATIONS = 60


def n_outputs(y: Rows) -> int:
    classes = len(set(y)) if y.ndim == 1 else y.shape[1]
    return 1 if y.ndim == 1 and classes == 2 else int(classes)


def fitted_mlp(
    X: Rows, y: Rows, start: Parameters[HostArray], activation: str, l2: float, weights: Rows | None
) -> MLPClassifier:
    """Return the oracle of the facts about the lecture's lab, from the same first weights."""
    mlp = MLPClassifier(
        (len(start.W1),),
        activation=ACTIVATIONS[activation],
        solver="sgd",
        alpha=l2,
        batch_size=len(X),
        learning_rate_init=0.5,
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


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("l2", "weighted"), [(0.0, False), (3.0, False), (3.0, True)])
def test_equal_to_mlp_classifier(kind: str, activation: str, l2: float, weighted: bool) -> None:
    X, y = problem(kind)
    weights = np.random.RandomState(1).rand(len(X)) if weighted else None
    clf = GDClassifier(
        7, activation=activation, max_iter=ITERATIONS, tol=0, l2=l2, random_state=4, init_scale=0.5
    ).fit(X, y, sample_weight=weights)
    start = initialise(5, 7, n_outputs(y), random_state=4, init_scale=0.5)
    mlp = fitted_mlp(X, y, start, activation, l2, weights)

    W1, b1, W2, b2 = clf.parameters_
    np.testing.assert_allclose(clf.loss_curve_, mlp.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(W1, mlp.coefs_[0].T, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(W2, mlp.coefs_[1].T, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(b1.ravel(), mlp.intercepts_[0], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(b2.ravel(), mlp.intercepts_[1], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), mlp.predict(X))
    np.testing.assert_array_equal(clf.classes_, mlp.classes_)
    assert clf.score(X, y) == mlp.score(X, y)


SETTINGS: dict[str, Any] = {"n_hidden": 7, "max_iter": ITERATIONS, "tol": 0, "random_state": 4}


def assert_same(one: GDClassifier, other: GDClassifier, rtol: float = 1e-12) -> None:
    for got, want in zip(one.parameters_, other.parameters_, strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 1e-5)])
def test_weights_count_examples(kind: str, class_weight: Any, dtype: str, rtol: float) -> None:
    X, y = problem(kind)
    times = np.random.RandomState(1).randint(0, 4, len(X))
    settings = {**SETTINGS, "class_weight": class_weight, "dtype": dtype}
    weighted = GDClassifier(**settings).fit(X, y, sample_weight=times)
    repeated = GDClassifier(**settings).fit(X.repeat(times, axis=0), y.repeat(times, axis=0))
    assert_same(weighted, repeated, rtol)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_weight_of_0_is_as_if_the_row_were_not_there(early_stopping: bool) -> None:
    X, y = problem("multiclass")
    there = np.random.RandomState(1).rand(len(X)) > 0.3
    settings = {**SETTINGS, "early_stopping": early_stopping}
    weighted = GDClassifier(**settings).fit(X, y, sample_weight=there.astype(float))
    removed = GDClassifier(**settings).fit(X[there], y[there])
    assert_same(weighted, removed)


@pytest.mark.parametrize("weights", [None, np.linspace(0, 3, 150)])
def test_class_weights_are_the_matching_sample_weights(weights: Any) -> None:
    X, y = problem("multiclass")
    ones = np.ones(len(X)) if weights is None else weights
    by_class = GDClassifier(**SETTINGS, class_weight={0: 2.0, 20: 0.5}).fit(
        X, y, sample_weight=weights
    )
    factor = np.where(y == 0, 2.0, np.where(y == 20, 0.5, 1.0))
    assert_same(by_class, GDClassifier(**SETTINGS).fit(X, y, sample_weight=factor * ones))

    balanced = GDClassifier(**SETTINGS, class_weight="balanced").fit(X, y, sample_weight=weights)
    sums = np.array([ones[y == label].sum() for label in (0, 10, 20)])
    factor = (ones.sum() / (3 * sums))[y // 10]
    assert_same(balanced, GDClassifier(**SETTINGS).fit(X, y, sample_weight=factor * ones))


def test_balanced_labels_weigh_as_in_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    X, y = problem("multilabel")
    y = np.column_stack([y, np.ones(len(y), int)])  # a label that everyone has
    balanced = GDClassifier(**SETTINGS, class_weight="balanced").fit(X, y)
    weights = compute_sample_weight("balanced", y)
    assert_same(balanced, GDClassifier(**SETTINGS).fit(X, y, sample_weight=weights))
