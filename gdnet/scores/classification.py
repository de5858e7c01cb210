"""How good predicted classes or labels are: counted block by block, in memory that does not grow.

What is counted are whole numbers and an exact sum, so the result is bitwise identical for any order
and any grouping of the blocks: on threads, and on parts of the data that are merged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.exact_sum import ExactSum
from gdnet.model.prediction import predicted_codes
from gdnet.scores.by_class import ClassScores, f1_scores, macro
from gdnet.scores.metrics import confusion
from gdnet.scores.shared_counts import SharedCounts


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
        Area under the ROC curve of the second of two classes; of more classes, each against the
        rest, and of labels the mean over those that have both kinds of examples ("macro"). None
        without one, and of more than `gdnet.scores.by_class.MAX_AREAS` outputs.
    confusion : array of shape (classes, classes) or None
        Examples by true class (row) and predicted class (column); None for multi-label.
    auc_error : float or None
        By how much it may be off at most: 0 for up to `gdnet.scores.score_counts.MAX_EXACT`
        examples times outputs. None where nothing is known.
    f1 : float or None
        F1 of the second of two classes, otherwise the mean over the classes or labels that are true
        or predicted anywhere.
    auc_of_each, f1_of_each : tuple of float or None
        Of each class or label; empty for two classes.
    hamming, majority : float or None
        For multi-label: the fraction of right labels, and that of always predicting for each label
        what is more frequent.
    """

    examples: int
    accuracy: float
    log_loss: float
    auc: float | None
    confusion: npt.NDArray[np.int64] | None
    auc_error: float | None = 0.0
    f1: float | None = None
    auc_of_each: tuple[float | None, ...] = ()
    f1_of_each: tuple[float | None, ...] = ()
    hamming: float | None = None
    majority: float | None = None


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
        self._kind, self._expected = kind, examples
        super().__init__()
        self._loss = ExactSum()
        self._right = 0
        self._examples = 0
        # The confusion, or of each label how often it is right, true, and predicted.
        self._counts: npt.NDArray[np.int64] | None = None
        self._scores: ClassScores | None = None

    def add(self, labels: HostArray, Z2: HostArray, loss: float) -> None:
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
            found, truth = predicted.T == 1, labels == 1
            right = int((found == truth).all(axis=0).sum())
            counts = np.array([x.sum(axis=1) for x in (found & truth, truth, found)])
        else:
            counts = confusion(labels[0], predicted, max(Z2.shape[1], 2))
            right = int(np.trace(counts))
        with self._lock:
            self._examples += len(Z2)
            self._right += right
            self._loss.add(loss)
            self._counts = counts if self._counts is None else self._counts + counts
            if self._scores is None:
                self._scores = ClassScores(Z2.shape[1], self._kind, self._expected)
        self._scores.add(labels, Z2)

    def merge(self, other: ClassificationMetrics) -> None:
        """Count all examples that another has counted.

        Parameters
        ----------
        other : ClassificationMetrics
            Of the same kind and number of outputs; not to be added to afterwards.
        """
        if self._scores is None or self._counts is None:
            self._scores, self._counts = other._scores, other._counts
        elif other._scores is not None and other._counts is not None:
            self._scores.merge(other._scores)
            self._counts = self._counts + other._counts
        self._examples += other._examples
        self._right += other._right
        self._loss.merge(other._loss)

    def result(self) -> Evaluation:
        """Return the evaluation of all that was added, at least one block.

        Returns
        -------
        Evaluation
            Bitwise identical for any order and any grouping of the blocks.
        """
        m, counts, scores = self._examples, self._counts, self._scores
        assert counts is not None
        assert scores is not None
        several = self._kind == "multilabel"
        # Of each class or label: how often it is right, true, and predicted.
        right, true, predicted = counts if several else _of_each_class(counts)
        areas, f1 = scores.areas(), f1_scores(right, true, predicted)
        auc = macro([area.value for area in areas])
        return Evaluation(
            m,
            self._right / m,
            self._loss.total() / m,
            auc,
            None if several else counts,
            0.0 if auc is None else macro([a.error for a in areas if a.value is not None]),
            f1[1] if self._kind == "binary" else macro(f1),
            () if self._kind == "binary" else tuple(area.value for area in areas),
            () if self._kind == "binary" else f1,
            1 - int((true + predicted - 2 * right).sum()) / (m * len(true)) if several else None,
            int(np.maximum(true, m - true).sum()) / (m * len(true)) if several else None,
        )


def _of_each_class(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    return np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
