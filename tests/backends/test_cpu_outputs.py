"""Z2 and the loss by the compiled kernels, of rows in any type and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet import initialise
from gdnet.activations import OUTPUTS
from gdnet.backends.cpu_compiled import CompiledGradient
from gdnet.backends.cpu_library import Library
from tests.support.compiled_engine import found, needs_kernels

pytestmark = needs_kernels

SHAPES = [(1, 1, 1), (2, 4, 1), (8, 40, 3), (9, 1, 1), (28, 33, 1), (28, 40, 10), (100, 65, 2)]


def outputs(shape: tuple[int, int, int]) -> CompiledGradient:
    assert isinstance(found, Library)
    g2 = "sigmoid" if shape[2] == 1 else "softmax"
    return CompiledGradient(found, "tanh", g2, shape, np.dtype("float64"))


@pytest.mark.parametrize("m", [1, 47, 48, 64, 401])
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_in_float32_are_those_numbers_in_float64(shape: tuple[int, int, int], m: int) -> None:
    parameters = initialise(*shape, random_state=0)
    rows = np.random.default_rng(0).standard_normal((m, shape[0]), np.float32)
    rows[m // 2] *= 1e-42  # denormal numbers among them
    kernels = outputs(shape)
    np.testing.assert_array_equal(
        kernels.outputs(parameters, rows.T), kernels.outputs(parameters, rows.astype(float).T)
    )


@pytest.mark.parametrize("shape", [(3, 4, 1), (28, 33, 1)])
def test_rows_of_any_type_and_layout(shape: tuple[int, int, int]) -> None:
    n0, m = shape[0], 130
    parameters, kernels = initialise(*shape, random_state=0), outputs(shape)
    rows = np.random.default_rng(0).integers(-9, 9, (m, n0)).astype(np.float32)
    expected = kernels.outputs(parameters, rows.astype(float).T)
    bytes_and_more = np.empty(rows.nbytes + 1, np.uint8)
    unaligned = bytes_and_more[1:].view(np.float32).reshape(rows.shape)
    unaligned[:] = rows
    others: list[Any] = [
        np.asfortranarray(rows),
        np.repeat(rows, 2, axis=0)[::2],
        unaligned,
        rows.astype(">f4"),
        rows.astype(np.int8),
    ]
    for other in others:
        np.testing.assert_array_equal(kernels.outputs(parameters, other.T), expected)


@pytest.mark.parametrize("m", [1, 48, 401])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "g2"),
    [
        ((2, 4, 1), "sigmoid"),
        ((28, 33, 3), "sigmoid"),
        ((8, 40, 3), "softmax"),
        ((28, 40, 10), "softmax"),
        ((3, 5, 2), "identity"),
        ((28, 33, 1), "identity"),
    ],
)
def test_the_sum_of_the_losses(shape: tuple[int, int, int], g2: str, dtype: str, m: int) -> None:
    assert isinstance(found, Library)
    random = np.random.default_rng(m)
    rows = random.standard_normal((m, shape[0])).astype(dtype)
    labels = random.integers(0, 2, (shape[2], m))
    if g2 == "softmax":
        labels = np.arange(shape[2])[:, None] == random.integers(0, shape[2], m)
    Y = labels.astype(dtype)
    parameters = initialise(*shape, random_state=0, dtype=dtype)
    kernels = CompiledGradient(found, "tanh", g2, shape, np.dtype(dtype))
    Z2, loss = kernels.outputs_and_loss(parameters, rows.T, Y)
    np.testing.assert_array_equal(Z2, kernels.outputs(parameters, rows.T))
    Z = np.asarray(Z2, np.float64)
    expected = OUTPUTS[g2].loss(Z, OUTPUTS[g2].value(Z, np)[1], Y, np).sum()
    assert loss == pytest.approx(expected, rel=3e-7 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("shape", [(2, 4, 1), (28, 33, 1)])
def test_many_equal_losses_lose_no_digits_in_float32(shape: tuple[int, int, int]) -> None:
    """Added up one by one, each sum would be rounded in the same direction for long."""
    assert isinstance(found, Library)
    m = 20_011
    parameters = initialise(*shape, random_state=0, dtype="float32")
    nothing = np.zeros_like(parameters.W2)
    kernels = CompiledGradient(found, "tanh", "sigmoid", shape, np.dtype("float32"))
    rows = np.zeros((m, shape[0]), np.float32)
    Y = np.zeros((1, m), np.float32)
    _, loss = kernels.outputs_and_loss(parameters._replace(W2=nothing), rows.T, Y)
    assert loss == pytest.approx(m * np.log(2), rel=1e-7)
