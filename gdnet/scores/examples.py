"""Examples in the blocks in which a network is evaluated on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.activations import Activation, Output, get_activation, get_output
from gdnet.backends import Backend
from gdnet.data.labels.numbers import encode_as
from gdnet.data.labels.targets import label_rows
from gdnet.data.source import RowSource, Source
from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.model.products import row_kernel
from gdnet.objective.blocked import BlockedExamples


def labelled_data(
    model: Model, rows: HostArray, target: HostArray, backend: Backend
) -> BlockedExamples:
    """Return examples, whose labels are among the model's classes, ready for `add_examples`.

    Parameters
    ----------
    model : Model
        Takes the rows as they are.
    rows : array of shape (m, n0)
        Features.
    target : array of shape (m,), or (m, n2) for multi-label and several targets
        Labels of any type, or numbers.
    backend : Backend
        Where to compute.

    Returns
    -------
    BlockedExamples
        Without weights, in the dtype of the model.

    Raises
    ------
    DataError
        For a label that is not a class of the model, or another number of labels.
    """
    codes = encode_as(model.kind, model.classes, target)
    n2 = model.shape[2]
    if model.kind == "multilabel" and codes.shape[1:] != (n2,):
        raise DataError(f"expected {n2} labels of 0 or 1 a row, got shape {codes.shape}")
    labels = label_rows(codes)
    if model.kind == "regression" and len(labels) != n2:
        raise DataError(f"expected {n2} numbers to be predicted a row, got shape {codes.shape}")
    source = RowSource(
        rows,
        labels,
        n_classes=n2 if model.kind == "multiclass" else None,
        continuous=model.kind == "regression",
    )
    return examples_to_evaluate(
        source,
        backend,
        n1=model.shape[1],
        activation=model.activation,
        output=model.output,
        dtype=model.parameters.W1.dtype,
    )


def examples_to_evaluate(
    source: Source,
    backend: Backend,
    *,
    n1: int,
    activation: str | Activation,
    output: str | Output,
    dtype: npt.DTypeLike,
    block_columns: int | None = None,
) -> BlockedExamples:
    """Return examples ready for `gdnet.scores.evaluation.add_examples`.

    Parameters
    ----------
    source : Source
        Without weights.
    backend : Backend
        Where to compute.
    n1 : int
        Number of hidden units.
    activation : str or Activation
        The hidden activation g1.
    output : str or Output
        The output activation g2.
    dtype : float32 or float64
        What to compute in.
    block_columns : int, optional
        Examples a block. None is the backend's choice; for its kernels, whose memory does not grow
        with a block, that for float32, whatever the dtype: little time is lost between blocks, and
        each rank of a training in float32 evaluates what it has read.

    Returns
    -------
    BlockedExamples
        In blocks of that size.

    Raises
    ------
    DataError
        As `BlockedExamples`.
    """
    shape = (source.n0, n1, source.n2)
    g1, g2 = get_activation(activation), get_output(output)
    if block_columns is None and row_kernel(backend, g1, g2, shape, dtype) is not None:
        block_columns = backend.block_columns(source.m, *shape, np.dtype(np.float32).itemsize)
    return BlockedExamples(
        source,
        backend,
        n1=n1,
        activation=activation,
        output=output,
        dtype=dtype,
        block_columns=block_columns,
    )
