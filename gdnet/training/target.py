"""What a target is to be predicted as: labels or numbers, and which rows are held out by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.labels.numbers import encode_numbers
from gdnet.data.labels.targets import EncodedTarget, encode_target
from gdnet.errors import DataError
from gdnet.training.split import holdout_mask

# More whole numbers may well be a quantity.
MAX_NUMBERED_CLASSES = 100


def rows_to_train_on(
    target: Any, task: str, fraction: float, seed: int | None, name: str
) -> npt.NDArray[np.bool_]:
    """Return which rows a `Training` does not hold out.

    Parameters
    ----------
    target : array of shape (m,) or (m, k), or CodedLabels of shape (m,)
        Labels, or numbers to be predicted.
    task : {"auto", "classification", "regression"}
        As in `Settings`.
    fraction : float
        That is held out.
    seed : int or None
        Of the random numbers, as in `Settings`.
    name : str
        Of the data, for messages.

    Raises
    ------
    DataError
        For a target that does not fit the task, or that the fraction leaves no rows of.
    """
    encoded = encoded_as(target, task, name)
    strata = None if encoded.classes is None else encoded.codes
    return ~holdout_mask(len(encoded.codes), fraction, seed or 0, strata)


def encoded_as(target: Any, task: str, name: str, known_task: str | None = None) -> EncodedTarget:
    """Return the target as what it is to be predicted as.

    Raises
    ------
    DataError
        As `encode_target` and `encode_numbers`, and with "auto" for whole numbers that may be
        classes or quantities.
    """
    if task == "regression" or (task == "auto" and known_task == "regression"):
        return encode_numbers(target)
    encoded = encode_target(target)
    classes = encoded.classes
    if task != "auto" or classes is None or classes.dtype.kind not in "iuf":
        return encoded
    if len(classes) > MAX_NUMBERED_CLASSES:
        raise DataError(
            f"{name}: the target has {len(classes)} different whole numbers, from "
            f"{classes[0]} to {classes[-1]}: choose task='regression' to predict a number, or "
            "task='classification' if they are classes"
        )
    return encoded
