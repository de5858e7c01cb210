"""Predictions: the forward equations over any number of rows.

What a row gets is bitwise identical whichever other rows come with it.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NamedTuple, overload

import numpy as np

from gdnet._typing import Array, HostArray, Namespace, SomeArray, SomeArray_co
from gdnet.activations import Activation, Output, get_activation, get_output, sigmoid
from gdnet.backends import Backend
from gdnet.blocks import BlockGrid
from gdnet.model.model import Model
from gdnet.model.product_width import is_one_product, product_width
from gdnet.model.products import forward_in_pieces, multiple_of, row_kernel, with_zeros
from gdnet.parameters import Parameters


class Outputs(NamedTuple, Generic[SomeArray_co]):
    """What a network says about some rows, one row an example.

    Attributes
    ----------
    Z2 : array of shape (m, n2)
        Output pre-activations: logits, or the predicted numbers.
    A2 : array of shape (m, n2)
        Predictions g2(Z2).
    """

    Z2: SomeArray_co
    A2: SomeArray_co


@overload
def forward_rows(
    parameters: Parameters[HostArray],
    g1: Activation,
    g2: Output,
    rows: HostArray,
    backend: Backend,
    *,
    on_device: Literal[False] = False,
) -> Outputs[HostArray]: ...
@overload
def forward_rows(
    parameters: Parameters[HostArray],
    g1: Activation,
    g2: Output,
    rows: Array,
    backend: Backend,
    *,
    on_device: bool,
) -> Outputs: ...
def forward_rows(
    parameters: Parameters[HostArray],
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

    Raises
    ------
    DataError
        If there are no rows.
    """
    n1, n0 = parameters.W1.shape
    n2, dtype = parameters.W2.shape[0], parameters.W1.dtype
    xp = backend.xp
    with backend.activate():
        placed = Parameters(*(backend.asarray(p) for p in parameters))
        kernel = row_kernel(backend, g1, g2, (n0, n1, n2), dtype)
        columns = backend.block_columns(len(rows), n0, n1, n2, dtype.itemsize)
        width, whole = 1, None
        if kernel is None:
            width = product_width(backend, (n0, n1, n2), dtype)
            # With an odd number of products rows are not a multiple of a page apart, which is slow.
            columns = (-(-columns // width) | 1) * width
            if len(rows) >= columns and is_one_product(backend, (n0, n1, n2), dtype, columns):
                whole = columns
        grid = BlockGrid(len(rows), columns)
        of_outputs: Namespace = xp if on_device else np
        empty = of_outputs.empty
        outputs = Outputs(empty((len(rows), n2), dtype), empty((len(rows), n2), dtype))

        def task(i: int) -> None:
            lo, hi = grid.bounds(i)
            if on_device:
                # A copy: the order and the alignment of an array may decide on the kernel.
                block = with_zeros(rows[lo:hi, ...], multiple_of(hi - lo, width), dtype, xp)
            elif kernel is not None:
                block = rows[lo:hi]
            elif backend.stacks_products:
                # A copy even of rows in this order: BLAS reads it from the cache, which takes a
                # sixth less time in float64.
                copied: HostArray = np.array(rows[lo:hi], dtype, order="C")
                block = copied
            else:
                block = with_zeros(rows[lo:hi], multiple_of(hi - lo, width), dtype, np)
                block = backend.asarray(block)
            pieces = forward_in_pieces(placed, block, g1, g2, backend, width, whole, kernel)
            for piece in pieces:
                part = slice(lo + piece.begin, min(lo + piece.end, hi))
                for out, value in zip(outputs, (piece.Z2, piece.A2), strict=True):
                    value = value[:, : part.stop - part.start].T
                    out[part] = value if on_device else backend.to_numpy(value)

        backend.run(task, len(grid))
    return outputs


def predict_outputs(model: Model, rows: HostArray, backend: Backend) -> Outputs[HostArray]:
    """Run the forward equations over rows, block by block, in the model's dtype.

    Parameters
    ----------
    model : Model
        Takes the rows as they are.
    rows : array of shape (m, n0)
        Features, one example a row.
    backend : Backend
        Where to compute.

    Returns
    -------
    Outputs
        Z2 and A2 on the host, each of shape (m, n2).

    Raises
    ------
    DataError
        If there are no rows, or the model's activation is not one of gdnet's own.
    """
    g1, g2 = get_activation(model.activation), get_output(model.output)
    return forward_rows(model.parameters, g1, g2, rows, backend)


def class_probabilities(
    outputs: Outputs[SomeArray], kind: str, xp: Namespace[SomeArray]
) -> SomeArray:
    """Return one column a class, or a label.

    Parameters
    ----------
    outputs : Outputs
        Of some rows, Z2 and A2 of shape (m, n2).
    kind : {"binary", "multiclass", "multilabel"}
        What the outputs mean.
    xp : module
        The array module that owns them.

    Returns
    -------
    array of shape (m, 2) for two classes, or else (m, n2)
        The first of two is the sigmoid of -Z2 and not 1 - A2, which is 0 where the other class is
        sure.
    """
    if kind != "binary":
        return outputs.A2
    return xp.concatenate([sigmoid(-outputs.Z2, xp), outputs.A2], axis=1)


def predicted_codes(Z2: SomeArray, kind: str, level: float = 0.0) -> SomeArray:
    """Return the predicted class numbers, or 0 and 1 for each label.

    Parameters
    ----------
    Z2 : array of shape (m, n2)
        Output pre-activations.
    kind : {"binary", "multiclass", "multilabel"}
        What the outputs mean.
    level : float, default 0
        A logit: the second of two classes, and a label, is predicted above it.

    Returns
    -------
    array of shape (m,), or (m, n2) for multi-label
        Class numbers, or 0 and 1.
    """
    if kind == "multiclass":
        return Z2.argmax(axis=1)
    # A float of its own type, so that Z2 in float32 is not compared with a rounded one.
    above: Any = (np.float64(level) if level else 0) < Z2
    codes: SomeArray = (above if kind == "multilabel" else above[:, 0]).astype(np.uint8)
    return codes
