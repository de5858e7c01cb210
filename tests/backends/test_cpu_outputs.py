"""Z2 by the compiled kernels, of rows in any type and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet import initialise
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
