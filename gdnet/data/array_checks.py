"""Checks of arrays of examples as columns: inputs, labels and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.rows import CHECKED_AT_A_TIME, first_not_finite
from gdnet.errors import DataError


def checked_inputs(values: npt.ArrayLike) -> np.ndarray[Any, Any]:
    """Return X (n0, m) as an array of real, finite numbers.

    Raises
    ------
    DataError
        If it is something else, or has no features or examples.
    """
    X = _as_array("X", values)
    if X.ndim != 2:
        raise DataError(
            f"X: expected an array of shape (n0, m), one example a column, got shape {X.shape}"
        )
    n0, m = X.shape
    if n0 < 1 or m < 1:
        raise DataError(f"X: expected at least 1 feature and 1 example, got shape {X.shape}")
    _check_real("X", X)
    place = first_not_finite(X.T)
    if place is not None:
        example, feature = place
        raise DataError(
            f"X: expected finite numbers, got {X[feature, example]} in example {example}, "
            f"feature {feature} (counted from 0); remove or fill in such examples"
        )
    return X


def checked_labels(
    labels: npt.ArrayLike, m: int, n_classes: int | None, *, continuous: bool
) -> np.ndarray[Any, Any]:
    """Return the labels of m examples as an array of integers, or of numbers to be predicted.

    Parameters
    ----------
    labels : array of shape (n2, m), or (1, m) with `n_classes`
        0 and 1, class numbers, or numbers to be predicted.
    m : int
        Number of examples.
    n_classes : int or None
        Number of exclusive classes, whose numbers the labels are.
    continuous : bool
        Whether they are numbers to be predicted.

    Raises
    ------
    DataError
        If they are something else; names the first one.
    """
    if continuous and n_classes is not None:
        raise DataError("Y: expected n_classes or continuous, got both")
    Y = _as_array("Y", labels)
    if Y.ndim != 2:
        hint = "; no rank-1 arrays: give it as a row, Y.reshape(1, -1)" if Y.ndim == 1 else ""
        raise DataError(f"Y: expected an array of shape (n2, {m}), got shape {Y.shape}{hint}")
    if Y.shape[1] != m or Y.shape[0] < 1:
        raise DataError(
            f"Y: expected one column for each of the {m} examples of X, got shape {Y.shape}"
        )
    _check_real("Y", Y)
    if continuous:
        place = first_not_finite(Y.T)
        if place is not None:
            raise DataError(
                f"Y: expected finite numbers, got {Y[place[::-1]]} in example {place[0]} (counted "
                "from 0); remove such examples"
            )
        return Y if Y.dtype.kind == "f" else Y.astype(np.float64)
    if n_classes is None:
        highest, allowed = 1, "0 or 1"
        hint = (
            "; for numbered classes give n_classes, and choose the output softmax; for numbers to "
            "be predicted give continuous=True, and choose the output identity"
        )
    else:
        if n_classes < 2 or Y.shape[0] != 1:
            raise DataError(
                "Y: with n_classes expected one row (1, m) of class numbers and at least 2 "
                f"classes, got shape {Y.shape} and n_classes={n_classes}"
            )
        highest, allowed, hint = n_classes - 1, f"class numbers 0 to {n_classes - 1}", ""
    for lo in range(0, m, CHECKED_AT_A_TIME):
        part = Y[:, lo : lo + CHECKED_AT_A_TIME]
        wrong = ~((part >= 0) & (part <= highest) & (part == np.floor(part)))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DataError(
                f"Y: expected labels {allowed}, got {part[row, column]} in example "
                f"{lo + column} (counted from 0){hint}"
            )
    return Y if Y.dtype.kind in "iu" else Y.astype(np.min_scalar_type(highest))


def checked_weights(values: npt.ArrayLike, m: int) -> np.ndarray[Any, Any]:
    """Return the weights of m examples, of shape (1, m).

    Raises
    ------
    DataError
        If they have another shape, one is negative or not finite, or all are zero.
    """
    weights = _as_array("weights", values)
    if weights.shape != (1, m):
        raise DataError(f"weights: expected shape (1, {m}), got {weights.shape}")
    _check_real("weights", weights)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        example = int(np.argmax(wrong))
        raise DataError(
            f"weights: expected finite numbers of at least 0, got {weights[0, example]} "
            f"for example {example} (counted from 0)"
        )
    if not weights.any():
        raise DataError("weights: expected at least one above 0, got all zero")
    return weights


def _as_array(name: str, values: npt.ArrayLike) -> np.ndarray[Any, Any]:
    """Return a plain array: a matrix would multiply where arrays are multiplied by elements."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name}: expected every number to be there, got a masked array")
    return np.asarray(values)


def _check_real(name: str, array: np.ndarray[Any, Any]) -> None:
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:  # long double is for no GPU
        raise DataError(f"{name}: expected real numbers, got dtype {array.dtype}")
