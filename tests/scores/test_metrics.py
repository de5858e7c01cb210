"""AUC and confusion against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from gdnet.scores.metrics import confusion, roc_auc


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distinct", [1, 2, 5, 1000])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_auc_with_ties(share: float, distinct: int, dtype: str) -> None:
    random = np.random.RandomState(distinct)
    positive = random.rand(400) < share
    positive[:2] = [True, False]
    scores = (random.randint(0, distinct, 400) + positive * random.randint(0, 2, 400)).astype(dtype)
    assert roc_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_auc_by_hand() -> None:
    scores = np.array([0.1, 0.4, 0.4, 0.8])
    # Pairs of a positive and a negative: 0.4 ties once and wins once, 0.8 wins twice.
    assert roc_auc(scores, np.array([False, True, False, True])) == 3.5 / 4
    assert roc_auc(scores, np.array([False, False, True, True])) == 3.5 / 4
    assert roc_auc(-scores, np.array([False, True, False, True])) == 0.5 / 4


def test_auc_of_one_class() -> None:
    assert roc_auc(np.array([1.0, 2.0]), np.array([True, True])) is None
    assert roc_auc(np.array([1.0, 2.0]), np.array([False, False])) is None


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_confusion(classes: int) -> None:
    random = np.random.RandomState(0)
    truth = random.randint(0, classes, 500).astype(np.uint8)
    predicted = np.where(random.rand(500) < 0.6, truth, random.randint(0, classes, 500))
    found = confusion(truth, predicted.astype(np.uint32), classes)
    expected = confusion_matrix(truth, predicted, labels=range(classes))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64


def test_confusion_has_a_place_for_classes_that_are_not_there() -> None:
    truth, predicted = np.array([0, 0, 3], np.uint8), np.array([0, 3, 3], np.uint32)
    found = confusion(truth, predicted, 5)
    assert found.shape == (5, 5)
    assert found.sum() == 3
    assert (found[0, 0], found[0, 3], found[3, 3]) == (1, 1, 1)


def test_confusion_of_more_classes_than_a_byte_can_count() -> None:
    # 17 * 200 + 3 does not fit into the labels' own type.
    truth, predicted = np.array([17], np.uint8), np.array([3], np.uint32)
    assert confusion(truth, predicted, 200)[17, 3] == 1
