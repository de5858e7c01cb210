"""Some of the rows of an array or a file, without a copy of them, in a bit a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Rows that lie so near to each other are read in one piece, with those between them.
ROWS_READ_AT_ONCE = 4096
# Of so many rows together it is known how many are chosen; a multiple of 8.
ROWS_COUNTED = 4096


class RowSubset:
    """Stands in for an array of the chosen rows, wherever slices of it are all that is needed.

    Parameters
    ----------
    rows : array or RowFile of shape (m, n0)
        Of which some.
    chosen : bool array of shape (m,)
        Which.
    """

    ndim = 2
    fresh = True

    def __init__(self, rows: Any, chosen: npt.NDArray[np.bool_]) -> None:
        self._rows = rows
        self.shared = getattr(rows, "shared", False)
        self._bits = np.packbits(chosen)
        starts = np.arange(0, len(chosen), ROWS_COUNTED)
        counts = [np.count_nonzero(chosen[lo : lo + ROWS_COUNTED]) for lo in starts.tolist()]
        self._before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.shape = (int(self._before[-1]), rows.shape[1])
        self.dtype = rows.dtype

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        """Return some rows (b, n0) of the subset, as a new array."""
        chosen = self._numbers(*rows.indices(len(self)))
        subset = np.empty((len(chosen), self.shape[1]), self.dtype)
        done = 0
        while done < len(chosen):
            # Read in one piece what lies between, as long as the others are not many more.
            first = int(chosen[done])
            end = int(np.searchsorted(chosen, first + ROWS_READ_AT_ONCE))
            span = np.asarray(self._rows[first : int(chosen[end - 1]) + 1])
            subset[done:end] = span[chosen[done:end] - first]
            done = end
        return subset

    def _numbers(self, lo: int, hi: int, step: int) -> npt.NDArray[np.intp]:
        """Return the numbers that some rows of the subset have among all."""
        if step != 1:
            raise IndexError("rows are read one after the other: expected a step of 1")
        if hi <= lo:
            return np.zeros(0, np.intp)
        first = int(np.searchsorted(self._before, lo, "right")) - 1
        end = int(np.searchsorted(self._before, hi))
        bits = self._bits[first * ROWS_COUNTED // 8 : end * ROWS_COUNTED // 8]
        numbers = np.flatnonzero(np.unpackbits(bits)) + first * ROWS_COUNTED
        before = int(self._before[first])
        return numbers[lo - before : hi - before]
