"""AUC and F1 of each class and label, and their macro means, beside scikit-learn's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gdnet.scores import score_counts
from gdnet.scores.by_class import MAX_AREAS, f1_scores, macro, odds
from gdnet.scores.classification import ClassificationMetrics, Evaluation

metrics = pytest.importorskip("sklearn.metrics")

Rows = Any


def counted(kind: str, labels: Rows, Z2: Rows, *cuts: int) -> Evaluation:
    """The evaluation of examples that come in blocks, of two threads or ranks."""
    parts = [ClassificationMetrics(kind), ClassificationMetrics(kind)]
    edges = [0, *cuts, len(Z2)]
    for k, (lo, hi) in enumerate(itertools.pairwise(edges)):
        parts[k % 2].add(labels[:, lo:hi], Z2[lo:hi], 0.0)
    parts[0].merge(parts[1])
    return parts[0].result()


def drawn(m: int, n2: int, seed: int = 0) -> tuple[Rows, Rows]:
    random = np.random.RandomState(seed)
    codes = random.randint(0, n2, m)
    return codes, random.randn(m, n2) * 3 + 2 * np.eye(n2)[codes]


def softmax(Z2: Rows) -> Rows:
    powers = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_more_classes_as_scikit_learn() -> None:
    codes, Z2 = drawn(500, 4)
    found = counted("multiclass", codes[None], Z2)
    one = {"multi_class": "ovr", "average": None}
    areas = metrics.roc_auc_score(codes, softmax(Z2), **one)
    assert found.auc_of_each == pytest.approx(areas, abs=1e-12)
    assert found.auc == pytest.approx(areas.mean(), abs=1e-12)
    assert found.auc_error == 0
    predicted = Z2.argmax(axis=1)
    expected = metrics.f1_score(codes, predicted, average=None)
    assert found.f1_of_each == pytest.approx(expected, abs=1e-12)
    assert found.f1 == pytest.approx(metrics.f1_score(codes, predicted, average="macro"))


def test_two_classes_as_scikit_learn() -> None:
    codes, Z2 = drawn(300, 2)
    Z2 = Z2[:, 1:] - Z2[:, :1]
    found = counted("binary", codes[None], Z2)
    assert found.auc == pytest.approx(metrics.roc_auc_score(codes, Z2[:, 0]), abs=1e-12)
    assert found.f1 == pytest.approx(metrics.f1_score(codes, Z2[:, 0] > 0))
    assert (found.auc_of_each, found.f1_of_each) == ((), ())


def test_labels_as_scikit_learn() -> None:
    random = np.random.RandomState(3)
    Y = (random.rand(400, 3) < [0.1, 0.5, 0.9]).astype(np.uint8)
    Z2 = random.randn(400, 3) + Y
    found = counted("multilabel", Y.T, Z2)
    assert found.auc == pytest.approx(metrics.roc_auc_score(Y, Z2, average="macro"), abs=1e-12)
    assert found.f1 == pytest.approx(metrics.f1_score(Y, Z2 > 0, average="macro"), abs=1e-12)
    assert found.hamming == pytest.approx(1 - metrics.hamming_loss(Y, Z2 > 0), abs=1e-12)
    assert found.majority == pytest.approx(np.maximum(Y.mean(axis=0), 1 - Y.mean(axis=0)).mean())


def test_classes_without_examples() -> None:
    codes, Z2 = drawn(200, 4)
    codes[codes == 3] = 0
    found = counted("multiclass", codes[None], Z2)
    assert found.auc_of_each[3:] == (None,)
    assert found.auc == pytest.approx(np.mean(found.auc_of_each[:3]), abs=1e-15)  # type: ignore[arg-type]
    # Predicted, but never true: 0, which counts.
    expected = metrics.f1_score(codes, Z2.argmax(axis=1), average=None)
    assert expected[3] == 0
    assert found.f1_of_each == pytest.approx(expected, abs=1e-12)
    # Neither: left out, as by scikit-learn.
    Z2[:, 3] = -99
    found = counted("multiclass", codes[None], Z2)
    assert found.f1_of_each[3:] == (None,)
    assert found.f1 == pytest.approx(metrics.f1_score(codes, Z2.argmax(axis=1), average="macro"))
    Y = np.zeros((50, 2), np.uint8)
    Y[:25, 0] = 1
    found = counted("multilabel", Y.T, np.where(Y == 1, 1.0, -1.0))
    assert [*found.auc_of_each] == [1, None]
    assert [*found.f1_of_each] == [1, None]
    assert (found.auc, found.f1) == (1, 1)
    only = counted("multiclass", np.zeros((1, 9), np.uint8), np.tile([1.0, 0, -1], (9, 1)))
    assert (only.auc, only.auc_error, only.f1) == (None, 0, 1)


@pytest.mark.parametrize("most_exact", [0, 1000, 10**6])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_same_bits_in_any_blocks(
    monkeypatch: pytest.MonkeyPatch, most_exact: int, kind: str
) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", most_exact)
    codes, Z2 = drawn(900, 1 if kind == "binary" else 5)
    labels = (np.eye(5, dtype=np.uint8)[codes]).T if kind == "multilabel" else codes[None] % 5
    if kind == "binary":
        labels = (np.arange(900) % 2)[None]
    expected = counted(kind, labels, Z2)
    random = np.random.RandomState(1)
    for _ in range(5):
        order = random.permutation(900)
        cuts = sorted({*random.randint(1, 900, 4).tolist(), 500, 501})
        found = counted(kind, labels[:, order], Z2[order], *cuts)
        assert found._replace(confusion=None) == expected._replace(confusion=None)
    assert bool(expected.auc_error) == (most_exact < 900 * Z2.shape[1])


@pytest.mark.parametrize("n2", [3, 10, MAX_AREAS])
def test_error_of_counts(monkeypatch: pytest.MonkeyPatch, n2: int) -> None:
    codes, Z2 = drawn(20_000, n2)
    exact = counted("multiclass", codes[None], Z2)
    monkeypatch.setattr(score_counts, "MAX_EXACT", 0)
    found = counted("multiclass", codes[None], Z2)
    assert exact.auc_error == 0
    assert found.auc_error is not None
    assert found.auc is not None
    assert 0 < found.auc_error < 1e-3
    assert found.auc == pytest.approx(exact.auc, abs=found.auc_error)
    assert found.auc == pytest.approx(exact.auc, abs=1e-5)


def test_too_many_outputs_have_no_areas() -> None:
    codes, Z2 = drawn(500, MAX_AREAS + 1)
    found = counted("multiclass", codes[None], Z2)
    assert (found.auc, found.auc_error, found.auc_of_each) == (None, 0, ())
    assert found.f1 == pytest.approx(metrics.f1_score(codes, Z2.argmax(axis=1), average="macro"))


@given(
    arrays(
        np.float64, st.tuples(st.integers(2, 12), st.integers(1, 9)), elements=st.floats(-40, 40)
    )
)
def test_odds(Z: Rows) -> None:
    found = odds(Z)
    others = np.array([[np.logaddexp.reduce(np.delete(z, k)) for z in Z.T] for k in range(len(Z))])
    # Where a class is sure, its probability is 1, and its odds still differ.
    np.testing.assert_allclose(found, np.exp(Z - others), rtol=1e-9)
    for i in range(Z.shape[1]):
        assert np.array_equal(odds(Z[:, i : i + 1])[:, 0], found[:, i])


def test_odds_of_large_numbers() -> None:
    Z = np.array([[1e6, -1e6, np.nan, 5], [0, 0, 1, 5]])
    with np.errstate(invalid="ignore"):
        found = odds(Z)
    assert found[:, [0, 1, 3]].tolist() == [[np.inf, 0, 1], [0, np.inf, 1]]
    assert np.isnan(found[:, 2]).all()


def test_nothing_to_count() -> None:
    assert f1_scores(*np.zeros((3, 2), np.int64)) == (None, None)
    assert macro([None, None]) is None
