"""Targets that are numbers to be predicted, and no classes."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.data.labels.targets import EncodedTarget, encode_target
from gdnet.data.rows import CHECKED_AT_A_TIME
from gdnet.errors import DataError


def encode_numbers(target: Any) -> EncodedTarget:
    """Return numbers to be predicted, as float64.

    Parameters
    ----------
    target : array of shape (m,) or (m, k)
        Real numbers, of any type; with two columns or more, k targets.

    Returns
    -------
    EncodedTarget
        Of the kind "regression", without classes; its codes are float64, (m,) or (m, k).

    Raises
    ------
    DataError
        For text, other shapes, and numbers that are missing or not finite; it names the row.
    """
    target = np.asarray(target)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim not in (1, 2) or 0 in target.shape:
        raise DataError(
            "expected numbers to be predicted of shape (m,) or (m, k), got shape "
            + str(target.shape)
        )
    if target.dtype.kind == "O":
        target = _of_objects(target)
    if target.dtype.kind not in "biuf":
        raise DataError(
            f"expected numbers to be predicted, got type {target.dtype}; to predict classes choose "
            "task='classification' (in Python GDClassifier)"
        )
    with np.errstate(over="ignore"):
        numbers = target.astype(np.float64)
    height = max(1, CHECKED_AT_A_TIME // (numbers.shape[1] if numbers.ndim == 2 else 1))
    for lo in range(0, len(numbers), height):
        wrong = ~np.isfinite(numbers[lo : lo + height])
        if wrong.any():
            place = np.argwhere(wrong)[0]
            value = numbers[lo : lo + height][tuple(place)]
            column = f", column {place[1]}" if len(place) > 1 else ""
            raise DataError(
                f"expected a finite number to be predicted in every row, got {value} in row "
                f"{lo + place[0]}{column} (counted from 0); remove such rows"
            )
    return EncodedTarget(numbers, None, "regression")


def _of_objects(target: HostArray) -> HostArray:
    """Return objects that are numbers, or missing, as float64; others as they are."""
    flat = [np.nan if value is None else value for value in target.ravel().tolist()]
    if not all(isinstance(value, Real) or hasattr(value, "as_tuple") for value in flat):
        return target
    return np.array(list(map(_as_float, flat))).reshape(target.shape)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def encode_as(kind: str, classes: Any, target: Any) -> HostArray:
    """Return the target of other examples, encoded as that of a training was.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs of the network mean.
    classes : array of shape (k,) or None
        Of the training.
    target : array of shape (m,) or (m, k)
        Labels of any type, or numbers.

    Returns
    -------
    array of shape (m,) or (m, k)
        Class numbers, 0 and 1, or float64.

    Raises
    ------
    DataError
        As `encode_numbers` and `gdnet.data.labels.targets.encode_target`.
    """
    if kind == "regression":
        return encode_numbers(target).codes
    return encode_target(target, classes).codes
