"""How good predicted classes or labels are: counted block by block, in memory that does not grow.

What is counted are whole numbers and an exact sum, so the result is bitwise identical for any order
and any grouping of the blocks: on threads, and on parts of the data that are merged.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.exact_sum import ExactSum
from gdnet.metrics import confusion
from gdnet.prediction import predicted_codes
from gdnet.score_counts import Area, ScoreCounts
from gdnet.shared_counts import SharedCounts

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
    auc_error : float or None
        By how much the area may be off at most: 0 for up to `gdnet.score_counts.MAX_EXACT`
        examples. None where nothing is known.
    """

    examples: int
    accuracy: float
    log_loss: float
    auc: float | None
    confusion: npt.NDArray[np.int64] | None
    auc_error: float | None = 0.0


class ClassificationMetrics(SharedCounts):
    """An `Evaluation` in the making.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        What the outputs mean.
    examples : int, default 0
        How many will be added in all, if that is known.
    """

    def __init__(self, kind: str, examples: int = 0) -> None:
        self._kind = kind
        super().__init__()
        self._loss = ExactSum()
        self._right = 0
        self._examples = 0
        self._confusion: npt.NDArray[np.int64] | None = None
        self._scores = ScoreCounts(examples)

    def add(self, labels: Rows, Z2: Rows, loss: float) -> None:
        """Count a block of examples; each once, from any thread, in any order.

        Parameters
        ----------
        labels : array of shape (1, b), or (n2, b) for multi-label
            Class numbers, or 0 and 1.
        Z2 : array of shape (b, n2)
            What the network says; kept as it is.
        loss : float
            The sum of the examples' cross-entropies.
        """
        predicted = predicted_codes(Z2, self._kind)
        if self._kind == "multilabel":
            right = int((labels == predicted.T).all(axis=0).sum())
        else:
            counts = confusion(labels[0], predicted, max(Z2.shape[1], 2))
            right = int(np.trace(counts))
        if self._kind == "binary":
            self._scores.add(Z2[:, 0], labels[0] == 1)
        with self._lock:
            self._examples += len(Z2)
            self._right += right
            self._loss.add(loss)
            if self._kind != "multilabel":
                self._confusion = counts + (0 if self._confusion is None else self._confusion)

    def merge(self, other: ClassificationMetrics) -> None:
        """Count all examples that another has counted."""
        self._examples += other._examples
        self._right += other._right
        self._loss.merge(other._loss)
        self._scores.merge(other._scores)
        if other._confusion is not None:
            mine = 0 if self._confusion is None else self._confusion
            self._confusion = other._confusion + mine

    def result(self) -> Evaluation:
        """Return the evaluation of all that was added."""
        area = self._scores.area() if self._kind == "binary" else Area(None, 0.0)
        return Evaluation(
            self._examples,
            self._right / self._examples,
            self._loss.total() / self._examples,
            area.value,
            self._confusion,
            area.error,
        )
