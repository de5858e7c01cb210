"""The two-loop recursion of L-BFGS: a direction from how the gradient changed along the last steps.

References
----------
Nocedal and Wright (2006), Numerical Optimization, chapter 7.2 and algorithm 7.4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gdnet._typing import Floats

# A pair is kept if s'y is above this part of |s| |y|: else the curvature along s is not positive.
MIN_CURVATURE = 1e-10
# What is divided by is above it.
TINY = float(np.finfo(np.float64).tiny)


class Pair(NamedTuple):
    """A step, and how the gradient changed along it.

    Attributes
    ----------
    s : ndarray of shape (n,), float64
        The step, a difference of two x.
    y : ndarray of shape (n,), float64
        The difference of the two gradients.
    sy : float
        The product s'y, above 0.
    """

    s: Floats
    y: Floats
    sy: float


def dot(a: Floats, b: Floats) -> float:
    """Return a'b, summed in a fixed order: that of BLAS depends on the number of threads.

    Parameters
    ----------
    a, b : ndarray of shape (n,), float64
        Two vectors.

    Returns
    -------
    float
        The sum of the products of their elements.
    """
    return float(np.add.reduce(a * b))


def direction(gradient: Floats, pairs: tuple[Pair, ...]) -> Floats:
    """Return the direction -H dJ, by the two-loop recursion.

    H is an estimate of the inverse of the second derivatives of J: a multiple of the identity, of
    the size that the latest pair has, corrected by all pairs.

    Parameters
    ----------
    gradient : ndarray of shape (n,), float64
        The derivatives dJ at x; not written to.
    pairs : tuple of Pair
        Steps and changes of the gradient, the latest last. Without any H is the identity.

    Returns
    -------
    ndarray of shape (n,), float64
        Where J falls, if each pair has an s'y above 0.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, algorithm 7.4, and equation 7.20 for the
    first H.
    """
    q = -gradient
    alphas = []
    for s, y, sy in reversed(pairs):
        alphas.append(dot(s, q) / sy)
        q -= alphas[-1] * y
    if pairs:
        _, y, sy = pairs[-1]
        q *= sy / dot(y, y)
    for (s, y, sy), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - dot(y, q) / sy) * s
    return q


def with_pair(pairs: tuple[Pair, ...], s: Floats, y: Floats, most: int) -> tuple[Pair, ...]:
    """Return the pairs with the one of a step, if the curvature along it is positive.

    Parameters
    ----------
    pairs : tuple of Pair
        The latest last.
    s : ndarray of shape (n,), float64
        The step.
    y : ndarray of shape (n,), float64
        How the gradient changed along it.
    most : int
        How many are kept.

    Returns
    -------
    tuple of Pair
        The latest last.
    """
    sy, yy = dot(s, y), dot(y, y)
    # Where the cost tends to 0, products of such small vectors vanish.
    if min(sy, yy) > TINY and sy > MIN_CURVATURE * math.sqrt(dot(s, s) * yy):
        return (*pairs, Pair(s, y, sy))[-most:]
    return pairs
