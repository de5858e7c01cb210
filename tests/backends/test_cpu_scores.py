"""Scores counted by the compiled kernels: at the places where NumPy counts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.backends.cpu_scores import score_counter
from gdnet.scores import score_counts
from tests.support.compiled_engine import needs_kernels

pytestmark = needs_kernels


def scores_of_all_kinds(dtype: str) -> np.ndarray[Any, Any]:
    """Return scores of every size and sign, those at the edges of ranks, and special numbers."""
    random = np.random.default_rng(0)
    sizes = np.exp2(random.uniform(-160, 130, 20_000))
    usual = random.standard_normal(20_000) * 3
    edges = np.ldexp(1 + np.arange(64) / 2**14, random.integers(-34, 34, 64))
    near = np.concatenate([np.nextafter(edges, 0), edges, np.nextafter(edges, np.inf)])
    special = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-320, -1e-320]
    with np.errstate(over="ignore", under="ignore"):
        some = np.concatenate([sizes, -sizes, usual, near, -near, special]).astype(dtype)
    return some[random.permutation(len(some))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("share", [1, 10])
@pytest.mark.parametrize("counted_as", ["uint32", "uint64"])
def test_the_places_of_numpy(
    monkeypatch: pytest.MonkeyPatch, dtype: str, share: int, counted_as: str
) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", 0)
    if counted_as == "uint64":
        monkeypatch.setattr(score_counts, "MAX_UINT32", 0)
    scores = scores_of_all_kinds(dtype)
    positive = np.random.default_rng(1).random(len(scores)) < 0.4
    assert score_counter(scores.dtype) is not None
    found = []
    for counter in (score_counter, lambda dtype: None):
        monkeypatch.setattr(score_counts, "score_counter", counter)
        counts = score_counts.ScoreCounts(len(scores), share)
        for lo in range(0, len(scores), 7001):  # no multiple of what is counted at a time
            counts.add(scores[lo : lo + 7001], positive[lo : lo + 7001])
        assert counts._counts is not None
        assert counts._counts.dtype == counted_as
        found.append(counts._counts)
    assert found[0].sum() == len(scores)
    np.testing.assert_array_equal(found[0], found[1])


def test_scores_that_do_not_lie_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", 0)
    scores = np.random.default_rng(0).standard_normal((1000, 3))
    positive = scores > 0.5
    found = []
    for copied in (False, True):
        counts = score_counts.ScoreCounts(1000)
        some, of_them = scores[:, 1], positive[:, 1]
        counts.add(some.copy() if copied else some, of_them.copy() if copied else of_them)
        found.append(counts.area())
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["float16", "longdouble", ">f8"])
def test_other_types_are_left_to_numpy(dtype: str) -> None:
    assert score_counter(np.dtype(dtype)) is None
