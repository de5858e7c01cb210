"""The forward equations over rows as products of one width.

BLAS chooses its kernels by the shape of a product, and each rounds in its own order. Therefore
every product has the same number of columns, whatever the number of rows, and zeros fill up the
last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy.typing as npt

from gdnet._typing import Array, Namespace
from gdnet.activations import ACTIVATIONS, OUTPUTS, Activation, Output
from gdnet.backends import Backend, RowKernel
from gdnet.equations import forward
from gdnet.losses import Parts
from gdnet.parameters import Parameters


class Piece(NamedTuple):
    """Some of the rows, and what the network says about them.

    Attributes
    ----------
    begin, end : int
        The first of the rows, and the one after the last.
    Z2, A2 : arrays of shape (n2, end - begin)
        Output pre-activation and the prediction.
    parts : tuple of arrays
        Parts of which A2 was made; the loss uses them again.
    """

    begin: int
    end: int
    Z2: Array
    A2: Array
    parts: Parts


def row_kernel(
    backend: Backend, g1: Activation, g2: Output, shape: tuple[int, int, int], dtype: npt.DTypeLike
) -> RowKernel | None:
    """Return the backend's functions for Z2 of rows, if it has some for this network."""
    if g1 is not ACTIVATIONS.get(g1.name) or g2 is not OUTPUTS.get(g2.name):
        return None  # a backend knows them by their names
    return backend.row_kernel(g1=g1.name, g2=g2.name, shape=shape, dtype=dtype)


def forward_in_pieces(
    parameters: Parameters,
    rows: Array,
    g1: Activation,
    g2: Output,
    backend: Backend,
    width: int,
    whole: int | None = None,
    kernel: RowKernel | None = None,
) -> Iterator[Piece]:
    """Run the forward equations over rows by products of one width, or by a kernel.

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
        As `gdnet.model.product_width.product_width` returns it.
    whole : int, optional
        Of how many rows a block is a single product, see
        `gdnet.model.product_width.is_one_product`.
    kernel : RowKernel, optional
        Instead of products, see `row_kernel`.

    Yields
    ------
    Piece
        What is computed for some of the rows.
    """
    xp = backend.xp
    if kernel is not None:
        m = len(rows)
        # Of a single column NumPy sums in another order than of several.
        Z2 = kernel.outputs(parameters, (rows if m > 1 else rows.repeat(2, axis=0)).T)
        A2, parts = g2.value(Z2, xp)
        yield Piece(0, m, Z2[:, :m], A2[:, :m], (parts[0][:, :m], parts[1][:, :m]))
        return

    def by_columns(Z: Array) -> Array:
        # (n2, w) as it is, and (k, n2, w) of several products as (n2, k w).
        return Z if Z.ndim == 2 else Z.transpose(1, 0, 2).reshape((Z.shape[1], -1))

    output = Output(g2.name, lambda Z2, xp: g2.value(by_columns(Z2), xp), g2.loss)
    for begin, end, X in products_of(rows, backend, width, whole):
        W1, b1, W2, b2 = parameters
        if X.ndim == 3 and len(X) > 1:
            # Added to many small products, a column takes three times as long as an array.
            b1, b2 = b1.repeat(width, axis=1), b2.repeat(width, axis=1)
        found = forward(Parameters(W1, b1, W2, b2), X, g1, output, xp)
        count = end - begin
        Z2, A2, *of_columns = (
            of_all[:, :count] for of_all in (by_columns(found.Z2), found.A2, *found.parts)
        )
        yield Piece(begin, end, Z2, A2, (of_columns[0], of_columns[1]))


def products_of(
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
        yield 0, full, rows[:full].reshape((-1, width, n0)).transpose(0, 2, 1)
    if full < m:
        last = with_zeros(rows[full:, ...], width, rows.dtype, backend.xp).T
        yield full, m, last[None] if backend.stacks_products else last


def with_zeros(rows: Array, count: int, dtype: npt.DTypeLike, xp: Namespace) -> Array:
    """Return a copy of the rows in C order, with rows of zeros up to so many."""
    block = xp.zeros((count, rows.shape[1]), dtype=dtype)
    block[: rows.shape[0], ...] = rows
    return block


def multiple_of(count: int, width: int) -> int:
    """Return the least multiple of a width that is at least `count`."""
    return -(-count // width) * width
