"""Holding out rows: sizes, order, and nothing lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.parameters import initialise
from gdnet.training import split
from gdnet.training.split import split_rows

Rows = np.ndarray[Any, Any]


def numbered(m: int, n0: int = 3) -> tuple[Rows, Rows]:
    """Rows that know their number, with codes that know it too."""
    return np.arange(m * n0, dtype=np.float32).reshape(m, n0), np.arange(m)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("numbers_at_a_time", [2**20, 30])
@pytest.mark.parametrize(
    ("m", "fraction", "aside"), [(100, 0.2, 20), (101, 0.5, 50), (2, 0.5, 1), (1000, 0.999, 999)]
)
def test_both_parts_are_disjoint_complete_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
    m: int,
    fraction: float,
    aside: int,
    in_place: bool,
    numbers_at_a_time: int,
) -> None:
    monkeypatch.setattr(split, "CHECKED_AT_A_TIME", numbers_at_a_time)
    rows, codes = numbered(m)
    before = rows.copy()
    found = split_rows(rows, codes, fraction, 3, in_place=in_place)
    assert len(found.validation_rows) == len(found.validation_codes) == aside
    assert len(found.rows) == len(found.codes) == m - aside
    for part in (found.codes, found.validation_codes):
        assert (np.diff(part) > 0).all()
    np.testing.assert_array_equal(np.sort([*found.codes, *found.validation_codes]), np.arange(m))
    np.testing.assert_array_equal(found.rows[:], before[found.codes])
    np.testing.assert_array_equal(found.validation_rows[:], before[found.validation_codes])
    assert np.shares_memory(found.rows[:], rows) is in_place
    if not in_place:
        np.testing.assert_array_equal(rows, before)
    assert not np.shares_memory(found.validation_rows[:], rows)


def test_in_place_and_copy_are_the_same() -> None:
    for seed in range(5):
        copied = split_rows(*numbered(257), 0.3, seed, in_place=False)
        moved = split_rows(*numbered(257), 0.3, seed, in_place=True)
        for one, other in zip(copied, moved, strict=True):
            np.testing.assert_array_equal(one[:], other[:])


def test_codes_of_several_labels() -> None:
    rows, codes = numbered(50)
    found = split_rows(rows, np.column_stack([codes, codes]), 0.2, 0, in_place=False)
    assert found.codes.shape == (40, 2)
    assert found.validation_codes.shape == (10, 2)


def test_choice_is_random_and_follows_the_seed() -> None:
    chosen = [tuple(split_rows(*numbered(40), 0.5, s, in_place=False)[3]) for s in (0, 0, 1, 2)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) == 3
    often = np.zeros(40)
    for seed in range(300):
        often[split_rows(*numbered(40), 0.25, seed, in_place=False).validation_codes] += 1
    # Each row is as likely as any: 75 times of 300, with a deviation of 7.5.
    assert often.min() > 75 - 5 * 7.5
    assert often.max() < 75 + 5 * 7.5


def test_stream_is_not_that_of_the_weights() -> None:
    m, seed = 30, 0
    of_the_weights = np.random.RandomState(seed).permutation(m)[:15]
    chosen = split_rows(*numbered(m), 0.5, seed, in_place=False).validation_codes
    assert set(chosen.tolist()) != set(of_the_weights.tolist())
    first = initialise(2, 2, 1, random_state=seed)
    np.random.seed(seed)  # splitting neither reads nor moves the global stream
    split_rows(*numbered(m), 0.5, seed, in_place=False)
    np.testing.assert_array_equal(np.random.randn(2, 2) * (1 / np.sqrt(2)), first.W1)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 1.5, float("nan"), 0.01, 0.99])
def test_fraction_that_leaves_nothing(fraction: float) -> None:
    with pytest.raises(DataError, match=r"validation fraction between 0 and 1 .* of 20 rows"):
        split_rows(*numbered(20), fraction, 0, in_place=False)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_of_many_rows_each_part_has_the_fraction_of_each_class(
    monkeypatch: pytest.MonkeyPatch, fraction: float
) -> None:
    for name in ("ROWS_AT_ONCE", "ROWS_A_PART"):
        monkeypatch.setattr(split, name, 1000)
    m, random = 20_500, np.random.RandomState(0)
    strata = random.choice(3, m, p=[0.7, 0.299, 0.001]).astype(np.uint8)
    chosen = split.holdout_mask(m, fraction, 5, strata)
    for code in range(3):
        of_class = chosen[strata == code]
        assert of_class.sum() == np.rint(fraction * len(of_class))
    for lo in range(0, 20_000, 1000):
        assert abs(chosen[lo : lo + 1000].sum() - 1000 * fraction) <= 3
    assert (split.holdout_mask(m, fraction, 5, strata) == chosen).all()
    parts = chosen[:20_000].reshape(20, 1000)
    assert len(np.unique(parts, axis=0)) == 20  # each has random numbers of its own
    assert split.holdout_mask(m, fraction, 5).sum() == round(m * fraction)


def test_of_many_rows_a_class_with_a_row_in_each_part_is_in_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ROWS_AT_ONCE", "ROWS_A_PART"):
        monkeypatch.setattr(split, name, 100)
    strata = (np.arange(10_000) % 100 == 7).astype(np.uint8)
    chosen = split.holdout_mask(10_000, 0.2, 0, strata)
    assert chosen[strata == 1].sum() == 20
    strata[:] = 0
    strata[4321] = 1
    for seed in range(5):
        assert not split.holdout_mask(10_000, 0.5, seed, strata)[4321]
