"""Columns of numbers that look like identifiers, or codes, and not like quantities."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gdnet.data.columns.named import ignoring
from gdnet.data.columns.selection import Selection
from gdnet.data.rows import CHECKED_AT_A_TIME

# A few numbers may well all be different.
MIN_ROWS = 10
# More rows than float32 has whole numbers cannot all be different.
MAX_ROWS = 2**24
# So many rows are looked at, one after the other.
PREFIXES = (1000, 30_000, 1_000_000, MAX_ROWS)


def identifier_notes(X: Any, selection: Selection) -> tuple[str, ...]:
    """Return a sentence that names features of whole numbers that differ in every row.

    Parameters
    ----------
    X : array, RowFile or SharedRows of shape (m, n0)
        The features.
    selection : Selection
        Their names; those that were asked for by name are not looked at.
    """
    if selection.by_name or not MIN_ROWS <= len(X) <= MAX_ROWS:
        return ()
    first_of = getattr(X, "first_of_column", partial(_column, X))
    columns = list(range(X.shape[1]))
    for rows in PREFIXES:
        # Most columns have the same number twice in a few rows, and are not looked at any further.
        columns = [j for j in columns if _all_different(first_of(j, min(rows, len(X))))]
        if not columns or rows >= len(X):
            break
    if not columns:
        return ()
    names = [selection.features[j] for j in columns]
    return (
        f"{', '.join(names)}: whole numbers that differ in every row look like an identifier and "
        f"are used as a feature; to leave them out: {ignoring(names)}",
    )


def _all_different(values: np.ndarray[Any, Any]) -> bool:
    """Return whether these are whole numbers, no two of them equal; they are sorted in place."""
    values.sort()
    parts = range(0, len(values), CHECKED_AT_A_TIME)
    return all(
        (part == np.floor(part)).all() and (part[1:] != part[:-1]).all()
        for part in (values[lo : lo + CHECKED_AT_A_TIME + 1] for lo in parts)
    )


def _column(X: Any, j: int, rows: int) -> np.ndarray[Any, Any]:
    """Return a copy of the first numbers of one column."""
    column = np.empty(rows, X.dtype)
    height = max(1, CHECKED_AT_A_TIME // X.shape[1])
    for lo in range(0, rows, height):
        hi = min(lo + height, rows)
        column[lo:hi] = X[lo:hi][:, j]
    return column
