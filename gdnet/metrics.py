"""How good predictions are: accuracy, log loss, AUC, confusion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]


def roc_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve: how often a positive scores above a negative, ties half.

    Parameters
    ----------
    scores : array of shape (m,)
        Higher means more likely positive.
    positive : bool array of shape (m,)
        Which examples are positive.

    Returns
    -------
    float or None
        None if there are no positives or no negatives.
    """
    above, below = scores[positive], np.sort(scores[~positive])
    if not above.size or not below.size:
        return None
    wins = int(np.searchsorted(below, above, "left").sum(dtype=np.int64))
    wins_and_ties = int(np.searchsorted(below, above, "right").sum(dtype=np.int64))
    return (wins + wins_and_ties) / (2 * above.size * below.size)


def confusion(truth: Ints, predicted: Ints, n_classes: int) -> npt.NDArray[np.int64]:
    """Count examples by true class (row) and predicted class (column), (n_classes, n_classes)."""
    pairs = truth.astype(np.intp) * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
