"""Standardising: scikit-learn's numbers, the same bits in place and per block, folded exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from gdnet.activations import get_activation, get_output
from gdnet.backends import get_backend
from gdnet.data import moments
from gdnet.data.scaling import Scaling
from gdnet.equations import forward
from gdnet.errors import DataError
from gdnet.parameters import Parameters, initialise

Rows = np.ndarray[Any, Any]


def random_rows(m: int, n0: int = 6, seed: int = 0) -> Rows:
    """Features of very different size and place."""
    random = np.random.RandomState(seed)
    rows: Rows = random.randn(m, n0) * 10.0 ** random.randint(-4, 5, n0) + random.randn(n0) * 100
    return rows


@pytest.mark.parametrize("numbers_at_a_time", [2**20, 60])
@pytest.mark.parametrize("m", [1, 2, 1000])
def test_mean_and_scale_are_those_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, m: int, numbers_at_a_time: int
) -> None:
    monkeypatch.setattr(moments, "CHECKED_AT_A_TIME", numbers_at_a_time)
    rows = random_rows(m)
    ours, theirs = Scaling.of(rows, "float64"), StandardScaler().fit(rows)
    np.testing.assert_allclose(ours.mean, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(ours.scale, theirs.scale_, rtol=1e-12)
    # The last digit of the mean of a feature far from 0 is many of its deviation.
    far = 1 + np.abs(ours.mean / ours.scale)
    assert (np.abs(ours.applied(rows) - theirs.transform(rows)) <= 1e-12 * far).all()


@pytest.mark.parametrize("numbers_at_a_time", [2**20, 1000])
@pytest.mark.parametrize("deviation", [1.0, 1e-3])
def test_large_numbers_that_differ_little(
    monkeypatch: pytest.MonkeyPatch, deviation: float, numbers_at_a_time: int
) -> None:
    monkeypatch.setattr(moments, "CHECKED_AT_A_TIME", numbers_at_a_time)
    rows = 1e9 + np.random.RandomState(0).randn(20_000, 3) * deviation
    # The distance from 1e9 is exact, so its deviation is the true one.
    distance = rows - 1e9
    found = Scaling.of(rows, "float64")
    np.testing.assert_allclose(found.scale, distance.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.mean - 1e9, distance.mean(axis=0), atol=2e-7)
    if deviation == 1:  # less, and scikit-learn takes it for rounding errors of a constant
        theirs = StandardScaler().fit(rows)
        np.testing.assert_allclose(found.scale, theirs.scale_, rtol=1e-12)
        np.testing.assert_allclose(found.mean, theirs.mean_, rtol=1e-12)


def test_features_of_which_a_dtype_keeps_few_digits_are_named() -> None:
    random = np.random.RandomState(0)
    columns = [random.randn(1000) + far for far in (0, 1e4, 1e6, 1e7)]
    rows = np.column_stack([*columns, np.full(1000, 1e9)])
    assert Scaling.of(rows, "float32").rounded == (2, 3)
    assert Scaling.of(rows, "float64").rounded == ()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 1.0, -3.7, 0.1, 1e9, 1e-30])
def test_constant_feature_is_not_divided(dtype: str, value: float) -> None:
    rows = np.column_stack([np.full(1001, value), np.arange(1001)]).astype(dtype)
    found = Scaling.of(rows, dtype)
    assert found.scale[0] == 1
    assert found.scale[1] == pytest.approx(np.arange(1001).std(), rel=1e-6)
    assert np.abs(found.applied(rows)[:, 0]).max() <= abs(value) * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stored_as", ["float32", "float64", "int32"])
def test_in_place_and_per_block_give_the_same_bits(dtype: str, stored_as: str) -> None:
    stored = (random_rows(500) * 10).astype(stored_as)
    rows = stored.astype(dtype)
    found, other = Scaling.of(stored, dtype), Scaling.of(rows, dtype)
    assert found.mean.dtype == found.scale.dtype == dtype
    assert found.mean.tobytes() == other.mean.tobytes()
    assert found.scale.tobytes() == other.scale.tobytes()
    before = stored.copy()
    in_place = rows.copy()
    found.apply_in_place(in_place)
    for height in (1, 7, 500):
        parts = [found.applied(stored[lo : lo + height]) for lo in range(0, 500, height)]
        assert np.concatenate(parts).tobytes() == in_place.tobytes()
        assert parts[0].dtype == dtype
    np.testing.assert_array_equal(stored, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_folded_parameters_take_raw_features(dtype: str) -> None:
    rows = random_rows(200)
    found = Scaling.of(rows, dtype)
    random = np.random.RandomState(1)
    start = initialise(6, 5, 2, random_state=random, dtype=dtype)
    start = Parameters(*(p + random.randn(*p.shape).astype(dtype) for p in start))
    folded = found.folded(start)
    assert {p.dtype for p in folded} == {np.dtype(np.float64)}
    standardised = (rows - found.mean.astype(float)) / found.scale.astype(float)
    tanh, sigmoid = get_activation("tanh"), get_output("sigmoid")
    exact = Parameters(*(p.astype(float) for p in start))
    Z2 = np.asarray(forward(folded, rows.T, tanh, sigmoid, np).Z2)
    expected = np.asarray(forward(exact, standardised.T, tanh, sigmoid, np).Z2)
    np.testing.assert_allclose(Z2, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dtype", "value"), [("float32", 1e38), ("float64", 1e300)])
def test_feature_too_large_for_its_square(dtype: str, value: float) -> None:
    rows = np.column_stack([np.arange(9.0), np.array([-1, 1, 1] * 3) * value]).astype(dtype)
    if dtype == "float32":  # whose squares fit into float64
        assert np.isfinite(Scaling.of(rows, dtype).scale).all()
    else:
        with pytest.raises(DataError, match=r"feature 1 \(counted from 0\) is too large"):
            Scaling.of(rows, dtype)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n0", [1, 2, 28, 1500])
def test_rows_taken_together_have_the_bits_of_rows_alone(n0: int, order: Any) -> None:
    random = np.random.RandomState(0)
    for m in (1, 37, 2000):
        rows = np.asarray(random.randn(m, n0), np.float32, order=order)
        found = Scaling.of(rows, "float32")
        expected = (rows - found.mean) / found.scale
        np.testing.assert_array_equal(found.applied(rows), expected)
        written = rows.copy(order="K")
        assert found.applied(written, may_write=True) is written
        np.testing.assert_array_equal(written, expected)
        written = rows.copy(order="K")
        found.apply_in_place(written)
        np.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize("threads", [2, 3])
def test_mean_and_scale_have_the_same_bits_for_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(moments, "CHECKED_AT_A_TIME", 300)
    rows = random_rows(5000)
    counted: list[int] = []
    run = get_backend("cpu", threads=threads).run
    one, other = (
        Scaling.of(rows, "float32"),
        Scaling.of(rows, "float32", run=run, done=counted.append),
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sum(counted) == 5000
