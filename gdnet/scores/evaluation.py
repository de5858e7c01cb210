"""Predictions of a network over any number of rows, and how good they are."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from gdnet._typing import HostArray
from gdnet.data.source import Source
from gdnet.model.product_width import is_one_product, product_width
from gdnet.model.products import forward_in_pieces, row_kernel
from gdnet.objective.blocked import BlockedExamples
from gdnet.parameters import Parameters
from gdnet.phases import Done, unseen
from gdnet.ranks.communicator import Ranks
from gdnet.scores.classification import ClassificationMetrics, Evaluation
from gdnet.scores.regression import RegressionMetrics, RegressionScores

# After so many blocks ranks hear of each other.
BLOCKS_AT_A_TIME = 64


Metrics = ClassificationMetrics | RegressionMetrics


def metrics_of(kind: str, labels: HostArray, examples: int | None = None) -> Metrics:
    """Return the object that counts how good the predictions of a network are.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What its outputs mean.
    labels : array of shape (n2, b) or (1, b)
        Those of the first examples, at least of one.
    examples : int, optional
        How many there are in all, if that is known.

    Returns
    -------
    ClassificationMetrics or RegressionMetrics
        With no example counted.
    """
    if kind == "regression":
        return RegressionMetrics(labels[:, 0])
    return ClassificationMetrics(kind, examples or 0)


def not_evaluated(kind: str, source: Source) -> Evaluation | RegressionScores:
    """Return what is known of examples that could not be evaluated: how many they are.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs mean.
    source : Source
        The examples.

    Returns
    -------
    Evaluation or RegressionScores
        With NaN or None for all scores.
    """
    if kind == "regression":
        nothing = np.full(len(source.labels), np.nan)
        return RegressionScores(source.m, nothing, nothing, nothing, nothing)
    return Evaluation(source.m, math.nan, math.nan, None, None, None)


def add_examples(
    metrics: Metrics,
    data: BlockedExamples,
    parameters: Parameters,
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> None:
    """Count the examples of `data`, predicted with `parameters` as `forward_rows` does.

    Parameters
    ----------
    metrics : ClassificationMetrics or RegressionMetrics
        Where to count them.
    data : BlockedExamples
        Of a source without weights.
    parameters : Parameters
        NumPy arrays W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    done : callable ``(count) -> object``, optional
        Called with a number of examples as they are counted, from any thread.
    ranks : Ranks, optional
        Which share the blocks: this one counts its own. All of them call this.

    Raises
    ------
    DataError
        If a parameter has another shape.
    RankFailed
        With `ranks`, if another rank has failed.
    """
    backend, grid = data.backend, data.grid
    with backend.activate():
        of_block = _outputs_and_loss(data, data.place(parameters))

        def task(i: int) -> None:
            lo, hi = grid.bounds(i)
            Z2, loss = of_block(i)
            metrics.add(data.source.labels[:, lo:hi], Z2.T, loss)
            done(hi - lo)

        if ranks is None:
            backend.run(task, len(grid))
        else:
            ranks.share(
                lambda some: backend.run(lambda k: task(some[k]), len(some)),
                len(grid),
                BLOCKS_AT_A_TIME,
                "the evaluation",
            )


def _outputs_and_loss(
    data: BlockedExamples, placed: Parameters
) -> Callable[[int], tuple[HostArray, float]]:
    """Return a function for Z2 (n2, b) of a block, and the sum of its losses."""
    backend, columns = data.backend, data.grid.columns
    kernel = row_kernel(backend, data.g1, data.g2, data.shape, data.dtype)
    if kernel is not None:
        by_kernel = functools.partial(kernel.outputs_and_loss, placed)
        return lambda i: by_kernel(*data.examples_as_read(i))
    width, whole = product_width(backend, data.shape, data.dtype), None
    if columns % width == 0 and is_one_product(backend, data.shape, data.dtype, columns):
        whole = columns

    def of_block(i: int) -> tuple[HostArray, float]:
        X, Y, _ = data.examples(i)
        losses, outputs = [], []
        for piece in forward_in_pieces(placed, X.T, data.g1, data.g2, backend, width, whole):
            of_rows = Y[:, piece.begin : piece.end]
            losses.append(data.g2.loss(piece.Z2, piece.parts, of_rows, backend.xp).sum())
            outputs.append(piece.Z2)
        Z2 = outputs[0] if len(outputs) == 1 else backend.xp.concatenate(outputs, axis=1)
        # Once a block: to read a number waits for the device.
        return backend.to_numpy(Z2), float(sum(losses[1:], losses[0]))

    return of_block


@overload
def evaluate(
    data: BlockedExamples,
    parameters: Parameters,
    kind: Literal["regression"],
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> RegressionScores: ...
@overload
def evaluate(
    data: BlockedExamples,
    parameters: Parameters,
    kind: Literal["binary", "multiclass", "multilabel"],
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> Evaluation: ...
def evaluate(
    data: BlockedExamples,
    parameters: Parameters,
    kind: str,
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> Evaluation | RegressionScores:
    """Evaluate parameters on all examples of `data`.

    Parameters
    ----------
    data : BlockedExamples
        Of a source without weights.
    parameters : Parameters
        NumPy arrays W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs mean.
    done : callable ``(count) -> object``, optional
        Called with a number of examples as they are counted, from any thread.
    ranks : Ranks, optional
        Which share the blocks. All of them call this.

    Returns
    -------
    Evaluation or RegressionScores
        The latter of "regression"; bitwise identical for any number of threads and ranks.

    Raises
    ------
    DataError
        If a parameter has another shape.
    RankFailed
        With `ranks`, if another rank has failed.
    """
    metrics = metrics_of(kind, data.source.labels, data.source.m)
    add_examples(metrics, data, parameters, done, ranks)
    return of_all(metrics, ranks).result()


def of_all(metrics: Metrics, ranks: Ranks | None) -> Metrics:
    """Return what all ranks have counted.

    Parameters
    ----------
    metrics : ClassificationMetrics or RegressionMetrics
        What this rank has counted; may be added to.
    ranks : Ranks or None
        Those that call this; None is this process alone.

    Returns
    -------
    ClassificationMetrics or RegressionMetrics
        On every rank that of all.

    Raises
    ------
    RankFailed
        If another rank has failed.
    """
    return metrics if ranks is None else ranks.combined(lambda: metrics, _merged)


def _merged(one: Any, other: Any) -> Any:
    one.merge(other)
    return one
