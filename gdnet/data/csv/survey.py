"""Which cells of a column of text are missing, or are not what they should be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import is_number

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
