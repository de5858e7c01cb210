"""Rows of features, an array or a file: what is asked of them, part by part."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

# Checks look at this many numbers at a time, so that they need no memory to speak of.
CHECKED_AT_A_TIME = 2**20


class RowReader(Protocol):
    """Rows of features (m, n0): an array, or a file that is read as it is needed.

    Slices of rows are all that is asked of it. Where an attribute `fresh` is true, each slice is
    a new array, which may be written to.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (m, n0)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the numbers."""

    def __len__(self) -> int:
        """Return m."""

    def __getitem__(self, rows: slice, /) -> np.ndarray[Any, Any]:
        """Return some rows (b, n0)."""


def first_not_finite(rows: RowReader) -> tuple[int, int] | None:
    """Return where the first NaN or infinite number is.

    Parameters
    ----------
    rows : array or RowReader of shape (m, n0)
        Numbers of any type; memory does not grow with m.

    Returns
    -------
    tuple of int, or None
        Its row and its column, both from 0; None if all numbers are finite.
    """
    if rows.dtype.kind != "f":
        return None
    height = max(1, CHECKED_AT_A_TIME // rows.shape[1])
    for lo in range(0, len(rows), height):
        finite = np.isfinite(rows[lo : lo + height])
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            return lo + int(row), int(column)
    return None
