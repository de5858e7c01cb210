"""How good predictions are: AUC and ROC curve, confusion, calibration."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]

# Looked up at a time, in little memory.
SCORES_AT_A_TIME = 2**16


def roc_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float | None:
    """Return the area under the ROC curve: how often a positive scores above a negative, ties half.

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

    References
    ----------
    Hanley and McNeil (1982), The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, Radiology 143; as the Mann-Whitney statistic, in m log m time.
    """
    above, below = scores[positive], scores[~positive]
    if not above.size or not below.size:
        return None
    # Sorted, both are passed over in order, and not looked up all over the memory.
    above.sort()
    below.sort()
    wins_and_half_ties = 0
    for lo in range(0, above.size, SCORES_AT_A_TIME):
        part = above[lo : lo + SCORES_AT_A_TIME]
        for side in ("left", "right"):
            wins_and_half_ties += int(np.searchsorted(below, part, side).sum(dtype=np.int64))
    return wins_and_half_ties / (2 * above.size * below.size)


def roc_curve(
    scores: Floats, positive: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ROC curve: one point for each threshold, from (0, 0) to (1, 1).

    Parameters
    ----------
    scores : array of shape (m,)
        Higher means more likely positive.
    positive : bool array of shape (m,)
        Which examples are positive; there are some, and not all are.

    Returns
    -------
    false_rate : array of shape (k,)
        The fraction of the negatives that score at least each threshold.
    true_rate : array of shape (k,)
        The fraction of the positives that do.

    References
    ----------
    Fawcett (2006), An introduction to ROC analysis, Pattern Recognition Letters 27.
    """
    order = np.argsort(-scores, kind="stable")
    true = np.cumsum(positive[order])
    false = np.arange(1, len(order) + 1) - true
    last_of_its_score = np.append(np.diff(scores[order]) != 0, True)
    true, false = true[last_of_its_score], false[last_of_its_score]
    return np.append(0, false) / false[-1], np.append(0, true) / true[-1]


class Calibration(NamedTuple):
    """Predicted probabilities in bins, compared with what came true.

    Attributes
    ----------
    predicted : array of shape (k,)
        Mean prediction of each bin that holds examples.
    observed : array of shape (k,)
        Fraction of them that are positive.
    low, high : arrays of shape (k,)
        The 95 % interval of that fraction (Wilson's).
    examples : array of shape (k,)
        How many are in the bin.
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    examples: Ints


def calibration(
    probabilities: Floats, positive: npt.NDArray[np.bool_], bins: int = 10
) -> Calibration:
    """Compare probabilities with frequencies, in bins of the same width.

    Parameters
    ----------
    probabilities : array of shape (m,)
        Predicted, from 0 to 1.
    positive : bool array of shape (m,)
        What came true.
    bins : int, default 10
        How many there are between 0 and 1, at least 1.

    Returns
    -------
    Calibration
        Of the bins that hold examples, in their order.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22.
    """
    bin_of = np.minimum((probabilities * bins).astype(np.intp), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    held = count > 0
    n = count[held]
    predicted = np.bincount(bin_of, probabilities, bins)[held] / n
    observed = np.bincount(bin_of, positive, bins)[held] / n
    z = 1.96
    centre = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    return Calibration(predicted, observed, centre - half, centre + half, n)


def confusion(truth: Ints, predicted: Ints, n_classes: int) -> npt.NDArray[np.int64]:
    """Count examples by true class and predicted class.

    Parameters
    ----------
    truth : int array of shape (m,)
        The true class numbers, 0 ... n_classes - 1.
    predicted : int array of shape (m,)
        The predicted ones.
    n_classes : int
        Number of classes, at least 2.

    Returns
    -------
    int64 array of shape (n_classes, n_classes)
        The true class is the row, the predicted one the column.
    """
    if n_classes == 2:  # in a tenth of the time
        is_positive, found = truth == 1, predicted == 1
        positives, right = np.count_nonzero(is_positive), np.count_nonzero(is_positive & found)
        wrong = np.count_nonzero(found) - right
        negatives = len(truth) - positives
        return np.array([[negatives - wrong, wrong], [positives - right, right]], np.int64)
    pairs = truth.astype(np.intp) * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
