"""The target of a file as it comes, piece by piece: labels, or numbers to be predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.labels.coded import LabelPieces


class NumberPieces:
    """Numbers to be predicted, from the Arrow arrays in which they come."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[Any]] = []

    def append(self, piece: Any) -> None:
        """Add the numbers of some rows: an array, or a batch of several columns."""
        columns = getattr(piece, "columns", None)
        if columns is None:
            # A copy, which holds no batch of the file.
            self._parts.append(piece.to_numpy(zero_copy_only=False).astype(np.float64))
            return
        part = np.column_stack(
            [column.to_numpy(zero_copy_only=False).astype(np.float64) for column in columns]
        )
        with np.errstate(invalid="ignore"):
            small = part.astype(np.uint8)  # as of labels, of which there may be many
        self._parts.append(small if (small == part).all() else part)

    def numbers(self) -> npt.NDArray[Any]:
        """Return them all, (m,) or (m, k)."""
        return np.concatenate(self._parts)


def target_pieces(rows: int, *, continuous: bool) -> Any:
    """Return `NumberPieces`, or for the classes of at most so many rows `LabelPieces`."""
    return NumberPieces() if continuous else LabelPieces(rows)
