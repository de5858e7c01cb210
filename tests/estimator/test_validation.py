"""What GDClassifier validates on: eval_set, X_val and y_val in a pipeline, and its own split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from gdnet import GDClassifier
from gdnet.errors import DataError
from gdnet.training.examples import hold_out

random = np.random.RandomState(0)
X = random.randn(80, 3)
y = (X[:, 0] + 0.3 * random.randn(80) > 0).astype(int)
weights = random.rand(80)
QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 20, "tol": 0, "random_state": 0}


def fit(**given: Any) -> GDClassifier:
    return GDClassifier(**QUICK).fit(X[:50], y[:50], **given)


def test_X_val_is_eval_set_in_parts() -> None:
    for count in (2, 3):
        parts = [a[50:] for a in (X, y, weights)][:count]
        names = ("X_val", "y_val", "sample_weight_val")
        expected = fit(eval_set=tuple(parts))
        clf = fit(**dict(zip(names, parts, strict=False)))
        assert clf.validation_loss_curve_ == expected.validation_loss_curve_


@pytest.fixture
def routing() -> Any:
    with config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_a_pipeline_transforms_X_val() -> None:
    rows = 50 + 20 * X
    clf = GDClassifier(**QUICK).set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", clf)], transform_input=["X_val"])
    pipeline.fit(rows[:50], y[:50], X_val=rows[50:], y_val=y[50:])
    scaler = StandardScaler().fit(rows[:50])
    expected = GDClassifier(**QUICK).fit(
        scaler.transform(rows[:50]), y[:50], eval_set=(scaler.transform(rows[50:]), y[50:])
    )
    assert pipeline[-1].validation_loss_curve_ == expected.validation_loss_curve_

    search = GridSearchCV(pipeline, {"net__n_hidden": [2, 4]}, cv=2, error_score="raise")
    search.fit(rows[:50], y[:50], X_val=rows[50:], y_val=y[50:])
    best = search.best_estimator_[-1]
    expected = expected.set_params(n_hidden=best.n_hidden).fit(
        scaler.transform(rows[:50]), y[:50], eval_set=(scaler.transform(rows[50:]), y[50:])
    )
    assert best.validation_loss_curve_ == expected.validation_loss_curve_


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X, "y_val": y, "eval_set": (X, y)}, "got eval_set and X_val, y_val; leave out"),
        ({"X_val": X}, "X_val: expected y_val as well"),
        ({"y_val": y}, "y_val: expected X_val as well"),
        ({"X_val": X, "sample_weight_val": weights}, "X_val: expected y_val as well"),
        ({"sample_weight_val": weights}, "sample_weight_val: expected X_val and y_val as well"),
        ({"X_val": X[:, :2], "y_val": y}, "X_val: X has 2 features, but GDClassifier is expec"),
        ({"X_val": X * np.nan, "y_val": y}, "X_val: Input X contains NaN"),
        ({"X_val": X, "y_val": y[1:]}, "y_val: Found input variables with inconsistent numbers"),
        ({"X_val": X, "y_val": y + 1}, "y_val: expected labels among the classes.*0, 1, got 2"),
        ({"X_val": X, "y_val": np.eye(2)[y]}, r"y_val: expected a y like .*, got shape \(80, 2\)"),
        (
            {"X_val": X, "y_val": y, "sample_weight_val": -weights},
            "sample_weight_val: Negative values",
        ),
        ({"eval_set": [(X, y)]}, "got a list of 1; .* give one pair, without a list around"),
        ({"eval_set": [X, y]}, r"got a list of 2; .* eval_set=tuple\(eval_set\)"),
        ({"eval_set": [(X, y)] * 3}, "got a list of 3; gdnet validates on one set: give one pair"),
        ({"eval_set": ((X, y),)}, "got a tuple of 1; .* without a list around it"),
        ({"eval_set": X}, r"got a ndarray; give one pair, eval_set=\(X, y\)"),
        ({"eval_set": (X, y + 1)}, "eval_set: expected labels among the classes.*0, 1, got 2"),
    ],
)
def test_what_cannot_be_validated_on_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit(**given)


def test_a_sparse_X_val_is_named() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"X_val: .* got a sparse csr_array"):
        fit(X_val=sparse.csr_array(X), y_val=y)


@pytest.mark.parametrize(
    "of",
    [
        lambda codes: 2 * codes - 1,
        lambda codes: 3 + 4 * codes,
        lambda codes: codes == 1,
        lambda codes: codes.astype(float),
        lambda codes: np.array(["neg", "pos"])[codes],
        lambda codes: np.array(["neg", "pos"], object)[codes],
    ],
)
def test_labels_of_any_kind_give_the_same_curve(of: Any) -> None:
    expected = fit(eval_set=(X[50:], y[50:])).validation_loss_curve_
    clf = GDClassifier(**QUICK).fit(X[:50], of(y[:50]), eval_set=(X[50:], of(y[50:])))
    assert clf.validation_loss_curve_ == expected
    some = y[50:] == 1
    clf.fit(X[:50], of(y[:50]), eval_set=(X[50:][some], of(y[50:])[some]))
    assert np.isfinite(clf.validation_loss_curve_ or [np.nan]).all()


@pytest.mark.parametrize("m", range(2, 13))
@pytest.mark.parametrize("kind", ["halves", "one", "distinct"])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_few_examples_are_split_with_every_class_in_training(
    m: int, kind: str, fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"halves": np.arange(m) % 2, "one": np.arange(m) // (m - 1), "distinct": np.arange(m)}
    trained_on: list[set[int]] = []

    def spy(*given: Any) -> Any:
        parts = hold_out(*given)
        trained_on.append(set(parts[0].codes.tolist()))
        return parts

    monkeypatch.setattr("gdnet.estimator.fitting.hold_out", spy)
    clf = GDClassifier(**QUICK, early_stopping=True, validation_fraction=fraction)
    n_classes = len(set(labels[kind]))
    validated = round(m * fraction)
    if 0 < validated < m and m > n_classes:
        clf.fit(X[:m], labels[kind])
        assert trained_on == [set(range(n_classes))]
        assert np.isfinite(clf.validation_loss_curve_ or [np.nan]).all()
    else:
        message = f"validation_fraction: .* got {fraction} of {m} rows of {n_classes} classes"
        with pytest.raises(DataError, match=message):
            clf.fit(X[:m], labels[kind])
