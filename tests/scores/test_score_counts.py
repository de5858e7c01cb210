"""The area under the ROC curve from counts: exact for few examples, within its error for many."""

from __future__ import annotations

import itertools
import pickle
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdnet.scores import score_counts
from gdnet.scores.metrics import roc_auc
from gdnet.scores.score_counts import MAX_EXACT, Area, ScoreCounts

Scores = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


def counted(scores: Scores, positive: Bools, *cuts: int) -> Area:
    """The area of scores that come in blocks."""
    counts = ScoreCounts()
    for lo, hi in itertools.pairwise([0, *cuts, len(scores)]):
        counts.add(scores[lo:hi], positive[lo:hi])
    return counts.area()


def drawn(m: int, dtype: str = "float64", seed: int = 0) -> tuple[Scores, Bools]:
    random = np.random.RandomState(seed)
    positive = random.rand(m) < 0.3
    return (random.randn(m) + positive).astype(dtype), positive


@pytest.fixture
def _counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", 0)


def test_scores_that_are_known_to_be_many_are_counted_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", 500)
    scores, positive = drawn(1000)
    found = []
    for known in (0, 500, 501, 1000):
        counts = ScoreCounts(known)
        other = ScoreCounts()
        counts.add(scores[:400], positive[:400])
        assert bool(counts._kept) == (known <= 500)
        other.add(scores[400:], positive[400:])
        # As ranks send them.
        counts.merge(pickle.loads(pickle.dumps(other)))
        counts = pickle.loads(pickle.dumps(counts))
        found.append(counts.area())
    assert len(set(found)) == 1
    assert found[0].error > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_up_to_a_number_of_examples_and_within_its_error_above(dtype: str) -> None:
    scores, positive = drawn(MAX_EXACT + 1, dtype)
    assert counted(scores[1:], positive[1:], 1000, 70_000) == (
        roc_auc(scores[1:], positive[1:]),
        0,
    )
    exact, found = roc_auc(scores, positive), counted(scores, positive, 1000, 70_000)
    assert exact is not None
    assert found.value is not None
    assert 0 < found.error < 1e-5
    assert abs(found.value - exact) <= found.error
    assert abs(found.value - exact) < 1e-8  # ties cancel each other


@pytest.mark.usefixtures("_counts_at_once")
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-3, 1.0, 1e3, 1e9, 1e12, 1e300])
def test_error_holds_at_any_scale(scale: float) -> None:
    scores, positive = drawn(3000)
    exact = roc_auc(scores, positive)
    found = counted(scores * scale, positive)
    assert exact is not None
    assert found.value is not None
    assert abs(found.value - exact) <= found.error
    assert found.error <= (1e-4 if 1e-6 < scale < 1e9 else 0.5)


@pytest.mark.usefixtures("_counts_at_once")
@given(st.lists(st.tuples(st.floats(width=64), st.booleans()), min_size=2, max_size=60))
def test_error_holds_for_any_scores(examples: list[tuple[float, bool]]) -> None:
    scores, positive = (np.array(column) for column in zip(*examples, strict=True))
    exact, found = roc_auc(scores, positive), counted(scores, positive)
    if exact is None:
        assert found == (None, 0)
    else:
        assert found.value is not None
        assert abs(found.value - exact) <= found.error + 1e-15


@pytest.mark.usefixtures("_counts_at_once")
def test_what_ties_is_equal_or_differs_by_less_than_1_part_in_16384() -> None:
    def area(low: float, high: float) -> float | None:
        return counted(np.array([low, high]), np.array([False, True])).value

    for size in (1e-6, 1 / 3, 1.0, 17.0, 1e6):
        for sign in (1, -1):
            low, high = sorted((sign * size, sign * size * (1 + 2**-14)))
            assert area(low, high) == 1
            assert area(high, low) == 0
    assert area(1.0, 1 + 2**-15) == 0.5
    assert area(0.0, -0.0) == area(-0.0, 0.0) == 0.5
    assert area(-1e-3, 0.0) == area(-np.inf, -1e6) == area(1e6, np.inf) == 1
    for nan in (np.nan, -np.nan):  # as where scores are sorted
        assert area(1e6, nan) == 1
        assert area(nan, -1e6) == 0


@pytest.mark.parametrize("most_exact", [0, 400, 10**6])
def test_same_bits_in_any_order_and_any_grouping(
    monkeypatch: pytest.MonkeyPatch, most_exact: int
) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", most_exact)
    scores, positive = drawn(1000)
    expected = counted(scores, positive)
    random = np.random.RandomState(1)
    for _ in range(8):
        order = random.permutation(1000)
        cuts = sorted(random.randint(0, 1000, 6).tolist())
        assert counted(scores[order], positive[order], *cuts) == expected
        ranks = [ScoreCounts() for _ in range(3)]
        for k, part in enumerate(np.split(order, cuts)):
            ranks[k % 3].add(scores[part], positive[part])
        for other in ranks[1:]:
            ranks[0].merge(other)
        assert ranks[0].area() == expected


@pytest.mark.usefixtures("_counts_at_once")
def test_one_class_has_no_area() -> None:
    assert ScoreCounts().area() == (None, 0)
    for value in (False, True):
        assert counted(np.ones(5), np.full(5, value)) == (None, 0)


@pytest.mark.usefixtures("_counts_at_once")
@pytest.mark.parametrize("times", [1, 2**31, 2**33, 2**40])
def test_more_examples_than_32_or_64_bits_hold_in_their_products(times: int) -> None:
    # As if each example had come so many times.
    scores, positive = drawn(500)
    counts = ScoreCounts()
    counts.add(scores, positive)
    expected = counts.area()
    counts._examples *= times
    counts._room()[:] *= np.uint64(times) if times > 2**31 else np.uint32(times)
    found = counts.area()
    assert found == expected
    if times > 2**31:
        assert counts._room().dtype == np.uint64


@pytest.mark.usefixtures("_counts_at_once")
def test_area_is_the_fraction_of_whole_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_counts, "RANKS_AT_A_TIME", 2**12)  # many parts
    random = np.random.RandomState(2)
    scores = random.randint(-40, 40, 300) / 4.0  # each a count of its own
    positive = random.rand(300) < 0.5
    wins = sum(
        Fraction(1) if a > b else Fraction(int(a == b), 2)
        for a in scores[positive]
        for b in scores[~positive]
    )
    pairs = int(positive.sum()) * int((~positive).sum())
    assert counted(scores, positive, 100).value == float(wins / pairs)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_counts_that_are_not_used_take_no_memory() -> None:
    def resident() -> int:
        status = Path("/proc/self/status").read_text()
        return sum(int(found) for found in re.findall(r"Rss(?:Anon|Shmem):\s+(\d+)", status))

    scores, positive = np.full(1000, 0.5), np.arange(1000) % 2 == 0
    before = resident()
    counts = ScoreCounts(MAX_EXACT + 1)
    counts.add(scores, positive)
    assert counts.area().value == 0.5
    assert resident() - before < 4096  # KiB, of the 16 MiB that all counts would take
