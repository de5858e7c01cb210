"""A sum of floats without a rounding error, so that its order does not matter."""

from __future__ import annotations

import math

# Every finite float64 is a whole multiple of two to the power of minus this.
MIN_EXPONENT = 1074


class ExactSum:
    """The sum of floats, rounded once, at its end: bitwise identical in any order and any grouping.

    It is held as a whole number of multiples of the smallest float64, so sums of parts add up to
    the sum of all. The result is that of `math.fsum`, in memory that does not grow.
    """

    def __init__(self) -> None:
        self._multiples = 0
        self._not_finite = 0.0

    def add(self, value: float) -> None:
        """Add a number; NaN and infinity count as in any sum."""
        if not math.isfinite(value):
            self._not_finite += value
            return
        numerator, denominator = value.as_integer_ratio()
        self._multiples += numerator << MIN_EXPONENT + 1 - denominator.bit_length()

    def merge(self, other: ExactSum) -> None:
        """Add all that another sum has."""
        self._multiples += other._multiples
        self._not_finite += other._not_finite

    def total(self) -> float:
        """Return the sum, correctly rounded; infinite where it exceeds all floats."""
        if self._not_finite != 0:  # NaN, too, is not 0
            return self._not_finite
        try:
            return self._multiples / (1 << MIN_EXPONENT)
        except OverflowError:
            return math.inf if self._multiples > 0 else -math.inf
