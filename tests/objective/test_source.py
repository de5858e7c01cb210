"""What may come in as X, Y and weights, and one clear refusal for each thing that may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend
from gdnet.data.source import ArraySource, as_Y
from gdnet.errors import DataError

X = np.arange(12.0).reshape(2, 6)
Y = np.array([[0, 1, 0, 1, 1, 0]])


def test_blocks_are_views_of_the_data() -> None:
    source = ArraySource(X, Y, np.ones((1, 6)))
    block = source.read(2, 5)
    assert np.shares_memory(block.X, X)
    np.testing.assert_array_equal(block.X, X[:, 2:5])
    np.testing.assert_array_equal(block.labels, Y[:, 2:5])
    assert block.weights is not None
    assert block.weights.shape == (1, 3)
    assert (source.n0, source.n2, source.m, source.total_weight) == (2, 1, 6, 6.0)


def test_total_weight_is_exact_in_float32() -> None:
    w = np.full((1, 10_000_000), 0.1, np.float32)
    source = ArraySource(np.zeros((1, 10_000_000), np.int8), np.zeros((1, 10_000_000), bool), w)
    assert source.total_weight == pytest.approx(10_000_000 * float(np.float32(0.1)), rel=1e-15)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float32", "float64"])
def test_labels_of_any_type_become_Y(backend: Backend, dtype: str) -> None:
    labels = ArraySource(X, Y.astype(dtype)).read(0, 6).labels
    assert labels.dtype.kind in "iu"
    classes = backend.asarray(np.zeros((1, 1), int))
    got = as_Y(backend.asarray(labels), classes, backend.xp.float32, backend.xp)
    np.testing.assert_array_equal(backend.to_numpy(got), Y)


def test_class_numbers_become_rows_of_0_and_1(backend: Backend) -> None:
    codes = np.array([[2, 0, 1, 1, 2, 0]], np.uint8)
    labels = ArraySource(X, codes, n_classes=3).read(0, 6).labels
    classes = backend.asarray(np.arange(3).reshape(-1, 1))
    got = as_Y(backend.asarray(labels), classes, backend.xp.float64, backend.xp)
    np.testing.assert_array_equal(backend.to_numpy(got), np.eye(3)[:, codes[0]])


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_computed_with_as_an_array() -> None:
    block = ArraySource(np.asmatrix(X), np.asmatrix(Y)).read(0, 6)
    assert type(block.X) is type(block.labels) is np.ndarray


def test_a_mask_is_refused_where_it_masks() -> None:
    ArraySource(np.ma.masked_array(X), Y)
    with pytest.raises(DataError, match="X: expected every number to be there, got a masked array"):
        ArraySource(np.ma.masked_equal(X, 3), Y)


def changed(array: np.ndarray[Any, Any], index: Any, value: float) -> np.ndarray[Any, Any]:
    array = array.astype(float)
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], Y), r"X: expected an array of shape \(n0, m\).*got shape \(6,\)"),
        ((X[:, :0], Y[:, :0]), r"at least 1 feature and 1 example, got shape \(2, 0\)"),
        ((X[:0], Y), r"at least 1 feature and 1 example, got shape \(0, 6\)"),
        ((X.astype(str), Y), "X: expected real numbers, got dtype <U"),
        ((X.astype(object), Y), "X: expected real numbers, got dtype object"),
        ((X.astype(np.longdouble), Y), "X: expected real numbers, got dtype float128"),
        ((X.astype(complex), Y), "X: expected real numbers, got dtype complex128"),
        ((changed(X, (1, 4), np.nan), Y), "got nan in example 4, feature 1"),
        ((changed(X, (0, 2), -np.inf), Y), "got -inf in example 2, feature 0"),
        ((X, Y[0]), r"Y: expected an array of shape \(n2, 6\), got shape \(6,\); no rank-1"),
        ((X, Y.T), "one column for each of the 6 examples"),
        ((X, Y[:, :5]), r"one column for each of the 6 examples of X, got shape \(1, 5\)"),
        ((X, Y.astype(str)), "Y: expected real numbers"),
        ((X, Y * 2), "labels 0 or 1, got 2 in example 1 .*give n_classes, and choose the output"),
        ((X, -Y), "labels 0 or 1, got -1 in example 1"),
        ((X, Y / 2), "labels 0 or 1, got 0.5 in example 1"),
        ((X, changed(Y, (0, 3), np.nan)), "labels 0 or 1, got nan in example 3"),
        ((X, Y, np.ones(6)), r"weights: expected shape \(1, 6\), got \(6,\)"),
        ((X, Y, changed(np.ones((1, 6)), (0, 1), -1)), "at least 0, got -1.0 for example 1"),
        ((X, Y, changed(np.ones((1, 6)), (0, 1), np.nan)), "finite.*got nan for example 1"),
        ((X, Y, np.zeros((1, 6))), "at least one above 0, got all zero"),
    ],
)
def test_each_wrong_input_has_its_own_message(arguments: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ArraySource(*arguments)


@pytest.mark.parametrize(
    ("codes", "n_classes", "message"),
    [
        (Y + 2, 3, "class numbers 0 to 2, got 3 in example 1"),
        (Y, 1, "at least 2 classes"),
        (np.vstack([Y, Y]), 3, r"one row \(1, m\) of class numbers"),
    ],
)
def test_wrong_class_numbers_are_refused(codes: Any, n_classes: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ArraySource(X, codes, n_classes=n_classes)
