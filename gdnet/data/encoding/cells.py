"""Cells of Arrow columns that are to be encoded: numbers with gaps, and text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import MISSING, is_number

# A whole number among codes, as a column with gaps has it in pandas.
_WHOLE = re.compile(r"(-?\d+)\.0+", re.ASCII)


def missing_spellings(
    na_values: Collection[str], known: Collection[str] = MISSING
) -> frozenset[str]:
    """Return the spellings of a missing cell, in lower case: those known and a user's own."""
    return frozenset(known) | {value.strip().lower() for value in na_values}


def numbers_of(
    batch: Any, which: Sequence[int], na_values: Sequence[str] = ()
) -> npt.NDArray[np.float64]:
    """Return columns of numbers as rows (b, k), NaN where one is missing or stands for that."""
    import pyarrow as pa

    columns = [batch.column(k) for k in which]
    if all(column.type == pa.float64() for column in columns):
        # In one call, which takes half the time of one for each column.
        values = pa.RecordBatch.from_arrays(columns, [str(k) for k in which])
        found: npt.NDArray[np.float64] = values.to_tensor(null_to_nan=True).to_numpy()
    else:
        found = np.empty((batch.num_rows, len(columns)))
        for j, column in enumerate(columns):
            found[:, j] = column.to_numpy(zero_copy_only=False)
    return without_stand_ins(found, na_values)


def without_stand_ins(
    numbers: npt.NDArray[np.float64], na_values: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return numbers with NaN in place of those that stand for a missing one."""
    stand_ins = [float(value) for value in na_values if is_number(value.strip())]
    # A column of float32 has them rounded.
    with np.errstate(over="ignore"):
        stand_ins += np.array(stand_ins, np.float32).tolist()
    return np.where(np.isin(numbers, stand_ins), np.nan, numbers) if stand_ins else numbers


def cells_of(
    column: Any, gaps: Collection[str], *, codes: bool = False
) -> tuple[list[str | None], npt.NDArray[np.integer[Any]]]:
    """Return distinct cells of a column as text, None for a missing one, and which each row has.

    Parameters
    ----------
    column : Arrow array
        Text in a dictionary, or numbers or truth values.
    gaps : collection of str
        How missing cells are spelled, in lower case.
    codes : bool, default False
        Whether its numbers are codes, of which 1.0 is the same as 1.
    """
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
        column = column.dictionary_encode()
    cells = [as_cell(cell, gaps, codes=codes) for cell in column.dictionary.to_pylist()]
    indices = column.indices.cast(pa.int32())
    if indices.null_count:
        indices = indices.fill_null(len(cells))
        cells.append(None)
    return cells, indices.to_numpy()


def as_cell(cell: Any, gaps: Collection[str], *, codes: bool = False) -> str | None:
    """Return a value as text, None for a missing one."""
    if cell is None:
        return None
    text = cell.strip() if isinstance(cell, str) else str(cell)
    whole = _WHOLE.fullmatch(text) if codes or isinstance(cell, float) else None
    short = whole[1] if whole else text
    return None if text.lower() in gaps or short in gaps else short
