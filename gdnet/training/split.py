"""Holding out rows for validation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.labels.types import shown_labels
from gdnet.data.row_subset import RowSubset
from gdnet.data.rows import CHECKED_AT_A_TIME, RowReader
from gdnet.data.source import count_codes
from gdnet.errors import DataError

# More rows are chosen from part by part: each has the fraction of its own rows, class by class.
ROWS_AT_ONCE = 2**20
ROWS_A_PART = 2**18
# Its own stream of random numbers, so that holding out rows does not change the first weights.
_STREAM = 0x5711D


class Split(NamedTuple):
    """Rows and their codes, for training and for validation.

    Attributes
    ----------
    rows : RowReader of shape (m, n0)
        Features of the examples to train on.
    codes : array of shape (m,) or (m, k)
        Their labels as codes, or numbers to be predicted.
    validation_rows : RowReader of shape (m_validation, n0)
        Features of the examples held out.
    validation_codes : array of shape (m_validation,) or (m_validation, k)
        Their labels as codes, or numbers to be predicted.
    """

    rows: RowReader
    codes: HostArray
    validation_rows: RowReader
    validation_codes: HostArray


def holdout_mask(
    m: int, fraction: float, seed: int, strata: HostArray | None = None
) -> npt.NDArray[np.bool_]:
    """Choose a random fraction of m rows.

    Of more than a million, each part of 262,144 has the fraction of its own rows, so that memory
    beyond a byte a row does not grow with them.

    Parameters
    ----------
    m : int
        Number of rows.
    fraction : float
        Above 0 and below 1.
    seed : int
        Of the choice.
    strata : int array of shape (m,), optional
        Classes, of each of which the same fraction is chosen, and one row is not.

    Returns
    -------
    bool array of shape (m,)
        Which rows are held out.

    Raises
    ------
    DataError
        If the fraction leaves no row for one of the parts.
    """
    chosen = np.zeros(m, np.bool_)
    if 0 < fraction < 1 and 0 < round(m * fraction) < m:
        if m <= ROWS_AT_ONCE:
            _choose(chosen, round(m * fraction), seed, strata)
        else:
            _choose_by_parts(chosen, fraction, seed, strata)
        if strata is not None:
            _leave_one_of_each(chosen, strata)
    if not chosen.any():
        classes = "" if strata is None else f" of {len(np.unique(strata))} classes"
        raise DataError(
            "expected a validation fraction between 0 and 1 that leaves rows to validate on and, "
            f"of every class, to train on, got {fraction} of {m} rows{classes}; give another "
            "fraction or more rows"
        )
    return chosen


def _choose(chosen: npt.NDArray[np.bool_], count: int, seed: int, strata: HostArray | None) -> None:
    """Choose so many of the rows, of each class alike."""
    m = len(chosen)
    order = np.random.RandomState(np.array([_STREAM, seed])).permutation(m)
    if strata is None:
        chosen[order[:count]] = True
        return
    order = order[np.argsort(strata[order], kind="stable")]
    # Of rows in random order within their class, evenly spaced ones.
    chosen[order[np.diff(np.floor(np.arange(m + 1) * (count / m) + 0.5)) > 0]] = True


def _choose_by_parts(
    chosen: npt.NDArray[np.bool_], fraction: float, seed: int, strata: HostArray | None
) -> None:
    """Choose a fraction of each class, and of each class of each part as nearly as may be."""
    seen = np.zeros(1 if strata is None else int(strata.max()) + 1, np.int64)
    for k, lo in enumerate(range(0, len(chosen), ROWS_A_PART)):
        rows = len(chosen[lo : lo + ROWS_A_PART])
        order = np.random.RandomState(np.array([_STREAM, seed, k])).permutation(rows)
        codes = np.zeros(rows, np.uint8) if strata is None else strata[lo : lo + rows][order]
        by_class = np.argsort(codes, kind="stable")
        order, codes = order[by_class], codes[by_class]
        before, counts = np.rint(seen * fraction), np.bincount(codes, minlength=len(seen))
        seen += counts
        wanted = np.rint(seen * fraction) - before
        # Of each class the first so many, in an order that is random within it.
        place = np.arange(rows) - (np.cumsum(counts) - counts)[codes]
        chosen[lo : lo + rows][order[place < wanted[codes]]] = True


def _leave_one_of_each(chosen: npt.NDArray[np.bool_], strata: HostArray) -> None:
    """Let a row of every class be kept, the first one where all were chosen."""
    first: dict[int, int] = {}
    kept: set[int] = set()
    for lo in range(0, len(strata), ROWS_A_PART):
        part = strata[lo : lo + ROWS_A_PART]
        for code, row in zip(*np.unique(part, return_index=True), strict=True):
            first.setdefault(int(code), lo + int(row))
        kept.update(np.unique(part[~chosen[lo : lo + ROWS_A_PART]]).tolist())
    chosen[[row for code, row in first.items() if code not in kept]] = False


def split_rows(
    rows: RowReader,
    codes: HostArray,
    fraction: float,
    seed: int,
    *,
    strata: HostArray | None = None,
    in_place: bool,
) -> Split:
    """Hold out a random fraction of the rows; both parts stay in the order of the data.

    Parameters
    ----------
    rows : array or `RowReader` of shape (m, n0)
        The features.
    codes : array of shape (m,) or (m, k)
        The encoded labels.
    fraction : float
        Above 0 and below 1.
    seed : int
        Of the choice.
    strata : int array of shape (m,), optional
        Classes, of each of which the same fraction is held out.
    in_place : bool
        Whether the rows of the array may be moved, the kept ones to the front; otherwise the parts
        are views, which cost no memory to speak of.

    Raises
    ------
    DataError
        If the fraction leaves no row for one of the parts.
    """
    chosen = holdout_mask(len(rows), fraction, seed, strata)
    if in_place and isinstance(rows, np.ndarray):
        validation_rows: RowReader = rows[chosen]
        height, kept = max(1, CHECKED_AT_A_TIME // rows.shape[1]), 0
        for lo in range(0, len(rows), height):
            # A kept row only moves up, so no row is overwritten before it has moved.
            part = rows[lo : lo + height][~chosen[lo : lo + height]]
            rows[kept : kept + len(part)] = part
            kept += len(part)
        return Split(rows[:kept], codes[~chosen], validation_rows, codes[chosen])
    validation_rows = RowSubset(rows, chosen)
    return Split(RowSubset(rows, ~chosen), codes[~chosen], validation_rows, codes[chosen])


def missing_class_notes(
    codes: HostArray, validation_codes: HostArray, classes: HostArray
) -> tuple[str, ...]:
    """Return sentences about classes of which one part has no example.

    Parameters
    ----------
    codes, validation_codes : int arrays of shape (m,)
        The classes of the examples of both parts, as positions in `classes`.
    classes : array of shape (k,)
        The labels.
    """
    sentences = []
    for part, what, effect in (
        (codes, "training", "which the network cannot learn"),
        (validation_codes, "validation", "of which its figures say nothing"),
    ):
        absent = classes[count_codes(part, len(classes)) == 0].tolist()
        if absent:
            sentences.append(
                f"the {what} part has no example of class {shown_labels(absent)}, {effect}"
            )
    return tuple(sentences)
