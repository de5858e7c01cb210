"""What GDClassifier warns of, and what it does not."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gdnet import Diverged, GDClassifier
from gdnet.estimator.device import CHOICES
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.labelled_problems import problem

QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 30, "tol": 0, "random_state": 0}
X, y = problem("binary")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_is_reported_and_the_last_good_parameters_kept(early_stopping: bool) -> None:
    settings = {**QUICK, "activation": "relu", "learning_rate": 2.5, "max_iter": 500}
    clf = GDClassifier(**settings, early_stopping=early_stopping)
    with pytest.warns(ConvergenceWarning, match="diverges") as caught:
        clf.fit(4 * X, y, eval_set=(X, y))
    message = str(caught[0].message)
    assert f"at iteration {clf.n_iter_} " in message
    assert message.count("learning rate") == message.count("try") == 1
    assert "smaller learning rate, such as 0.25" in message
    kept = f"before iteration {clf.n_iter_}"
    if early_stopping:
        kept = "of the lowest validation cost"
    assert message.endswith(f"parameters {kept} are kept")
    assert caught[0].filename == __file__
    assert not clf.converged_
    assert clf.validation_loss_curve_ is not None
    assert len(clf.loss_curve_) == len(clf.validation_loss_curve_) == clf.n_iter_ < 500
    assert np.isfinite(clf.loss_curve_).all()
    if not early_stopping:
        exact = GDClassifier(**{**settings, "max_iter": clf.n_iter_ - 1}).fit(4 * X, y)
        np.testing.assert_array_equal(clf.parameters_.W1, exact.parameters_.W1)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_a_cost_that_is_not_finite_at_the_start_is_an_error() -> None:
    with pytest.raises(Diverged, match="before the first update: the first weights, "):
        GDClassifier(**QUICK, init_scale=1e200, activation="identity").fit(X, y)


def test_divergence_in_the_last_update() -> None:
    settings = {**QUICK, "max_iter": 1, "learning_rate": 1e20}
    with pytest.warns(ConvergenceWarning, match="at iteration 1 "):
        clf = GDClassifier(**settings).fit(X, y)
    assert (clf.n_iter_, len(clf.loss_curve_)) == (1, 1)


@pytest.mark.parametrize(
    "scale", [[1, 1, 1, 1, 1e3], [1e2] * 5, [1, 1, 1, 1, 1e-7]], ids=["one", "all", "small"]
)
def test_badly_scaled_features_are_hinted_at_once(scale: list[float]) -> None:
    with pytest.warns(UserWarning, match="badly scaled") as caught:
        GDClassifier(**QUICK, learning_rate=1e-9).fit(X * scale, y)
    assert len(caught) == 1
    assert "make_pipeline(StandardScaler(), GDClassifier())" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_an_eval_set_that_a_pipeline_left_as_it_was() -> None:
    pipeline = make_pipeline(StandardScaler(), GDClassifier(**QUICK))
    raw = 100 * X
    with pytest.warns(UserWarning, match="features of eval_set are badly scaled, and .* X are not"):
        pipeline.fit(raw, y, gdclassifier__eval_set=(raw, y))
    with pytest.warns(UserWarning, match="features of X_val are .*transform_input=..X_val"):
        pipeline.fit(raw, y, gdclassifier__X_val=raw, gdclassifier__y_val=y)
    pipeline.fit(raw, y, gdclassifier__eval_set=(pipeline[:-1].transform(raw), y))


def test_one_hot_labels_are_hinted_at_once() -> None:
    one_hot = np.eye(3)[np.arange(len(X)) % 3]
    with pytest.warns(UserWarning, match=r"labels are one-hot.*argmax\(axis=1\)") as caught:
        GDClassifier(**QUICK).fit(X, one_hot)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    # A warning is an error here: two columns may be opposites, and several labels are as they are.
    GDClassifier(**QUICK).fit(X, one_hot[:, :2])
    one_hot[5] = [1, 1, 0]
    GDClassifier(**QUICK).fit(X, one_hot)
    one_hot[5] = 0
    GDClassifier(**QUICK).fit(X, one_hot)


def test_hint_looks_at_rows_from_all_over_the_data() -> None:
    rows = np.random.RandomState(0).randn(5000, 2)
    rows[2500:] *= 1e3
    with pytest.warns(UserWarning, match="root mean square of feature"):
        GDClassifier(**QUICK, learning_rate=1e-9).fit(rows, rows[:, 0] > 0)


def test_hint_looks_at_rows_that_count() -> None:
    rows, weights = X.copy(), np.ones(len(X))
    rows[:3] *= 1e6
    with pytest.warns(UserWarning, match="badly scaled"):
        GDClassifier(**QUICK, learning_rate=1e-9).fit(rows, y, sample_weight=weights)
    weights[:3] = 0
    clf = GDClassifier(**QUICK).fit(rows, y, sample_weight=weights, eval_set=(rows, y, weights))
    alone = GDClassifier(**QUICK).fit(X[3:], y[3:])
    np.testing.assert_allclose(clf.parameters_.W1, alone.parameters_.W1, rtol=1e-9)
    many, seldom = np.tile(rows, (20, 1)), np.zeros(20 * len(rows))
    seldom[1::150] = 1  # none of those that are looked at
    GDClassifier(**QUICK, learning_rate=1e-9).fit(many, np.arange(3000) % 4, sample_weight=seldom)


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_common_data_get_no_hint(name: str) -> None:
    from sklearn import datasets

    rows, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    GDClassifier(**QUICK, learning_rate=0.01).fit(rows, labels)  # a warning is an error here
    one_hot = np.eye(5)[np.random.RandomState(0).randint(0, 5, 500)]
    GDClassifier(**QUICK).fit(one_hot, np.arange(500) % 2)


@pytest.mark.parametrize(("slowdown", "dtype"), [(64, "float64"), (64, "float32"), (2, "float64")])
def test_float64_on_a_card_that_is_slow_at_it(
    slowdown: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(float64_slowdown=slowdown))
    CHOICES.clear()
    clf = GDClassifier(**QUICK, device="cuda", dtype=dtype)
    if (slowdown, dtype) == (64, "float64"):
        with pytest.warns(UserWarning, match=r"cuda:0 .* float64 at 1/64 .* dtype='float32'"):
            clf.fit(X, y)
    else:
        clf.fit(X, y)
    CHOICES.clear()
