"""Data and parameters that GDClassifier refuses, or takes with a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import DataConversionWarning, NotFittedError

from gdnet import GDClassifier
from tests.support.classifiers import QUICK, X, y
from tests.support.labelled_problems import problem


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_wherever_they_are(value: float) -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    rows = X.copy()
    rows[-1, -1] = value
    for bad in (rows, np.asfortranarray(rows), rows.tolist(), rows.astype(np.float32)):
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            clf.predict(bad)


def test_finite_numbers_whose_sum_is_not() -> None:
    clf = GDClassifier(**QUICK).fit(X.astype(np.float32), y)
    large = np.full((8, 5), 1e38, np.float32)
    np.testing.assert_array_equal(clf.predict(large), clf.predict(large.tolist()))


def test_one_column_of_labels_is_taken_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = GDClassifier(**QUICK).fit(X, y.reshape(-1, 1))
    assert clf.predict(X).shape == (150,)


def test_a_sparse_y_of_several_labels_is_taken() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    rows, labels = problem("multilabel")
    sparse = GDClassifier(**QUICK).fit(rows, scipy_sparse.csr_array(labels))
    dense = GDClassifier(**QUICK).fit(rows, labels)
    np.testing.assert_array_equal(sparse.parameters_.W1, dense.parameters_.W1)


SPOILT = X.copy()
SPOILT[3, 2] = np.nan


@pytest.mark.parametrize(
    ("X", "y", "more", "message"),
    [
        (SPOILT, y, {}, "Input X contains NaN"),
        (X[:, 0], y, {}, "Expected 2D array, got 1D array instead"),
        (np.full((150, 2), "a", object), y, {}, "could not convert string to float"),
        (X, y[:9], {}, "inconsistent numbers of samples"),
        (X, np.ones(150), {}, "at least 2 classes, got one class only"),
        (X, X[:, 0], {}, "Unknown label type: continuous"),
        (X, np.where(X[:, :2] > 0, 3, 4), {}, "expected 0 or 1, got"),
        (X, None, {}, "requires y to be passed, but the target y is None"),
        (X, y, {"sample_weight": np.zeros(150)}, "(?i)weights must contain at least one|all zero"),
        (X, y, {"sample_weight": np.full(150, -1.0)}, "Negative values in data"),
        (X, y, {"sample_weight": np.ones(7)}, "sample_weight.shape"),
        (X, y, {"eval_set": [(X, y)]}, r"tuple \(X, y\) or \(X, y, sample_weight\), got a list"),
        (X, y, {"eval_set": (X[:, :2], y)}, "^eval_set: X has 2 features, but .* is expecting 5"),
        (X, y, {"eval_set": (SPOILT, y)}, "^eval_set: Input X contains NaN"),
        (X, y, {"eval_set": (X, y[:9])}, "^eval_set: Found input variables with inconsistent"),
        (X, y, {"eval_set": (X, None)}, "^eval_set: .* the target y is None"),
        (X, y, {"eval_set": (X, y, np.ones(7))}, "^eval_set: sample_weight.shape"),
        (
            X,
            y,
            {"eval_set": (X, np.where(y == "no", "No", y))},
            "^eval_set: .* classes of the model",
        ),
    ],
)
def test_bad_data_are_refused(X: Any, y: Any, more: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        GDClassifier(**QUICK).fit(X, y, **more)
    assert "Traceback" not in str(caught.value)


def test_sparse_data_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse").csr_array(X)
    with pytest.raises(TypeError, match="expected dense data, got a sparse csr_array"):
        GDClassifier(**QUICK).fit(sparse, y)
    with pytest.raises(TypeError, match="eval_set: X: expected dense data, got a sparse csr_array"):
        GDClassifier(**QUICK).fit(X, y, eval_set=(sparse, y))


def test_bad_data_to_predict_are_refused() -> None:
    clf = GDClassifier(**QUICK)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf.fit(X, y)
    with pytest.raises(ValueError, match="3 features, but GDClassifier is expecting 5"):
        clf.predict(X[:, :3])
    with pytest.raises(ValueError, match="1D array"):
        clf.predict(X[0])
    with pytest.raises(ValueError, match="NaN"):
        clf.predict_proba(SPOILT)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_hidden", 0, "int in the range"),
        ("n_hidden", 2.5, "int in the range"),
        ("activation", "thanh", "must be a str among .*'tanh'"),
        ("learning_rate", 0, "float in the range"),
        ("learning_rate", float("inf"), "float in the range"),
        ("max_iter", 0, "int in the range"),
        ("tol", -1, "float in the range"),
        ("tol", 1.0, "float in the range"),
        ("l2", -1.0, "float in the range"),
        ("l2", float("inf"), "float in the range"),
        ("init_scale", "large", "'auto'"),
        ("init_scale", float("inf"), "float in the range"),
        ("class_weight", "even", "'balanced'"),
        ("class_weight", {"perhaps": 2.0}, r"the classes \['no', 'yes'\], got one of 'perhaps'"),
        ("class_weight", {"yes": -1.0}, "at least 0, got -1.0 for 'yes'"),
        ("class_weight", {"yes": 0, "no": 0}, "at least one class, got all 0"),
        ("validation_fraction", 1.0, "float in the range"),
        ("device", "gpu", "unknown device 'gpu': choose auto, cpu, cuda or cuda:N"),
        ("dtype", "float16", "'float32'"),
        ("block_size", 0, "'auto'"),
        ("n_jobs", 0, "n_jobs: expected a number of threads"),
        ("matmul_precision", "high", "'tf32'"),
        ("engine", "sometimes", "'cublas_fused'"),
        ("verbose", -1, "verbose"),
    ],
)
def test_bad_parameters_are_refused_by_fit(name: str, value: Any, message: str) -> None:
    clf = GDClassifier().set_params(**{name: value})
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


def test_what_only_cuda_has_is_refused_on_a_cpu() -> None:
    for settings in ({"engine": "fused"}, {"matmul_precision": "tf32"}):
        clf = GDClassifier(device="cpu").set_params(**settings)
        with pytest.raises(ValueError, match=f"{next(iter(settings.values()))}' is for CUDA"):
            clf.fit(X, y)


def test_mapping_of_class_weights_is_not_for_several_labels() -> None:
    rows, labels = problem("multilabel")
    with pytest.raises(
        ValueError, match=r"class_weight: expected 'balanced' or None .*, got weights of classes"
    ):
        GDClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0}).fit(rows, labels)
