"""From labels of any type to class codes of the smallest integer type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gdnet._typing import HostArray
from gdnet.data.labels.coded import CodedLabels
from gdnet.data.labels.types import PREDICT_IT, find_classes
from gdnet.data.rows import CHECKED_AT_A_TIME
from gdnet.errors import DataError

# More distinct labels than this, and more than half as many as rows, are not classes.
_MANY_CLASSES = 50


@dataclass(frozen=True)
class EncodedTarget:
    """Labels as numbers.

    Attributes
    ----------
    codes : array of shape (m,), or (m, k) for multi-label or k targets
        Positions in `classes`, or 0 and 1, of the smallest unsigned integer type; or the numbers to
        be predicted, float64.
    classes : array of shape (k,), or None for multi-label and regression
        The distinct labels, sorted.
    kind : {"binary", "multiclass", "multilabel", "regression"}
        Two classes, more classes, k independent labels per row, or numbers to be predicted.
    """

    codes: HostArray
    classes: HostArray | None
    kind: Literal["binary", "multiclass", "multilabel", "regression"]

    @property
    def n_outputs(self) -> int:
        """Return the number of outputs n2 of a network."""
        return self.codes.shape[1] if self.codes.ndim == 2 else self.n_exclusive or 1

    @property
    def n_exclusive(self) -> int | None:
        """Return the number of classes of a softmax output; None for sigmoid outputs."""
        if self.classes is None or self.kind != "multiclass":
            return None
        return len(self.classes)


def output_of(kind: str) -> str:
    """Return the name of the output activation g2 that belongs to a kind.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs mean.

    Returns
    -------
    {"sigmoid", "softmax", "identity"}
        A name in `gdnet.activations.OUTPUTS`.
    """
    return {"multiclass": "softmax", "regression": "identity"}.get(kind, "sigmoid")


def label_rows(codes: HostArray) -> HostArray:
    """Return codes as rows, one column an example.

    Parameters
    ----------
    codes : array of shape (m,) or (m, k)
        Class numbers, 0 and 1, or numbers to be predicted.

    Returns
    -------
    array of shape (1, m) or (k, m)
        A view.
    """
    return codes.T if codes.ndim == 2 else codes.reshape(1, -1)


def encode_target(target: Any, classes: Any = None) -> EncodedTarget:
    """Return labels as codes.

    Parameters
    ----------
    target : array of shape (m,) or (m, k), or CodedLabels of shape (m,)
        Integers, whole floats, booleans or strings; with two columns or more, 0 and 1 for each of
        k labels that do not exclude each other.
    classes : array of shape (k,), optional
        The classes of a model. Labels are then found among them, see
        `gdnet.data.labels.types.find_classes`. By default the classes are the distinct labels.

    Returns
    -------
    EncodedTarget
        Of the kind "binary", "multiclass" or "multilabel".

    Raises
    ------
    DataError
        For labels that are missing, not whole, of one class only, unknown to `classes`, or so many
        that they are not classes.
    """
    if isinstance(target, CodedLabels):
        return _encode_coded(target, classes)
    target = np.asarray(target)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim not in (1, 2):
        raise DataError(f"expected labels of shape (m,) or (m, k), got shape {target.shape}")
    if target.shape[0] == 0:
        raise DataError("expected at least 1 label, got 0 rows")
    if target.dtype.kind not in "biufOUT":
        raise DataError(
            f"expected labels that are integers, booleans or text, got type {target.dtype}"
        )
    if target.ndim == 2:
        return EncodedTarget(_multilabel(target), None, "multilabel")
    if target.dtype.kind == "f" and target.dtype.itemsize > 8:
        raise DataError(
            f"expected labels of at most 64 bits, got type {target.dtype}; labels.astype(int) has"
        )
    distinct = _distinct(target)
    known, lookup = _known_classes(target, distinct, classes, len(target))
    return EncodedTarget(_codes(target, lookup, len(known)), known, _kind(known))


def _encode_coded(target: CodedLabels, classes: Any) -> EncodedTarget:
    # A message about the k-th label names the first row that has it.
    distinct = _distinct(target.labels, lambda k: int(np.argmax(target.codes == k)))
    known, lookup = _known_classes(target.labels, distinct, classes, len(target))
    codes: HostArray = target.codes
    positions = _codes(target.labels, lookup, len(known))
    if codes.dtype != positions.dtype or (positions != np.arange(len(positions))).any():
        codes = np.empty(len(target), positions.dtype)
        for lo, part in _parts(target.codes):
            codes[lo : lo + len(part)] = positions[part]
    return EncodedTarget(codes, known, _kind(known))


def _known_classes(
    target: HostArray, distinct: list[Any], classes: Any, rows: int
) -> tuple[HostArray, dict[Any, int]]:
    """Return the classes, and the code of each label."""
    if classes is not None:
        known = np.asarray(classes)
        return known, find_classes(distinct, known.tolist())
    _check_classes(distinct, rows)
    known = np.array(distinct, target.dtype if target.dtype.kind in "biuf" else None)
    if known.tolist() != distinct:
        raise DataError("expected labels without a NUL character at their end, got some with")
    return known, {label: code for code, label in enumerate(distinct)}


def _kind(known: HostArray) -> Literal["binary", "multiclass"]:
    return "binary" if len(known) == 2 else "multiclass"


def _parts(target: HostArray) -> Iterator[tuple[int, HostArray]]:
    height = max(1, CHECKED_AT_A_TIME // (target.shape[1] if target.ndim == 2 else 1))
    for lo in range(0, len(target), height):
        yield lo, target[lo : lo + height]


def _multilabel(target: HostArray) -> HostArray:
    if target.dtype.kind not in "biuf" or target.shape[1] == 0:
        raise DataError(
            "expected one label per row, or columns of 0 and 1, "
            f"got shape {target.shape} of type {target.dtype}"
        )
    codes = np.empty(target.shape, np.uint8)
    for lo, part in _parts(target):
        wrong = (part != 0) & (part != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DataError(
                "labels in more than one column: expected 0 or 1, got "
                f"{part[row, column]} in row {lo + row}, column {column} (counted from 0); "
                f"{PREDICT_IT}"
            )
        codes[lo : lo + len(part)] = part
    return codes


def _distinct(target: HostArray, row_of: Callable[[int], int] = int) -> list[Any]:
    """Return the distinct labels, sorted; memory is a part of the labels and the distinct ones.

    `row_of` gives the row of a position in `target`, for messages.
    """
    numbers = target.dtype.kind in "biuf"
    found: set[Any] = set()
    for lo, part in _parts(target):
        if target.dtype.kind == "f":
            _check_whole(lo, part, row_of)
        found.update((np.unique(part) if numbers else part).tolist())
    if not numbers:
        _check_present(target, found, row_of)
    try:
        return sorted(found)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in found}))
        raise DataError(f"expected labels of one type, got {kinds} together") from None


def _check_classes(distinct: list[Any], rows: int) -> None:
    if len(distinct) < 2:
        raise DataError(
            f"expected labels of at least 2 classes, got one class only, {distinct[0]!r}, in all "
            f"{rows} rows"
        )
    if len(distinct) > max(_MANY_CLASSES, rows / 2):
        raise DataError(
            f"expected classes, got {len(distinct)} distinct labels in {rows} rows: this looks "
            f"like a quantity or an id; {PREDICT_IT}, or choose another target"
        )


def _check_whole(lo: int, part: HostArray, row_of: Callable[[int], int]) -> None:
    wrong = ~(np.isfinite(part) & (part == np.floor(part)))
    if not wrong.any():
        return
    position = int(np.argmax(wrong))
    row = row_of(lo + position)
    if np.isnan(part[position]):
        raise DataError(
            f"expected a label in every row, got NaN in row {row} (counted from 0); "
            "remove such rows"
        )
    raise DataError(
        f"expected whole numbers as class labels, got {part[position]} in row {row} "
        f"(counted from 0): this looks like a quantity; {PREDICT_IT}, or turn it into classes "
        "first, for example by a threshold"
    )


def _check_present(target: HostArray, found: set[Any], row_of: Callable[[int], int]) -> None:
    # NaN alone is not equal to itself.
    if any(label is None or label != label for label in found):
        k = next(i for i, label in enumerate(target.tolist()) if label is None or label != label)
        raise DataError(
            f"expected a label in every row, got {target[k]} in row {row_of(k)} (counted from 0); "
            "remove such rows"
        )
    for label in found:
        if isinstance(label, float) and not label.is_integer():
            raise DataError(
                f"expected whole numbers or text as class labels, got {label}; {PREDICT_IT}, or "
                "turn it into classes first"
            )


def _codes(target: HostArray, lookup: dict[Any, int], n_classes: int) -> HostArray:
    codes = np.empty(len(target), np.min_scalar_type(n_classes - 1))
    if target.dtype.kind in "biuf":
        labels = np.array(list(lookup), target.dtype)
        values = np.array(list(lookup.values()), codes.dtype)
        for lo, part in _parts(target):
            codes[lo : lo + len(part)] = values[np.searchsorted(labels, part)]
    else:
        for lo, part in _parts(target):
            codes[lo : lo + len(part)] = [lookup[label] for label in part.tolist()]
    return codes
