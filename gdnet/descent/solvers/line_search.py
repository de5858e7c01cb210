"""A line search that stays right where rounding hides how the cost changes.

Along a direction, phi(t) = J(x + t d) - J(x). Wanted is a t with the strong Wolfe conditions::

    phi(t) <= C1 t phi'(0)   and   |phi'(t)| <= C2 |phi'(0)|,

found by bracketing a minimum and interpolating in the bracket (Moré and Thuente 1994). Near a
minimum phi is smaller than the rounding of J while phi' still has digits. There a trial is accepted
by its slope alone (the approximate Wolfe conditions of Hager and Zhang 2005), and phi is taken from
the slopes.

References
----------
Moré and Thuente (1994), Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20.
Hager and Zhang (2005), A new conjugate gradient method with guaranteed descent, SIAM J. Optim. 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

C1, C2 = 1e-3, 0.9
# Hager and Zhang's delta: a slope of up to 1 - 2 delta of the first, upwards, is accepted.
DELTA = 0.1
MAX_TRIALS = 20
# The bracket is narrow enough, relative to its end.
NARROW = 0.1
# While there is no bracket a trial is extended by 1.1 to 4 times the last distance.
MIN_EXTRAPOLATION, MAX_EXTRAPOLATION = 1.1, 4.0
# A bracket that has not shrunk to this in two trials is halved; no trial is nearer to its far end.
SHRINKING = 0.66
# So much of the way to where the cost was not finite.
RETREAT = 0.1


class Trial(NamedTuple):
    """A point on the line, and what was computed there.

    Attributes
    ----------
    t : float
        How far, as a multiple of the direction d.
    phi, slope : float
        The change of the cost, J(x + t d) - J(x), and its derivative with respect to t.
    there : object
        What else is known of the point.
    """

    t: float
    phi: float
    slope: float
    there: Any = None


def line_search(at: Callable[[float], Trial], slope: float, t: float, noise: float) -> Trial | None:
    """Return a trial that is far enough and low enough, if one is found.

    Parameters
    ----------
    at : callable ``(t) -> Trial``
        Computes a trial; called at most 20 times.
    slope : float
        The derivative phi'(0), below 0.
    t : float
        The first trial, above 0.
    noise : float
        The rounding of phi.

    Returns
    -------
    Trial or None
        One with the strong Wolfe conditions, or, where phi is within the rounding, with a slope
        between C2 phi'(0) and (2 DELTA - 1) phi'(0); the last one, if it is lower than the start,
        where the bracket is narrow. None if there is none.

    References
    ----------
    Moré and Thuente (1994), Line search algorithms with guaranteed sufficient decrease, ACM TOMS
    20. Hager and Zhang (2005), A new conjugate gradient method with guaranteed descent, SIAM J.
    Optim. 16. Nocedal and Wright (2006), Numerical Optimization, chapter 3.1 for the Wolfe
    conditions.
    """
    low, high = Trial(0.0, 0.0, slope), None
    limit, width, width_before = math.inf, math.inf, math.inf
    above_line = True  # until a trial is low enough and its slope is upwards
    for _ in range(MAX_TRIALS):
        trial = at(t)
        if not math.isfinite(trial.phi + trial.slope):
            limit, high = t, None
            t = low.t + RETREAT * (t - low.t)
            if t == low.t:
                return None
            continue
        if abs(trial.phi) <= noise:
            if C2 * slope <= trial.slope <= (2 * DELTA - 1) * slope:
                return trial
            # By the trapezium rule.
            here = Trial(t, t * (slope + trial.slope) / 2, trial.slope)
        else:
            here = Trial(t, trial.phi, trial.slope)
        low_enough = here.phi <= C1 * t * slope
        if low_enough and abs(here.slope) <= -C2 * slope:
            return trial
        if high is not None and width <= NARROW * max(low.t, high.t):
            return trial if here.phi < 0 else None
        above_line = above_line and not (low_enough and here.slope >= 0)
        tilt = C1 * slope if above_line else 0.0
        low, high, t = _next(low, here, high, tilt)
        if high is not None:
            begin, end = min(low.t, high.t), max(low.t, high.t)
            width_before, width, wide = width, end - begin, SHRINKING * width_before
            if width > wide or not begin < t < end:
                t = (begin + end) / 2
        if not math.isfinite(t):
            return None
        if t >= limit:
            t = (low.t + limit) / 2
    return None


def _next(
    low: Trial, here: Trial, high: Trial | None, tilt: float
) -> tuple[Trial, Trial | None, float]:
    """Return the new ends of the bracket and where to try next.

    The interpolation is of psi(t) = phi(t) - tilt t, which has a minimum where phi is low enough.
    """
    a, b = _tilted(low, tilt), _tilted(here, tilt)
    cubic, secant = _cubic_minimum(a, b), _secant_minimum(a, b)
    if b.phi > a.phi:  # a minimum is between them
        parabola = _parabola_minimum(a, b)
        nearer = abs(cubic - a.t) < abs(parabola - a.t)
        return low, here, cubic if nearer else (cubic + parabola) / 2
    if b.slope * a.slope < 0:  # a minimum is between them, and `here` is lower
        farther = abs(cubic - b.t) > abs(secant - b.t)
        return here, low, cubic if farther else secant
    flatter = abs(b.slope) < abs(a.slope)
    if high is None:
        distance = b.t - a.t
        t = cubic if flatter and cubic > b.t else math.inf
        t = min(max(t, b.t + MIN_EXTRAPOLATION * distance), b.t + MAX_EXTRAPOLATION * distance)
        return here, None, t
    c = _tilted(high, tilt)
    if flatter:
        beyond = (cubic - b.t) * (c.t - b.t) > 0
        t = cubic if beyond and abs(cubic - b.t) < abs(secant - b.t) else secant
    else:
        t = _cubic_minimum(b, c)
    far = b.t + SHRINKING * (c.t - b.t)
    return here, high, min(t, far) if c.t > b.t else max(t, far)


def _tilted(trial: Trial, tilt: float) -> Trial:
    return Trial(trial.t, trial.phi - tilt * trial.t, trial.slope - tilt)


def _cubic_minimum(a: Trial, b: Trial) -> float:
    """Return where the cubic through both values and slopes has its minimum; NaN if nowhere."""
    z = 3 * (a.phi - b.phi) / (b.t - a.t) + a.slope + b.slope
    square = z * z - a.slope * b.slope
    if square < 0:
        return math.nan
    root = math.copysign(math.sqrt(square), b.t - a.t)
    divisor = b.slope - a.slope + 2 * root
    return b.t - (b.t - a.t) * (b.slope + root - z) / divisor if divisor else math.nan


def _parabola_minimum(a: Trial, b: Trial) -> float:
    """Return where the parabola through both values and the slope at `a` has its minimum."""
    distance = b.t - a.t
    return a.t + a.slope / ((a.phi - b.phi) / distance + a.slope) / 2 * distance


def _secant_minimum(a: Trial, b: Trial) -> float:
    """Return where the line through both slopes is 0; NaN if nowhere."""
    if a.slope == b.slope:
        return math.nan
    return b.t - b.slope * (b.t - a.t) / (b.slope - a.slope)
