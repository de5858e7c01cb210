"""Columns of numbers that look like identifiers, or codes, and not like quantities."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.data.columns import Selection, ignoring
from gdnet.data.source import CHECKED_AT_A_TIME

# A few numbers may well all be different.
FEWEST_ROWS = 10
# More rows than float32 has whole numbers cannot all be different.
MOST_ROWS = 2**24


def look_like_identifiers(X: Any, selection: Selection) -> tuple[str, ...]:
    """Return a sentence that names features of whole numbers that differ in every row.

    Parameters
    ----------
    X : array or RowFile of shape (m, n0)
        The features.
    selection : Selection
        Their names; those that were asked for by name are not looked at.
    """
    if selection.by_name or not FEWEST_ROWS <= len(X) <= MOST_ROWS:
        return ()
    first = X[: min(len(X), 1000)]
    columns = [j for j in range(X.shape[1]) if _all_different(first[:, j])]
    columns = [j for j in columns if _all_different(_column(X, j))]
    if not columns:
        return ()
    names = [selection.features[j] for j in columns]
    return (
        f"{', '.join(names)}: whole numbers that differ in every row look like an identifier and "
        f"are used as a feature; to leave them out: {ignoring(names)}",
    )


def _all_different(values: np.ndarray[Any, Any]) -> bool:
    return bool((values == np.floor(values)).all() and np.unique(values).size == values.size)


def _column(X: Any, j: int) -> np.ndarray[Any, Any]:
    height = max(1, CHECKED_AT_A_TIME // X.shape[1])
    return np.concatenate([X[lo : lo + height][:, j] for lo in range(0, len(X), height)])
