"""Cells of a column of text: which are missing or not what they should be, and their numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import is_missing, is_number
from gdnet.data.columns.named import NotNumbers

# Truth values as features.
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def is_one_of(column: Any, spellings: Collection[str]) -> npt.NDArray[np.bool_]:
    """Return which cells of text are one of these, in any case and without blanks around them."""
    import pyarrow as pa
    from pyarrow import compute

    cells = compute.utf8_lower(compute.utf8_trim(column, characters=" \t"))
    found = compute.is_in(cells, value_set=pa.array(sorted(spellings)))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def not_truth(column: Any) -> npt.NDArray[np.bool_]:
    """Return which cells of text are not true or false."""
    return np.array([cell.strip().lower() not in TRUTH for cell in column.to_pylist()], np.bool_)


def not_finite(column: Any, dtype: npt.DTypeLike) -> npt.NDArray[np.bool_]:
    """Return which cells of text are not finite numbers of a type."""
    import pyarrow as pa
    from pyarrow import compute

    cells = compute.utf8_trim(column, characters=" \t")  # as pyarrow's own parser
    try:
        numbers = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        numbers = np.array([float(c) if is_number(c) else np.nan for c in cells.to_pylist()])
    with np.errstate(over="ignore"):
        wrong: npt.NDArray[np.bool_] = ~np.isfinite(np.asarray(numbers, np.float64).astype(dtype))
    return wrong


def numbers_of_cells(column: Any, missing: Collection[str], *, truth: bool) -> Any:
    """Return numbers, or 1 for true and 0 for false, of texts; NaN where one is missing.

    Parameters
    ----------
    column : pyarrow.DictionaryArray
        The texts.
    missing : collection of str
        Spellings of a missing one, in lower case.
    truth : bool
        Whether they are true and false, and not numbers.

    Returns
    -------
    pyarrow.DoubleArray
        The numbers.

    Raises
    ------
    NotNumbers
        For any other text.
    """
    import pyarrow as pa

    values = []
    for cell in map(str.strip, column.dictionary.to_pylist()):
        if is_missing(cell, missing):
            values.append(np.nan)
        elif truth and cell.lower() in TRUTH:
            values.append(TRUTH[cell.lower()])
        elif is_number(cell) and not truth:
            values.append(float(cell))
        else:
            raise NotNumbers(f"{cell!r}")
    return pa.array(np.array(values, np.float64)[column.indices.to_numpy()])
