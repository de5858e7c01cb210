"""exp, log1p, tanh ... of the compiled kernels: digits, and every special number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.kernel_functions import Numbers, call, found

pytestmark = pytest.mark.skipif(isinstance(found, str), reason=f"no compiled kernels: {found}")

DTYPES = ["float32", "float64"]
MAX_ULP = 2.5
# Made of two of the others.
MAX_ULP_OF_TWO = 3.5


def in_more_digits(formula: Callable[[Any], Any], x: Numbers) -> Numbers:
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        return np.asarray(formula(x.astype(wide)))


def ulps(got: Numbers, expected: Numbers) -> float:
    """Return the largest error in units of the last place of the result."""
    unit = np.spacing(np.abs(expected).astype(got.dtype)).astype(expected.dtype)
    return float((np.abs(got.astype(expected.dtype) - expected) / unit).max())


def spread(dtype: str, low: float, high: float, *, signs: bool = True) -> Numbers:
    """Return numbers of every size up to a bound, the denormal ones included."""
    random = np.random.RandomState(0)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    some = np.exp(random.uniform(np.log(max(low, tiny)), np.log(high), 200_000))
    some = np.concatenate([some, random.uniform(0, high, 200_000)])
    return (some * (random.choice([-1, 1], len(some)) if signs else 1)).astype(dtype)


FUNCTIONS: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("exp", np.exp, lambda d: -spread(d, 0, 85 if d == "float32" else 700, signs=False)),
    ("expm1", np.expm1, lambda d: -spread(d, 0, 1e4, signs=False)),
    ("log1p", np.log1p, lambda d: np.minimum(spread(d, 0, 1, signs=False), 1).astype(d)),
    ("log1p_of_positive", np.log1p, lambda d: spread(d, 0, 100, signs=False)),
    ("tanh", np.tanh, lambda d: spread(d, 0, 1e4)),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda d: spread(d, 0, 80)),
    ("softplus", lambda x: np.log1p(np.exp(x)), lambda d: spread(d, 0, 80)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "formula", "numbers"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_digits(name: str, formula: Callable[[Any], Any], numbers: Any, dtype: str) -> None:
    if dtype == "float64" and np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no type with more digits than float64")
    x = numbers(dtype)
    # Below the normal numbers a unit is as large as the number.
    expected = in_more_digits(formula, x)
    normal = np.abs(expected) >= np.finfo(dtype).tiny
    most = MAX_ULP_OF_TWO if name in ("sigmoid", "softplus") else MAX_ULP
    assert ulps(call(name, x)[normal], expected[normal]) <= most


@pytest.mark.parametrize("dtype", DTYPES)
def test_denormal_results(dtype: str) -> None:
    info = np.finfo(dtype)
    low = np.log(float(info.smallest_subnormal))
    x = np.linspace(low - 3, np.log(float(info.tiny)) + 1, 10_000).astype(dtype)
    got, expected = call("exp", x), in_more_digits(np.exp, x)
    assert (
        np.abs(got - expected) <= 1.5 * float(info.smallest_subnormal) + 3 * expected * info.eps
    ).all()
    assert got[0] == 0
    assert (got[-100:] > 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_numbers(dtype: str) -> None:
    big = np.finfo(dtype).max
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, big, -big, 1e4, -1e4], dtype)
    tanh = call("tanh", x)
    np.testing.assert_array_equal(tanh, np.array([0, -0.0, 1, -1, np.nan, 1, -1, 1, -1], dtype))
    np.testing.assert_array_equal(np.signbit(tanh[:2]), [False, True])
    expected = np.array([0.5, 0.5, 1, 0, np.nan, 1, 0, 1, 0], dtype)
    np.testing.assert_array_equal(call("sigmoid", x), expected)
    np.testing.assert_array_equal(
        call("softplus", x)[2:], np.array([np.inf, 0, np.nan, big, 0, 1e4, 0], dtype)
    )
    negative = np.array([-0.0, 0.0, -np.inf, np.nan, -big], dtype)
    np.testing.assert_array_equal(call("exp", negative), np.array([1, 1, 0, np.nan, 0], dtype))
    np.testing.assert_array_equal(call("expm1", negative), np.array([0, 0, -1, np.nan, -1], dtype))
    unit = np.array([0.0, 1.0, np.nan], dtype)
    tolerance = MAX_ULP * float(np.finfo(dtype).eps)
    for name in ("log1p", "log1p_of_positive"):
        np.testing.assert_allclose(call(name, unit), [0, np.log(2.0), np.nan], rtol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_is_odd_and_never_above_1(dtype: str) -> None:
    x = np.abs(spread(dtype, 0, 50))
    y = call("tanh", x)
    np.testing.assert_array_equal(call("tanh", -x), -y)
    assert (y <= 1).all()
    small = x < 1e-5
    np.testing.assert_allclose(y[small], x[small], rtol=1e-6)
