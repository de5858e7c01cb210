"""Predictions of a network over any number of rows, and how good they are."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from gdnet.activations import get_activation, get_output
from gdnet.backends import Backend
from gdnet.blocked import BlockedExamples
from gdnet.data.numbers import encode_as
from gdnet.data.source import RowSource
from gdnet.data.targets import label_rows
from gdnet.equations import cost
from gdnet.errors import DataError
from gdnet.metrics import confusion, roc_auc
from gdnet.model_file import Model
from gdnet.parameters import Parameters
from gdnet.prediction import Outputs, forward_rows
from gdnet.product_width import is_one_product, product_width
from gdnet.products import forward_in_pieces, row_kernel
from gdnet.regression_scores import ErrorSums, RegressionScores

Rows = np.ndarray[Any, Any]


class Evaluation(NamedTuple):
    """How good the predictions for some examples are.

    Attributes
    ----------
    examples : int
        How many.
    accuracy : float
        The fraction of right predictions; multi-label: of examples with every label right.
    log_loss : float
        Mean cross-entropy, in nats, summed over the outputs of an example.
    auc : float or None
        Area under the ROC curve, for two classes that are both there.
    confusion : array of shape (classes, classes) or None
        Examples by true class (row) and predicted class (column); None for multi-label.
    """

    examples: int
    accuracy: float
    log_loss: float
    auc: float | None
    confusion: npt.NDArray[np.int64] | None


def predict_outputs(model: Model, rows: Rows, backend: Backend) -> Outputs:
    """Run the forward equations over rows (m, n0), block by block, in the model's dtype."""
    g1, g2 = get_activation(model.activation), get_output(model.output)
    return forward_rows(model.parameters, g1, g2, rows, backend)


def predicted_codes(Z2: Rows, kind: str) -> Rows:
    """Return class numbers (m,) from Z2 (m, n2), or 0 and 1 (m, n2) for multi-label."""
    if kind == "multiclass":
        winners: Rows = Z2.argmax(axis=1)
        return winners
    codes: Rows = (Z2 > 0).astype(np.uint8)
    return codes if kind == "multilabel" else codes[:, 0]


