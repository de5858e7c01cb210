"""Columns of numbers that look like identifiers, or codes, and not like quantities."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.data.columns import Selection, ignoring
from gdnet.data.source import CHECKED_AT_A_TIME

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
    X : array or RowFile of shape (m, n0)
        The features.
    selection : Selection
        Their names; those that were asked for by name are not looked at.
    """
    if selection.by_name or not MIN_ROWS <= len(X) <= MAX_ROWS:
        return ()
    columns = list(range(X.shape[1]))
    for rows in PREFIXES:
        # Most columns have the same number twice in a few rows, and are not looked at any further.
        values = _columns(X, columns, min(rows, len(X)))
        columns = [j for j, column in zip(columns, values.T, strict=True) if _all_different(column)]
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
    return bool((values == np.floor(values)).all() and np.unique(values).size == values.size)


def _columns(X: Any, columns: list[int], rows: int) -> np.ndarray[Any, Any]:
    height = max(1, CHECKED_AT_A_TIME // X.shape[1])
    parts = [X[lo : min(lo + height, rows)][:, columns] for lo in range(0, rows, height)]
    return np.concatenate(parts)
