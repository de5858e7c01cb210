"""The target of a file as it comes, piece by piece: labels, or numbers to be predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.coded_labels import LabelPieces


class NumberPieces:
    """Numbers to be predicted, from the Arrow arrays in which they come."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.float64]] = []

    def append(self, piece: Any) -> None:
        """Add the numbers of some rows."""
        part = piece.to_numpy(zero_copy_only=False)
        self._parts.append(part.astype(np.float64))  # a copy, which holds no batch of the file

    def numbers(self) -> npt.NDArray[np.float64]:
        """Return them all, (m,)."""
        return np.concatenate(self._parts)


def target_pieces(rows: int, *, continuous: bool) -> Any:
    """Return `NumberPieces`, or for the classes of at most so many rows `LabelPieces`."""
    return NumberPieces() if continuous else LabelPieces(rows)
