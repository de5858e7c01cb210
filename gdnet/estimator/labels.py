"""What an estimator is given as y, as an array of NumPy: labels with their values, or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from gdnet._typing import Array, HostArray
from gdnet.data.device_arrays import on_host
from gdnet.errors import DataError

# From here on float64 does not hold every integer.
_MAX_EXACT = 2**53


def checked_target(y: Any, rows: Array) -> HostArray:
    """Return y as a NumPy array of labels (m,) or (m, k).

    Parameters
    ----------
    y : array-like of shape (m,) or (m, k)
        HostArray: of NumPy, pandas, polars, Arrow, SciPy, or shared through DLPack; or a list.
    rows : array of shape (m, n0)
        The features; only their number is asked for.

    Raises
    ------
    DataError, ValueError, TypeError
        For missing labels, and otherwise as scikit-learn's classifiers.
    """
    if y is None:
        raise DataError("GDClassifier requires y to be passed, but the target y is None")
    labels = check_array(
        as_labels(y), accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y"
    )
    check_consistent_length(rows, labels)
    check_classification_targets(labels)
    if hasattr(labels, "toarray"):
        labels = labels.toarray()
    if labels.ndim == 1 or labels.shape[1] == 1:
        return np.asarray(column_or_1d(labels, warn=True))
    return np.asarray(labels)


def checked_numbers(y: Any, rows: Array) -> HostArray:
    """Return y as a NumPy array of numbers to be predicted, (m,) or (m, k).

    Parameters
    ----------
    y : array-like of shape (m,) or (m, k)
        Of any library.
    rows : array of shape (m, n0)
        The features; only their number is asked for.

    Raises
    ------
    DataError, ValueError, TypeError
        For missing numbers, and otherwise as scikit-learn's regressors.
    """
    if y is None:
        raise DataError("GDRegressor requires y to be passed, but the target y is None")
    numbers = check_array(on_host("y", y), ensure_2d=False, dtype=None, input_name="y")
    check_consistent_length(rows, numbers)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = column_or_1d(numbers, warn=True)
    return np.asarray(numbers)


def as_labels(y: Any) -> Any:
    """Return labels as a NumPy array of integers, booleans, floats or text as objects.

    scikit-learn's own conversion makes floats of nullable integers and booleans, and takes no
    `numpy.dtypes.StringDType`. What is sparse stays as it is.

    Raises
    ------
    DataError
        For a missing label, for labels of several types or another one, and for integers that 64
        bits do not hold.
    """
    y = on_host("y", y)
    if hasattr(type(y), "toarray"):
        return y
    labels = np.asarray(y)
    if isinstance(y, list | tuple) and _loses_values(labels):
        labels = np.asarray(y, object)
    if labels.dtype.kind == "T":
        labels = labels.astype(object)
    if labels.dtype.kind == "f" and np.isnan(np.min(labels, initial=0)):
        _refuse_missing(labels, np.isnan(labels))
    return _as_own_type(labels) if labels.dtype.kind == "O" else labels


def _loses_values(labels: HostArray) -> bool:
    """Return whether NumPy may have changed values of a list: NaN to "nan", true to 1 beside 2."""
    if labels.dtype.kind == "f":
        return bool((np.abs(labels) >= _MAX_EXACT).any())
    return labels.dtype.kind in "SUiu"


def _refuse_missing(labels: HostArray, missing: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    if not missing.any():
        return
    place = np.argwhere(missing)[0].tolist()
    value = labels[tuple(place)]
    shown = "NaN" if isinstance(value, float | np.floating) else value
    column = f", column {place[1]}" if len(place) > 1 else ""
    raise DataError(
        f"expected a label in every row, got {shown} in row {place[0]}{column} (counted from 0); "
        "remove such rows"
    )


def _as_own_type(labels: HostArray) -> HostArray:
    """Return objects of one type with that type, text as it is."""
    values = labels.ravel().tolist()
    missing = np.array(list(map(_is_missing, values)), np.bool_)
    _refuse_missing(labels, missing.reshape(labels.shape))
    types = {type(value) for value in values}

    def all_of(*kinds: type) -> bool:
        return all(issubclass(each, kinds) for each in types)

    if all_of(str):
        return labels
    if all_of(bool, np.bool_):
        return labels.astype(np.bool_)
    # A table with a column of integers and one of booleans is labels of 0 and 1 all the same.
    if all_of(int, np.integer, np.bool_) and (labels.ndim == 2 or not types & {bool, np.bool_}):
        return labels.astype(_integers(min(values), max(values)))
    if all_of(float, np.floating):
        return labels.astype(np.float64)
    names = ", ".join(sorted(each.__name__ for each in types))
    raise DataError(
        f"expected labels that are all integers, all booleans, all whole floats or all text, got "
        f"{names}; give them as text: [str(label) for label in y]"
    )


def _is_missing(value: Any) -> bool:
    try:
        return value is None or not bool(value == value)
    except TypeError:  # pandas' NA is neither equal nor unequal to itself
        return True


def _integers(smallest: int, largest: int) -> type[np.integer[Any]]:
    for each in (np.int64, np.uint64):
        if np.iinfo(each).min <= smallest and largest <= np.iinfo(each).max:
            return each
    raise DataError(
        f"expected integer labels that 64 bits hold, got {smallest} to {largest}; give them as "
        "text: [str(label) for label in y]"
    )
