"""How many rows one product takes, such that what a row gets depends on no other row.

Some kernels of BLAS round the columns near the edge of a product differently. How many columns a
product has comes from the shapes and the dtype, and from a trial: as many as a row may stand
anywhere among. A whole block is a single product where a trial shows that it has the same bits,
which takes less time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.activations import OUTPUTS, TANH
from gdnet.backends import Backend
from gdnet.equations import forward
from gdnet.model.products import forward_in_pieces, products_of
from gdnet.parameters import Parameters

# BLAS cuts products that are larger than this into pieces.
MAX_TRIAL_SIZE = 2048
# So many numbers of the hidden units, and so many rows, are compared at the least.
MIN_TRIAL_NUMBERS = 64
MIN_TRIAL_ROWS = 4
# Two kernels may well agree on a few random rows.
MIN_ROWS_AT_ONCE = 4096


def product_width(backend: Backend, shape: tuple[int, int, int], dtype: npt.DTypeLike) -> int:
    """Return how many columns each product has, when the backend computes predictions.

    It is the backend's choice or, where the numbers of a column then depend on where it stands,
    the next power of two below for which they do not.

    Parameters
    ----------
    backend : Backend
        Which is active.
    shape : tuple of int
        (n0, n1, n2).
    dtype : float32 or float64
        The dtype to compute in.
    """
    key = (backend.name, backend.precision, shape, np.dtype(dtype))
    width = _widths.get(key)
    if width is None:
        width = backend.product_columns(*shape, np.dtype(dtype).itemsize)
        while width > 1 and not _same_everywhere(backend, shape, np.dtype(dtype), width):
            width //= 2
        _widths[key] = width
    return width


def is_one_product(
    backend: Backend, shape: tuple[int, int, int], dtype: npt.DTypeLike, rows: int
) -> bool:
    """Return whether one product of so many rows has the bits of products of `product_width`.

    Parameters
    ----------
    backend : Backend
        Which is active.
    shape : tuple of int
        (n0, n1, n2).
    dtype : float32 or float64
        The dtype to compute in.
    rows : int
        A multiple of `product_width`, for which this is asked once in a process.
    """
    if not backend.stacks_products:
        return False
    key = (shape, np.dtype(dtype), rows)
    if key not in _one_product:
        _one_product[key] = _same_at_once(backend, shape, np.dtype(dtype), rows)
    return _one_product[key]


_widths: dict[tuple[str, str, tuple[int, int, int], np.dtype[Any]], int] = {}
_one_product: dict[tuple[tuple[int, int, int], np.dtype[Any], int], bool] = {}


def _trial(
    backend: Backend, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> tuple[Parameters, Callable[..., HostArray]]:
    """Return random parameters of a shape, and a function that draws random numbers."""
    n0, n1, n2 = shape
    random = np.random.default_rng(0)

    def draw(*of: int) -> HostArray:
        return (random.random(of) - 0.5).astype(dtype)

    arrays = draw(n1, n0), draw(n1, 1), draw(n2, n1), draw(n2, 1)
    return Parameters(*(backend.asarray(a) for a in arrays)), draw


def _same_at_once(
    backend: Backend, shape: tuple[int, int, int], dtype: np.dtype[Any], rows: int
) -> bool:
    """Return whether random rows get the same numbers from one product as from narrow ones."""
    parameters, draw = _trial(backend, shape, dtype)
    width = product_width(backend, shape, dtype)
    for _ in range(max(1, MIN_ROWS_AT_ONCE // rows)):
        X = draw(rows, shape[0])
        one, narrow = (
            next(forward_in_pieces(parameters, X, TANH, _NO_OUTPUT, backend, width, whole))
            for whole in (rows, None)
        )
        if (one.Z2 != narrow.Z2).any():
            return False
    return True


def _same_everywhere(
    backend: Backend, shape: tuple[int, int, int], dtype: np.dtype[Any], width: int
) -> bool:
    """Return whether products of this width have the same numbers for a row at any position."""
    n0, n1, n2 = (min(size, MAX_TRIAL_SIZE) for size in shape)
    parameters, draw = _trial(backend, (n0, n1, n2), dtype)
    for _ in range(max(MIN_TRIAL_ROWS, MIN_TRIAL_NUMBERS // n1)):
        rows = backend.asarray(np.tile(draw(n0), (width, 1)))
        for _, _, X in products_of(rows, backend, width):
            found = forward(parameters, X, TANH, _NO_OUTPUT, backend.xp)
            for Z in map(backend.to_numpy, (found.Z1, found.Z2)):
                if (Z[..., :1] != Z).any():
                    return False
    return True


_NO_OUTPUT = replace(OUTPUTS["sigmoid"], value=lambda Z2, xp: (Z2, (Z2, Z2)))
