"""The weight of each class in the cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.source import count_codes
from gdnet.errors import DataError


def class_weights(
    class_weight: str | Mapping[Any, float] | None,
    classes: HostArray | None,
    codes: HostArray,
    weights: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64] | None:
    """Return the weight of each class, or None where all count the same.

    Parameters
    ----------
    class_weight : "balanced", mapping of class to weight, or None
        Balanced is the number of examples / (number of classes x examples of the class), as in
        scikit-learn; with sample weights their sums take the place of the numbers. A class that a
        mapping does not name weighs 1.
    classes : array of shape (k,), or None for multi-label
        The classes.
    codes : array of shape (m,)
        The class of each example, as a position in `classes`.
    weights : array of shape (m,), optional
        Sample weights.

    Raises
    ------
    DataError
        For labels that do not exclude each other, a class without examples, an unknown class, a
        weight that is negative or not finite, or weights that are all 0.
    """
    if class_weight is None:
        return None
    if classes is None:
        raise DataError(
            "class_weight: expected 'balanced' or None for a y of several labels, got weights of "
            "classes, which exclude each other; sample_weight weighs single examples"
        )
    if isinstance(class_weight, Mapping):
        return _of_mapping(class_weight, classes.tolist())
    counts = count_codes(codes, len(classes), weights)
    if not counts.all():
        missing = classes.tolist()[int(np.argmin(counts))]
        which = "" if weights is None else " of a weight above 0"
        raise DataError(
            f"class {missing!r} has no training examples{which}, so it cannot be balanced"
        )
    balanced: npt.NDArray[np.float64] = counts.sum() / (len(counts) * counts)
    return balanced


def _of_mapping(given: Mapping[Any, float], classes: list[Any]) -> npt.NDArray[np.float64]:
    unknown = [label for label in given if label not in classes]
    if unknown:
        raise DataError(
            f"class_weight: expected weights of the classes {classes}, got one of {unknown[0]!r}"
        )
    for label, weight in given.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise DataError(
                f"class_weight: expected finite weights of at least 0, got {weight} for {label!r}"
            )
    weights = np.array([given.get(label, 1.0) for label in classes], np.float64)
    if not weights.any():
        raise DataError("class_weight: expected a weight above 0 for at least one class, got all 0")
    return weights


def balanced_label_weights(
    codes: HostArray, weights: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """Return the balanced weights of the labels 0 and 1 of each column, (k, 2).

    An example weighs the product over its k labels, as in scikit-learn's `compute_sample_weight`.
    A label that no example has weighs 1.

    Parameters
    ----------
    codes : array of shape (m, k)
        0 and 1.
    weights : array of shape (m,), optional
        Sample weights.
    """
    each = np.ones(len(codes)) if weights is None else weights
    ones = np.array([each[column == 1].sum() for column in codes.T])
    counts = np.stack([each.sum() - ones, ones], axis=1)
    present = counts > 0
    share = each.sum() / present.sum(axis=1, keepdims=True)
    return np.where(present, share / np.where(present, counts, 1), 1.0)


def example_weights(
    of_classes: npt.NDArray[np.float64], codes: HostArray
) -> npt.NDArray[np.float64]:
    """Return the weight of each example, from `class_weights` or `balanced_label_weights`."""
    if codes.ndim == 1:
        return of_classes[codes]
    product: npt.NDArray[np.float64] = of_classes[np.arange(codes.shape[1]), codes].prod(axis=1)
    return product
