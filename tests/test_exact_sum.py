"""A sum without rounding errors, in any order and any grouping."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gdnet.exact_sum import ExactSum

Floats = st.lists(st.floats(allow_nan=False, allow_infinity=False))


def total(values: list[float]) -> float:
    exact = ExactSum()
    for value in values:
        exact.add(value)
    return exact.total()


@given(Floats)
def test_is_that_of_fsum_in_any_order(values: list[float]) -> None:
    try:
        expected = math.fsum(values)
    except OverflowError:  # of the sum, or of a part of it
        return
    assert total(values) == total(values[::-1]) == expected


@given(Floats, Floats)
def test_sums_of_parts_are_the_sum_of_all(one: list[float], other: list[float]) -> None:
    first, second = ExactSum(), ExactSum()
    for value in one:
        first.add(value)
    for value in other:
        second.add(value)
    first.merge(second)
    assert first.total() == total(one + other)


def test_nothing_cancels_and_nothing_underflows() -> None:
    assert total([1e308, 5e-324, -1e308]) == 5e-324
    assert total([0.1] * 10) == 1.0
    assert total([]) == 0


def test_what_is_not_finite() -> None:
    assert total([1.0, math.inf]) == math.inf
    assert total([1.7e308, 1.7e308]) == math.inf
    assert total([-1.7e308, -1.7e308]) == -math.inf
    for values in ([1.0, math.nan], [math.inf, -math.inf]):
        assert math.isnan(total(values))


def test_memory_does_not_grow() -> None:
    exact = ExactSum()
    for k in range(10_000):
        exact.add(0.1 * k)
    assert exact._multiples.bit_length() < 1200
