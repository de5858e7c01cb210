"""RMSE, MAE and R^2 from sums over blocks: scikit-learn's numbers, the same bits in any order."""

from __future__ import annotations

import math
import random as python_random
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.data.source import RowSource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.scores.evaluation import evaluate
from gdnet.scores.regression import RegressionMetrics, RegressionScores

Rows = np.ndarray[Any, Any]


def examples(m: int = 1000, n2: int = 2, place: float = 0.0) -> tuple[Rows, Rows]:
    random = np.random.RandomState(0)
    truth = place + random.randn(n2, m) * [[1], [30]][:n2]
    return truth, truth + random.randn(n2, m) * 0.3


def scored(truth: Rows, predicted: Rows, order: Any, height: int = 100) -> RegressionScores:
    """Add blocks in an order, half of them to one sum and half to another, and merge the two."""
    both = RegressionMetrics(truth[:, 0]), RegressionMetrics(truth[:, 0])
    for k, i in enumerate(order):
        part = slice(height * i, height * (i + 1))
        both[k % 2].add(truth[:, part], predicted[:, part].T)
    both[0].merge(both[1])
    return both[0].result()


@pytest.mark.parametrize("place", [0.0, -40.0, 1e7])
def test_scores_are_those_of_scikit_learn(place: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = examples(place=place)
    got = scored(truth, predicted, range(10))
    for name, want in (
        ("rmse", metrics.root_mean_squared_error),
        ("mae", metrics.mean_absolute_error),
        ("r2", metrics.r2_score),
    ):
        each = want(truth.T, predicted.T, multioutput="raw_values")
        np.testing.assert_allclose(getattr(got, name), each, rtol=1e-12)
    np.testing.assert_allclose(got.baseline, truth.std(axis=1), rtol=1e-12)
    assert got.examples == 1000


def test_any_order_and_any_merge_has_the_same_bits() -> None:
    truth, predicted = examples()
    want = scored(truth, predicted, range(10))
    shuffled = python_random.Random(0)
    for _ in range(20):
        order = [*range(10)]
        shuffled.shuffle(order)
        for one, other in zip(scored(truth, predicted, order), want, strict=True):
            np.testing.assert_array_equal(one, other)


def test_large_targets_that_vary_little_keep_their_digits() -> None:
    truth, predicted = examples(n2=1)
    far = truth + 2.0**40
    exact = far - 2.0**40  # what was left of them
    got = scored(far, far + (predicted - truth), range(10))
    assert got.baseline[0] == pytest.approx(exact.std(), rel=1e-12)
    squares = np.mean((far - (far + (predicted - truth))) ** 2)
    assert got.rmse[0] == pytest.approx(math.sqrt(squares), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9, 1e-30])
def test_r2_of_equal_targets_is_none(value: float) -> None:
    truth = np.full((1, 300), value)
    got = scored(truth, truth + 1, range(3))
    assert math.isnan(got.r2[0])
    assert (got.baseline[0], got.mae[0]) == (0, pytest.approx(1))


def test_metrics_of_another_origin_are_not_merged() -> None:
    with pytest.raises(ValueError, match="expected metrics of the same origin"):
        RegressionMetrics(np.zeros(2)).merge(RegressionMetrics(np.ones(2)))


def test_predictions_that_are_not_finite_are_no_error() -> None:
    truth, predicted = examples()
    predicted[0, 17], predicted[1, 17] = np.nan, np.inf
    got = scored(truth, predicted, range(10))
    assert np.isnan(got.rmse[0])
    assert np.isinf(got.rmse[1])
    assert np.isfinite(got.baseline).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_evaluation_has_the_same_bits_with_any_threads(dtype: str) -> None:
    random = np.random.RandomState(1)
    rows = random.randn(5000, 6).astype(dtype)
    target = random.randn(2, 5000)
    parameters = initialise(6, 8, 2, random_state=0, dtype=dtype)
    found = [
        evaluate(
            FullBatch(
                RowSource(rows, target, continuous=True),
                get_backend("cpu", threads=threads),
                n1=8,
                output="identity",
                dtype=dtype,
                block_columns=256,
            ),
            parameters,
            "regression",
        )
        for threads in (1, 2, 4)
    ]
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    W1, b1, W2, b2 = (p.astype(float) for p in parameters)
    predicted = W2 @ np.tanh(W1 @ rows.T.astype(float) + b1) + b2
    want = np.sqrt(((predicted - target) ** 2).mean(axis=1))
    np.testing.assert_allclose(found[0].rmse, want, rtol=1e-6 if dtype == "float32" else 1e-12)
