"""Labels in an array, one for each row: how many there must be, and text without blanks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gdnet._typing import HostArray
from gdnet.errors import DataError


def check_labels(path: Path, labels: HostArray, m: int, n0: int | None = None) -> HostArray:
    """Return labels (m,) or (m, k) of an array file; one column alone becomes (m,).

    The number of features `n0` tells whether the examples are columns.

    Raises
    ------
    DataError
        If there are not m of them, or the array has another number of dimensions.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2):
        raise DataError(
            f"{path}: expected labels of shape ({m},) or ({m}, k), got shape {labels.shape}"
        )
    if labels.shape[0] != m:
        hint = ""
        if (labels.ndim == 2 and labels.shape[0] == 1) or labels.shape[0] == n0:
            hint = (
                f" of shape {labels.shape}; in files examples are rows: save X.T if they are the "
                "columns of X, and Y.ravel()"
            )
        raise DataError(
            f"{path}: expected one label for each of the {m} rows of the data, "
            f"got {labels.shape[0]} labels{hint}"
        )
    return labels


def clean_labels(path: Path, labels: HostArray, first_row: int = 0) -> HostArray:
    """Return labels of an array file without blanks around text; bytes are read as UTF-8.

    Raises
    ------
    DataError
        For other bytes, or an empty label; rows count from `first_row`.
    """
    if labels.dtype.kind == "S":
        try:
            labels = np.strings.decode(labels, "utf-8")
        except UnicodeDecodeError:
            raise DataError(
                f"{path}: expected labels of text in UTF-8, got other bytes; save "
                "labels.astype(str)"
            ) from None
    if labels.dtype.kind != "U":
        return labels
    labels = np.strings.strip(labels)
    if not labels.all():  # where text is not empty
        raise DataError(
            f"{path}: expected a label in every row, got an empty one in row "
            f"{first_row + int(np.argwhere(labels == '')[0][0])} (counted from 0); remove such rows"
        )
    return labels
