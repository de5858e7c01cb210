"""The forward equations over rows, such that what a row gets depends on no other row.

BLAS chooses its kernels by the shape of a product, and each rounds in its own order; some round
the columns near the edge of a product differently, too. Therefore every product has the same number
of columns, whatever the number of rows, and zeros fill up the last one. How many columns comes from
the shapes and the dtype, and from a trial: as many as a row may stand anywhere among. A whole block
is a single product where a trial shows that it has the same bits, which takes less time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, Namespace
from gdnet.activations import OUTPUTS, TANH, Activation, Output
from gdnet.backends import Backend
from gdnet.blocks import BlockGrid
from gdnet.equations import Forward, forward
from gdnet.parameters import Parameters

Rows = np.ndarray[Any, Any]

# BLAS cuts products that are larger than this into pieces.
MAX_TRIAL_SIZE = 2048
# So many numbers of the hidden units, and so many rows, are compared at the least.
MIN_TRIAL_NUMBERS = 64
MIN_TRIAL_ROWS = 4
# Two kernels may well agree on a few random rows.
MIN_ROWS_AT_ONCE = 4096


class Outputs(NamedTuple):
    """What a network says about some rows: Z2 and A2, one row an example, (m, n2) each."""

    Z2: Array
    A2: Array


def forward_rows(
    parameters: Parameters,
    g1: Activation,
    g2: Output,
    rows: Array,
    backend: Backend,
    *,
    on_device: bool = False,
) -> Outputs:
    """Run the forward equations over rows, block by block, in the dtype of the parameters.

    What a row gets is bitwise identical whichever other rows come with it.

    Parameters
    ----------
    parameters : Parameters
        NumPy arrays.
    g1 : Activation
        The hidden activation.
    g2 : Output
        The output activation.
    rows : array of shape (m, n0)
        Inputs, one example a row.
    backend : Backend
        Where to compute.
    on_device : bool, default False
        Whether the rows are an array of ``backend.xp``; the outputs then stay there too.

    Returns
    -------
    Outputs
        Z2 and A2, each of shape (m, n2).
    """
    n1, n0 = parameters.W1.shape
    n2, dtype = parameters.W2.shape[0], parameters.W1.dtype
    xp = backend.xp
    with backend.activate():
        placed = Parameters(*(backend.asarray(p) for p in parameters))
        width = product_width(backend, (n0, n1, n2), dtype)
        columns = backend.block_columns(len(rows), n0, n1, n2, dtype.itemsize)
        # Of an odd number of products rows are no multiple of a page apart, which would slow them.
        columns = (-(-columns // width) | 1) * width
        grid = BlockGrid(len(rows), columns)
        whole = None
        if len(rows) >= columns and is_one_product(backend, (n0, n1, n2), dtype, columns):
            whole = columns
        empty = xp.empty if on_device else np.empty
        outputs = Outputs(empty((len(rows), n2), dtype), empty((len(rows), n2), dtype))

        def task(i: int) -> None:
            lo, hi = grid.bounds(i)
            if on_device:
                # A copy: the order and the alignment of an array may decide on the kernel.
                block = _with_zeros(rows[lo:hi, ...], _multiple(hi - lo, width), dtype, xp)
            else:
                block = rows[lo:hi]
                if backend.stacks_products:
                    # A copy even of rows in this order: BLAS reads it from the cache, which takes
                    # a sixth less time in float64.
                    block = np.array(block, dtype, order="C")
                else:
                    block = _with_zeros(block, _multiple(hi - lo, width), dtype, np)
                block = backend.asarray(block)
            pieces = forward_in_pieces(placed, block, g1, g2, backend, width, whole)
            for begin, end, piece in pieces:
                part = slice(lo + begin, min(lo + end, hi))
                for out, value in zip(outputs, (piece.Z2, piece.A2), strict=True):
                    value = value[:, : part.stop - part.start].T
                    out[part] = value if on_device else backend.to_numpy(value)

        backend.run(task, len(grid))
    return outputs


def forward_in_pieces(
    parameters: Parameters,
    rows: Array,
    g1: Activation,
    g2: Output,
    backend: Backend,
    width: int,
    whole: int | None = None,
) -> Iterator[tuple[int, int, Forward]]:
    """Run the forward equations over rows by products of one width.

    Parameters
    ----------
    parameters : Parameters
        Arrays of the backend.
    rows : array of shape (b, n0)
        Of the backend, in C order and in the dtype of the parameters.
    g1 : Activation
        The hidden activation.
    g2 : Output
        The output activation.
    backend : Backend
        Where to compute.
    width : int
        As `product_width` returns it.
    whole : int, optional
        Of how many rows a block is a single product, see `is_one_product`.

    Yields
    ------
    begin, end : int
        Some of the rows.
    piece : Forward
        What is computed for them: Z2 and A2 of shape (n2, end - begin), and the parts of A2.
    """
    xp = backend.xp

    def by_columns(Z: Array) -> Array:
        # (n2, w) as it is, and (k, n2, w) of several products as (n2, k w).
        return Z if Z.ndim == 2 else Z.transpose(1, 0, 2).reshape(Z.shape[1], -1)

    output = Output(g2.name, lambda Z2, xp: g2.value(by_columns(Z2), xp), g2.loss)
    for begin, end, X in _products(rows, backend, width, whole):
        W1, b1, W2, b2 = parameters
        if X.ndim == 3 and len(X) > 1:
            # Added to many small products, a column takes three times as long as an array.
            b1, b2 = b1.repeat(width, axis=1), b2.repeat(width, axis=1)
        piece = forward(Parameters(W1, b1, W2, b2), X, g1, output, xp)
        count = end - begin
        Z2, A2, *parts = (
            of_all[:, :count] for of_all in (by_columns(piece.Z2), piece.A2, *piece.parts)
        )
        yield begin, end, Forward(piece.Z1, piece.A1, Z2, A2, (parts[0], parts[1]))


def _products(
    rows: Array, backend: Backend, width: int, whole: int | None = None
) -> Iterator[tuple[int, int, Array]]:
    """Yield rows as columns: of one product (n0, width), or of several (k, n0, width)."""
    m, n0 = rows.shape
    if m == whole:
        yield 0, m, rows.T
        return
    full = m // width * width
    if not backend.stacks_products:
        for begin in range(0, full, width):
            yield begin, begin + width, rows[begin : begin + width, ...].T
    elif full:
        yield 0, full, rows[:full].reshape(-1, width, n0).transpose(0, 2, 1)
    if full < m:
        last = _with_zeros(rows[full:, ...], width, rows.dtype, backend.xp).T
        yield full, m, last[None] if backend.stacks_products else last


def _with_zeros(rows: Array, count: int, dtype: Any, xp: Namespace) -> Array:
    """Return a copy of the rows in C order, with rows of zeros up to so many."""
    block = xp.zeros((count, rows.shape[1]), dtype=dtype)
    block[: rows.shape[0], ...] = rows
    return block


def _multiple(count: int, width: int) -> int:
    return -(-count // width) * width


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
) -> tuple[Parameters, Callable[..., Rows]]:
    """Return random parameters of a shape, and a function that draws random numbers."""
    n0, n1, n2 = shape
    random = np.random.default_rng(0)

    def draw(*of: int) -> Rows:
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
        if (one[2].Z2 != narrow[2].Z2).any():
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
        for _, _, X in _products(rows, backend, width):
            found = forward(parameters, X, TANH, _NO_OUTPUT, backend.xp)
            for Z in map(backend.to_numpy, (found.Z1, found.Z2)):
                if (Z[..., :1] != Z).any():
                    return False
    return True


_NO_OUTPUT = replace(OUTPUTS["sigmoid"], value=lambda Z2, xp: (Z2, (Z2, Z2)))
