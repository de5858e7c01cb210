"""The line search: strong Wolfe conditions, also where rounding hides the cost."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from gdnet.descent.solvers.line_search import C1, C2, MAX_TRIALS, Trial, line_search

Function = Callable[[float], tuple[float, float]]

# Functions of Moré and Thuente (1994), section 5: value and slope.
BETA, L = 0.004, 39


def first(t: float) -> tuple[float, float]:
    """One minimum, at sqrt(2), beyond which it is nearly flat."""
    return -t / (t * t + 2), (t * t - 2) / (t * t + 2) ** 2


def second(t: float) -> tuple[float, float]:
    """A minimum at 1.6, with slopes that are all but 0 before it."""
    return (t + BETA) ** 5 - 2 * (t + BETA) ** 4, 5 * (t + BETA) ** 4 - 8 * (t + BETA) ** 3


def third(t: float) -> tuple[float, float]:
    """A minimum at 1, and ripples: many places where the slope is 0."""
    if t <= 0.99:
        base, slope = 1 - t, -1.0
    elif t >= 1.01:
        base, slope = t - 1, 1.0
    else:
        base, slope = (t - 1) ** 2 / 0.02 + 0.005, (t - 1) / 0.01
    wave = 2 * 0.99 / (L * math.pi) * math.sin(L * math.pi / 2 * t)
    return base + wave, slope + 0.99 * math.cos(L * math.pi / 2 * t)


def fourth(t: float) -> tuple[float, float]:
    """A narrow valley far from where most trials begin."""
    return (t - 50) ** 4 - 50**4, 4 * (t - 50) ** 3


class Line:
    """A function along a line; remembers the trials."""

    def __init__(self, function: Function) -> None:
        self._function, (self._at_0, self.slope) = function, function(0.0)
        self.trials: list[Trial] = []

    def __call__(self, t: float) -> Trial:
        value, slope = self._function(t)
        self.trials.append(Trial(t, value - self._at_0, slope))
        return self.trials[-1]


@pytest.mark.parametrize("function", [first, second, third, fourth])
@pytest.mark.parametrize("begin", [1e-3, 1e-1, 1.0, 10.0, 1e3])
def test_strong_wolfe_conditions_hold(
    function: Function, begin: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gdnet.descent.solvers.line_search.NARROW", 0.0)
    line = Line(function)
    found = line_search(line, line.slope, begin, noise=0.0)
    assert found is line.trials[-1]
    assert found is not None
    assert found.phi <= C1 * found.t * line.slope
    assert abs(found.slope) <= C2 * abs(line.slope)
    assert len(line.trials) <= 15


@pytest.mark.parametrize("function", [second, third])
def test_a_narrow_bracket_is_enough_where_the_minimum_is_sharp(function: Function) -> None:
    line = Line(function)
    found = line_search(line, line.slope, 0.1, noise=0.0)
    assert found is not None
    assert found.phi <= C1 * found.t * line.slope
    assert abs(found.slope) > C2 * abs(line.slope)


def test_a_cost_that_is_not_finite_bounds_the_step() -> None:
    def walled(t: float) -> tuple[float, float]:
        return (-t, -1.0 + 0.99 * (t > 0.2)) if t < 0.25 else (math.inf, math.nan)

    line = Line(walled)
    found = line_search(line, line.slope, 100.0, noise=0.0)
    assert found is not None
    assert 0.2 < found.t < 0.25
    not_finite = [trial.t for trial in line.trials if not math.isfinite(trial.phi)]
    assert not_finite == sorted(not_finite, reverse=True)


def test_nothing_but_infinities_beyond_a_steep_point_is_no_step() -> None:
    def walled(t: float) -> tuple[float, float]:
        return (-2 * t, -2.0) if t <= 1 else (math.inf, math.nan)

    line = Line(walled)
    assert line_search(line, line.slope, 1.0, noise=0.0) is None
    assert len(line.trials) <= MAX_TRIALS


@pytest.mark.parametrize("digits", [np.float32, np.float64])
def test_slopes_find_the_minimum_that_rounding_hides(digits: type) -> None:
    size = 1.0 if digits is np.float32 else 1e-9
    # Over the whole step the cost changes by less than its rounding.
    scale = 1e-9 * size

    def rounded(t: float) -> tuple[float, float]:
        return float(digits(1 + scale * (t * t - 2 * t))), scale * (2 * t - 2)

    line = Line(rounded)
    noise = 5 * float(np.finfo(digits).eps) / 2
    for begin in (1e-3, 0.5, 1.0, 5.0):
        found = line_search(line, line.slope, begin, noise)
        assert found is not None
        assert abs(found.t - 1) < 0.91


def test_no_step_is_found_where_none_is_down() -> None:
    line = Line(lambda t: (t, -1.0))  # a slope that is wrong
    assert line_search(line, line.slope, 1.0, noise=0.0) is None
    assert len(line.trials) <= MAX_TRIALS


def test_a_line_that_falls_for_ever_is_left_after_some_trials() -> None:
    line = Line(lambda t: (-t, -1.0))
    assert line_search(line, line.slope, 1.0, noise=0.0) is None
    assert len(line.trials) == MAX_TRIALS
    assert [trial.t for trial in line.trials] == sorted(trial.t for trial in line.trials)