def labelled_data(model: Model, rows: Rows, target: Rows, backend: Backend) -> BlockedExamples:
    """Return examples, whose labels are among the model's classes, ready for `Tally.add`.

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
    return BlockedExamples(
        RowSource(
            rows,
            labels,
            n_classes=n2 if model.kind == "multiclass" else None,
            continuous=model.kind == "regression",
        ),
        backend,
        n1=model.shape[1],
        activation=model.activation,
        output=model.output,
        dtype=model.parameters.W1.dtype,
    )


def predict_blocks(
    data: BlockedExamples,
    parameters: Parameters,
    take: Callable[[int, slice, Rows, float], object],
) -> None:
    """Predict the examples of `data` block by block, as `forward_rows` does.

    Parameters
    ----------
    data : BlockedExamples
        What is predicted.
    parameters : Parameters
        The network.
    take : callable ``(i, columns, Z2, cost)``
        Called with each block, from any thread: which of the examples it has, their Z2 (b, n2) on
        the host, and the sum of their losses.
    """
    backend, grid = data.backend, data.grid
    with backend.activate():
        placed = data.place(parameters)
        kernel = row_kernel(backend, data.g1, data.g2, data.shape, data.dtype)
        width, whole = 1, None
        if kernel is None:
            width = product_width(backend, data.shape, data.dtype)
            if grid.columns % width == 0 and is_one_product(
                backend, data.shape, data.dtype, grid.columns
            ):
                whole = grid.columns

        def task(i: int) -> None:
            X, Y, _ = data.examples(i)
            pieces = forward_in_pieces(placed, X.T, data.g1, data.g2, backend, width, whole, kernel)
            costs, outputs = [], []
            for begin, end, activations in pieces:
                costs.append(cost(activations, Y[:, begin:end], data.g2, 1.0, backend.xp))
                outputs.append(activations.Z2)
            # Once a block: to read a number waits for the device.
            total = float(sum(costs[1:], costs[0]))
            Z2 = backend.to_numpy(backend.xp.concatenate(outputs, axis=1)).T
            take(i, slice(*grid.bounds(i)), Z2, total)

        backend.run(task, len(grid))


class Tally:
    """An `Evaluation` in the making, over one part of the data after another.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        What the outputs mean.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._losses: list[float] = []
        self._right = 0
        self._examples = 0
        self._confusion: npt.NDArray[np.int64] | None = None
        self._scores: list[Rows] = []
        self._positive: list[npt.NDArray[np.bool_]] = []

    def add(self, data: BlockedExamples, parameters: Parameters) -> None:
        """Count the examples of `data`, predicted with `parameters` as `forward_rows` does."""
        source = data.source
        losses = np.empty(len(data.grid))
        scores = np.empty(source.m if self._kind == "binary" else 0, data.dtype)

        def take(i: int, columns: slice, Z2: Rows, loss: float) -> None:
            losses[i] = loss
            self._count(source.labels[:, columns], predicted_codes(Z2, self._kind), source.n2)
            if self._kind == "binary":
                scores[columns] = Z2[:, 0]

        predict_blocks(data, parameters, take)
        self._examples += source.m
        self._losses += losses.tolist()
        if self._kind == "binary":
            self._scores.append(scores)
            self._positive.append(source.labels[0] == 1)

    def _count(self, labels: Rows, predicted: Rows, n2: int) -> None:
        counts = None
        if self._kind == "multilabel":
            right = int((labels == predicted.T).all(axis=0).sum())
        else:
            counts = confusion(labels[0], predicted, 2 if self._kind == "binary" else n2)
            right = int(np.trace(counts))
        with self._lock:
            self._right += right
            if counts is not None:
                self._confusion = counts if self._confusion is None else self._confusion + counts

    def result(self) -> Evaluation:
        """Return the evaluation of all that was added."""
        auc = None
        if self._scores:
            auc = roc_auc(np.concatenate(self._scores), np.concatenate(self._positive))
        return Evaluation(
            self._examples,
            self._right / self._examples,
            math.fsum(self._losses) / self._examples,
            auc,
            self._confusion,
        )


class RegressionTally:
    """`RegressionScores` in the making, over one part of the data after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: ErrorSums | None = None

    def add(self, data: BlockedExamples, parameters: Parameters) -> None:
        """Add the examples of `data`, predicted with `parameters` as `forward_rows` does."""
        labels = data.source.labels
        sums = self._sums = self._sums or ErrorSums(labels[:, 0])

        def take(i: int, columns: slice, Z2: Rows, loss: float) -> None:
            del i, loss
            of_block = sums.of_block(labels[:, columns], Z2.T)
            with self._lock:
                sums.add(of_block)

        predict_blocks(data, parameters, take)

    def result(self) -> RegressionScores:
        """Return the scores of all that was added."""
        assert self._sums is not None
        return self._sums.result()


def tally_of(kind: str) -> Tally | RegressionTally:
    """Return what evaluates a network whose outputs are of a kind."""
    return RegressionTally() if kind == "regression" else Tally(kind)


@overload
def evaluate(
    data: BlockedExamples, parameters: Parameters, kind: Literal["regression"]
) -> RegressionScores: ...
@overload
def evaluate(
    data: BlockedExamples,
    parameters: Parameters,
    kind: Literal["binary", "multiclass", "multilabel"],
) -> Evaluation: ...
def evaluate(
    data: BlockedExamples, parameters: Parameters, kind: str
) -> Evaluation | RegressionScores:
    """Evaluate parameters on all examples of `data`, whose source has no weights."""
    tally = tally_of(kind)
    tally.add(data, parameters)
    return tally.result()
