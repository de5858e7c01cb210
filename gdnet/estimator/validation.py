"""The examples that a user gives an estimator's `fit` to validate on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from gdnet.backends import Backend
from gdnet.data.labels.targets import EncodedTarget
from gdnet.errors import DataError
from gdnet.estimator.data import checked_rows, checked_weights
from gdnet.training.examples import Examples


class EvalSet(NamedTuple):
    """Examples to validate on, as they were given.

    Attributes
    ----------
    X, y : array-like
        Features (m, n0) and labels (m,) or (m, k).
    sample_weight : array-like of shape (m,) or None
        Weight of each example.
    names : tuple of three str
        What the user calls the three.
    """

    X: Any
    y: Any
    sample_weight: Any
    names: tuple[str, str, str]


def eval_set_of(eval_set: Any, X: Any, y: Any, sample_weight: Any) -> EvalSet | None:
    """Return what `fit` was given to validate on, in one of two ways; None if nothing was.

    Parameters
    ----------
    eval_set, X, y, sample_weight : anything, or None
        What `fit` calls eval_set, X_val, y_val and sample_weight_val.

    Raises
    ------
    DataError
        For both ways at once, a part without the other, or an `eval_set` that is neither a pair
        nor a triple.
    """
    if X is None and y is None:
        if sample_weight is not None:
            raise DataError("sample_weight_val: expected X_val and y_val as well, got neither")
        return None if eval_set is None else EvalSet(*_unpacked(eval_set), ("eval_set",) * 3)
    if eval_set is not None:
        raise DataError(
            "expected one set to validate on, got eval_set and X_val, y_val; leave out one of them"
        )
    for given, missing, value in (("X_val", "y_val", y), ("y_val", "X_val", X)):
        if value is None:
            raise DataError(f"{given}: expected {missing} as well, got none; give both")
    return EvalSet(X, y, sample_weight, ("X_val", "y_val", "sample_weight_val"))


def _unpacked(eval_set: Any) -> tuple[Any, Any, Any]:
    if isinstance(eval_set, tuple) and len(eval_set) in (2, 3):
        X, y, *weights = eval_set
        return X, y, weights[0] if weights else None
    got, cure = type(eval_set).__name__, "give one pair, eval_set=(X, y)"
    if isinstance(eval_set, list | tuple):
        got += f" of {len(eval_set)}"
        if eval_set and isinstance(eval_set[0], tuple):
            cure = "gdnet validates on one set: give one pair, without a list around it"
        elif isinstance(eval_set, list) and len(eval_set) in (2, 3):
            cure = "make a tuple of it: eval_set=tuple(eval_set)"
    raise DataError(
        f"eval_set: expected a tuple (X, y) or (X, y, sample_weight), got a {got}; {cure}"
    )


def checked_eval_set(
    settings: Any, given: EvalSet, encoded: EncodedTarget, backend: Backend, dtype: np.dtype[Any]
) -> Examples:
    """Return what was given to validate on, its labels as codes among the classes of the training.

    Parameters
    ----------
    settings : GDClassifier or GDRegressor
        Has learned the number and the names of the features.
    given : EvalSet
        What is checked.
    encoded : EncodedTarget
        The labels of the training.
    backend : Backend
        Where X may be.
    dtype : numpy.dtype
        Of the rows that are trained on.

    Raises
    ------
    DataError, TypeError
        For what does not fit the training; the message begins with what the user calls it.
    """
    X, y, sample_weight, names = given
    with _called(names[0]):
        rows = checked_rows(settings, X, backend, (dtype.type,), reset=False)
    with _called(names[1]):
        codes = settings._encoded(y, rows, encoded.classes).codes
    with _called(names[2]):
        weights = checked_weights(sample_weight, rows)
    if codes.shape[1:] != encoded.codes.shape[1:]:
        raise DataError(
            f"{names[1]}: expected a y like that of the training, {encoded.codes.shape[1:] or 1} "
            f"{'numbers' if encoded.kind == 'regression' else 'labels'} a row, got shape "
            f"{codes.shape}"
        )
    return Examples(rows, codes, weights, not isinstance(rows, np.ndarray))


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Put the user's name before a message: the checks call arrays X, y and sample_weight."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error
