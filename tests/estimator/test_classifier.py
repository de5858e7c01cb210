"""GDClassifier as its users meet it: fitted attributes, parameters, bits, what it says."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gdnet import Activation, GDClassifier
from gdnet.parameters import Parameters, initialise
from tests.support.classifiers import QUICK, X, y
from tests.support.labelled_problems import problem

Rows = np.ndarray[Any, Any]


def test_the_lectures_lab(planar: tuple[Rows, Rows], lab: Any) -> None:
    columns, Y = planar
    clf = GDClassifier(
        4, learning_rate=1.2, max_iter=5001, tol=0, init_scale=0.01, random_state=2
    ).fit(columns.T, Y[0])
    published = lab["planar_training"]["init_seed_2"]["published_cost_every_1000"][:6]
    np.testing.assert_allclose(clf.loss_curve_[::1000], published, atol=5e-7)
    assert clf.score(columns.T, Y[0]) >= 0.9
    assert (clf.n_iter_, clf.converged_, clf.device_) == (5001, False, "cpu")


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types(kind: str, dtype: Any) -> None:
    X, y = problem(kind)
    X = X.astype(dtype)
    clf = GDClassifier(**QUICK, device="cpu").fit(X, y)
    outputs = {"binary": 1, "multiclass": 3, "multilabel": 3}[kind]
    assert isinstance(clf.parameters_, Parameters)
    shapes = [(4, 5), (4, 1), (outputs, 4), (outputs, 1)]
    assert [p.shape for p in clf.parameters_] == shapes
    assert {p.dtype for p in clf.parameters_} == {np.dtype(dtype)}
    assert clf.predict(X).shape == y.shape
    probabilities, logits = clf.predict_proba(X), clf.decision_function(X)
    assert probabilities.dtype == logits.dtype == dtype
    assert probabilities.shape == (len(X), 2 if kind == "binary" else 3)
    assert logits.shape == ((len(X),) if kind == "binary" else (len(X), 3))
    if kind != "multilabel":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
        labels = clf.classes_[probabilities.argmax(axis=1)]
        np.testing.assert_array_equal(clf.predict(X), labels)
    assert len(clf.loss_curve_) == clf.n_iter_ == 30
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    assert clf.validation_loss_curve_ is None
    assert clf.n_features_in_ == 5


def test_dtype_is_what_was_asked_for() -> None:
    clf = GDClassifier(**QUICK, dtype="float32").fit(X, y)
    assert clf.parameters_.W1.dtype == clf.predict_proba(X).dtype == np.float32
    clf = GDClassifier(**QUICK, dtype=np.float64).fit(X.astype(np.float32), y)
    assert clf.parameters_.W1.dtype == np.float64
    narrow = X.astype(np.float32)
    clf = clone(clf).set_params(dtype=narrow.dtype).fit(X, y)
    assert clf.parameters_.W1.dtype == np.float32
    assert GDClassifier(**QUICK).fit((9 * X).astype(int), y).parameters_.W1.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_threads_or_layout(dtype: Any) -> None:
    random = np.random.RandomState(0)
    rows = random.randn(5000, 6).astype(dtype)
    labels = (rows[:, 0] > 0.1).astype(int)
    settings = {**QUICK, "block_size": 512, "device": "cpu"}
    one = GDClassifier(**settings, n_jobs=1).fit(rows, labels)
    strided = rows.repeat(2, 1)[:, ::2]
    for n_jobs, same in ((3, rows), (None, np.asfortranarray(rows)), (-1, strided)):
        other = GDClassifier(**settings, n_jobs=n_jobs).fit(same, labels)
        for got, want in zip(other.parameters_, one.parameters_, strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(other.predict_proba(same), one.predict_proba(rows))


def test_a_prediction_does_not_depend_on_the_rows_beside_it() -> None:
    clf = GDClassifier(16, max_iter=5, tol=0, random_state=0, device="cpu")
    rows = X.astype(np.float32)
    together = clf.fit(rows, y).decision_function(rows)
    for i in (0, 17, 149):
        assert clf.decision_function(rows[i : i + 1])[0] == together[i]
    np.testing.assert_array_equal(clf.decision_function(rows[::-1]), together[::-1])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_log_probabilities_are_finite_where_probabilities_are_0(kind: str) -> None:
    special = pytest.importorskip("scipy.special")
    X, y = problem(kind)
    clf = GDClassifier(**QUICK).fit(X, y)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(clf.predict_proba(X)), rtol=1e-12)
    clf.parameters_ = clf.parameters_._replace(W2=1e4 * clf.parameters_.W2)
    assert (clf.predict_proba(X) == 0).any()
    Z2 = clf.decision_function(X)
    expected = {
        "binary": lambda: special.log_expit(np.stack([-Z2, Z2], axis=1)),
        "multiclass": lambda: special.log_softmax(Z2, axis=1),
        "multilabel": lambda: special.log_expit(Z2),
    }[kind]()
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, rtol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_small_probabilities_of_both_classes_keep_their_digits(sign: int) -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    clf.parameters_ = clf.parameters_._replace(W2=sign * 50 * clf.parameters_.W2)
    Z2, probabilities = clf.decision_function(X), clf.predict_proba(X)
    assert Z2.max() > 40  # where 1 - A2 is 0
    assert Z2.min() < -40
    expected = np.exp(-np.logaddexp(0, np.stack([Z2, -Z2], axis=1)))
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)


def test_random_state_of_every_kind() -> None:
    first = initialise(5, 4, 1, random_state=7).W1
    for state in (7, np.random.RandomState(7), np.int64(7)):
        settings = {**QUICK, "random_state": state, "learning_rate": 1e-12, "max_iter": 1}
        clf = GDClassifier(**settings).fit(X, y)
        np.testing.assert_allclose(clf.parameters_.W1, first, rtol=1e-9)
    two = [GDClassifier(**{**QUICK, "random_state": None}).fit(X, y) for _ in range(2)]
    assert not np.array_equal(two[0].parameters_.W1, two[1].parameters_.W1)


def test_tol_ends_the_fit_and_0_does_not() -> None:
    clf = GDClassifier(4, tol=1e-2, n_iter_no_change=3, random_state=0).fit(X, y)
    assert clf.converged_
    assert len(clf.loss_curve_) == clf.n_iter_ < 1000
    exact = GDClassifier(4, tol=0, max_iter=clf.n_iter_, random_state=0).fit(X, y)
    assert not exact.converged_
    np.testing.assert_array_equal(exact.parameters_.W1, clf.parameters_.W1)


def test_loss_is_that_of_the_parameters_that_are_kept() -> None:
    settings = {**QUICK, "l2": 2.0, "class_weight": "balanced"}
    clf = GDClassifier(**settings).fit(X, y)
    longer = GDClassifier(**{**settings, "max_iter": 40}).fit(X, y)
    assert clf.loss_ == longer.loss_curve_[30]
    settings |= {"early_stopping": True, "max_iter": 500, "learning_rate": 2.0, "l2": 0.0}
    stopped = GDClassifier(**settings).fit(X[:30], y[:30], eval_set=(X[30:], y[30:]))
    best = int(np.argmin(stopped.validation_loss_curve_ or []))
    assert 0 < best < stopped.n_iter_ - 1
    assert stopped.loss_ == pytest.approx(stopped.loss_curve_[best], rel=1e-12)


def test_warm_start_goes_on_where_the_last_fit_ended() -> None:
    clf = GDClassifier(**{**QUICK, "max_iter": 20}, warm_start=True).fit(X, y)
    clf.set_params(max_iter=10).fit(X, y)
    whole = GDClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(clf.parameters_.W1, whole.parameters_.W1)
    assert clf.loss_curve_ == whole.loss_curve_
    assert clf.n_iter_ == 10
    for other, message in (
        (clone(clf).fit(X, y).set_params(n_hidden=5), "expected its n_hidden, 4, got 5"),
        (clone(clf).fit(X, y == "yes"), r"expected its classes, \[False, True\], got \['no'"),
    ):
        with pytest.raises(ValueError, match=message):
            other.fit(X, y)
    with pytest.raises(ValueError, match="5 features"):
        clf.fit(X[:, :3], y)


def test_an_activation_of_ones_own() -> None:
    square = Activation("square", lambda Z, xp: Z * Z, lambda Z, xp: 2 * Z, slope_needs_Z1=True)
    clf = clone(GDClassifier(**QUICK, activation=square)).fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    W1, b1, W2, b2 = clf.parameters_
    np.testing.assert_allclose(
        clf.decision_function(X), (W2 @ (W1 @ X.T + b1) ** 2 + b2)[0], rtol=1e-12
    )


def test_parameters_set_after_a_fit_do_not_change_its_predictions() -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(activation="relu", n_hidden=9, dtype="float32")
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_score_takes_weights() -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    right = clf.predict(X) == y
    weights = np.linspace(0, 1, len(X))
    assert clf.score(X, y, weights) == pytest.approx((right * weights).sum() / weights.sum())


def test_fit_says_nothing_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    GDClassifier(**QUICK).fit(X, y)
    assert capfd.readouterr() == ("", "")
    GDClassifier(**QUICK, verbose=1, device="cpu").fit(X, y, eval_set=(X, y))
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "gdnet: on cpu (asked for)"
    assert len(lines) == 12
    assert lines[1].startswith("gdnet: iteration 0, cost 0.")
    assert "validation cost 0." in lines[-1]
    assert lines[-1].startswith("gdnet: iteration 29, ")


def test_device_is_reported_without_what_to_install(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    GDClassifier(**QUICK, verbose=1).fit(X, y)
    said = "gdnet: on cpu (no CUDA: CuPy is not installed)"
    assert capfd.readouterr().err.splitlines()[0] == said


@pytest.mark.filterwarnings("error")
def test_warning_of_no_convergence() -> None:
    with pytest.warns(
        ConvergenceWarning, match="tol=0.0001 when max_iter=5 .* set tol=0"
    ) as caught:
        GDClassifier(max_iter=5, random_state=0).fit(X, y)
    assert caught[0].filename == __file__
