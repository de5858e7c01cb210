"""Labels in several columns of which exactly one is 1 in every row: exclusive classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.data.rows import CHECKED_AT_A_TIME

#: What to say of such labels.
ONE_HOT = (
    "the labels are one-hot, exactly one 1 in every row, and are trained as labels that do not "
    "exclude each other; for exclusive classes give one label a row: Y.argmax(axis=1)"
)

# Of two columns each could be the opposite of the other.
MIN_COLUMNS = 3


def looks_one_hot(codes: np.ndarray[Any, Any]) -> bool:
    """Return whether labels exclude each other.

    Parameters
    ----------
    codes : array of shape (m, k)
        0 and 1.
    """
    if codes.ndim != 2 or codes.shape[1] < MIN_COLUMNS:
        return False
    height = max(1, CHECKED_AT_A_TIME // codes.shape[1])
    return all(
        bool((codes[lo : lo + height].sum(axis=1) == 1).all())
        for lo in range(0, len(codes), height)
    )
