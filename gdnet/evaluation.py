"""Predictions of a network over any number of rows, and how good they are."""

from __future__ import annotations

import math
import threading
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
from gdnet.regression_metrics import RegressionMetrics, RegressionScores

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


def add_examples(metrics: Metrics, data: BlockedExamples, parameters: Parameters) -> None:
    """Count the examples of `data`, predicted with `parameters` as `forward_rows` does.

    Parameters
    ----------
    metrics : Tally or RegressionMetrics
        Where to count them.
    data : BlockedExamples
        Of a source without weights.
    parameters : Parameters
        NumPy arrays.
    """
    backend, source, grid = data.backend, data.source, data.grid
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
            lo, hi = grid.bounds(i)
            X, Y, _ = data.examples(i)
            pieces = forward_in_pieces(placed, X.T, data.g1, data.g2, backend, width, whole, kernel)
            costs, outputs = [], []
            for begin, end, activations in pieces:
                costs.append(cost(activations, Y[:, begin:end], data.g2, 1.0, backend.xp))
                outputs.append(activations.Z2)
            # Once a block: to read a number waits for the device.
            loss = float(sum(costs[1:], costs[0]))
            Z2 = backend.to_numpy(backend.xp.concatenate(outputs, axis=1)).T
            metrics.add(source.labels[:, lo:hi], Z2, loss)

        backend.run(task, len(grid))


class Tally:
    """An `Evaluation` in the making.

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

    def add(self, labels: Rows, Z2: Rows, loss: float) -> None:
        """Count a block of examples; each once, from any thread, in any order.

        Parameters
        ----------
        labels : array of shape (1, b), or (n2, b) for multi-label
            Class numbers, or 0 and 1.
        Z2 : array of shape (b, n2)
            What the network says.
        loss : float
            The sum of the examples' cross-entropies.
        """
        predicted, counts = predicted_codes(Z2, self._kind), None
        if self._kind == "multilabel":
            right = int((labels == predicted.T).all(axis=0).sum())
        else:
            counts = confusion(labels[0], predicted, max(Z2.shape[1], 2))
            right = int(np.trace(counts))
        with self._lock:
            self._examples += len(Z2)
            self._right += right
            self._losses.append(loss)
            if counts is not None:
                self._confusion = counts if self._confusion is None else self._confusion + counts
            if self._kind == "binary":
                self._scores.append(Z2[:, 0].copy())
                self._positive.append(labels[0] == 1)

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


Metrics = Tally | RegressionMetrics


def metrics_of(kind: str, data: BlockedExamples) -> Metrics:
    """Return what evaluates a network whose outputs are of a kind, on `data` and maybe others."""
    return RegressionMetrics(data.source.labels[:, 0]) if kind == "regression" else Tally(kind)


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
    metrics = metrics_of(kind, data)
    add_examples(metrics, data, parameters)
    return metrics.result()
