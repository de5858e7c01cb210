"""Setting rows aside for validation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.data.label_types import shown_labels
from gdnet.data.row_file import RowSubset
from gdnet.data.source import CHECKED_AT_A_TIME, Rows
from gdnet.errors import DataError

Codes = np.ndarray[Any, Any]

# Its own stream of random numbers, so that setting rows aside does not change the first weights.
_STREAM = 0x5711D


class Split(NamedTuple):
    """Rows (m, n0) and their codes, for training and for validation."""

    rows: Rows
    codes: Codes
    validation_rows: Rows
    validation_codes: Codes


def rows_aside(
    m: int, fraction: float, seed: int, strata: Codes | None = None
) -> npt.NDArray[np.bool_]:
    """Choose a random fraction of m rows.

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
        Which rows are set aside.

    Raises
    ------
    DataError
        If the fraction leaves no row for one of the parts.
    """
    aside = round(m * fraction) if 0 < fraction < 1 else 0
    chosen = np.zeros(m, np.bool_)
    if 0 < aside < m:
        order = np.random.RandomState(np.array([_STREAM, seed])).permutation(m)
        if strata is None:
            chosen[order[:aside]] = True
        else:
            order = order[np.argsort(strata[order], kind="stable")]
            # Of rows in random order within their class, evenly spaced ones.
            chosen[order[np.diff(np.floor(np.arange(m + 1) * (aside / m) + 0.5)) > 0]] = True
            _, first = np.unique(strata, return_index=True)
            chosen[first[~np.isin(strata[first], strata[~chosen])]] = False
    if not chosen.any():
        classes = "" if strata is None else f" of {len(np.unique(strata))} classes"
        raise DataError(
            "expected a validation fraction between 0 and 1 that leaves rows to validate on and, "
            f"of every class, to train on, got {fraction} of {m} rows{classes}; give another "
            "fraction or more rows"
        )
    return chosen


def split_rows(
    rows: Rows,
    codes: Codes,
    fraction: float,
    seed: int,
    *,
    strata: Codes | None = None,
    in_place: bool,
) -> Split:
    """Set a random fraction of the rows aside; both parts stay in the order of the data.

    Parameters
    ----------
    rows : array or `Rows` of shape (m, n0)
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
    chosen = rows_aside(len(rows), fraction, seed, strata)
    kept = np.flatnonzero(~chosen)
    if in_place and isinstance(rows, np.ndarray):
        validation_rows: Rows = rows[chosen]
        height = max(1, CHECKED_AT_A_TIME // rows.shape[1])
        for lo in range(0, len(kept), height):
            # A kept row only moves up, so no row is overwritten before it has moved.
            part = rows[kept[lo : lo + height]]
            rows[lo : lo + len(part)] = part
        return Split(rows[: len(kept)], codes[kept], validation_rows, codes[chosen])
    validation_rows = RowSubset(rows, np.flatnonzero(chosen))
    return Split(RowSubset(rows, kept), codes[kept], validation_rows, codes[chosen])


def missing_class_notes(codes: Codes, validation_codes: Codes, classes: Codes) -> tuple[str, ...]:
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
        absent = classes[np.bincount(part, minlength=len(classes)) == 0].tolist()
        if absent:
            sentences.append(
                f"the {what} part has no example of class {shown_labels(absent)}, {effect}"
            )
    return tuple(sentences)
