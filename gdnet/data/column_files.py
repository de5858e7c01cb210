"""Opening files of named columns, and reading labels from one of a single column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gdnet.data.cells import is_boolean, is_number
from gdnet.data.columns import ColumnFile, Selection, blocks, listed
from gdnet.data.csv_file import CsvFile
from gdnet.data.csv_records import records
from gdnet.data.csv_text import CsvText
from gdnet.data.opening import CSV, NAMED_COLUMNS
from gdnet.data.parquet_file import ParquetFile
from gdnet.data.parts import Data, Parts, parts_of, reading_parts
from gdnet.data.target_pieces import target_pieces
from gdnet.errors import DataError

_ROWS_AT_A_TIME = 65536


@contextmanager
def column_file(data: Data, header: str = "auto") -> Iterator[ColumnFile]:
    """Give a CSV or Parquet file, or several, to read columns from; they must stay as they are.

    `data` and `header` are as in `gdnet.data.files.read_table`.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be read, or it changed.
    """
    parts = parts_of(data)
    with reading_parts(parts, NAMED_COLUMNS):
        yield open_columns(parts, header)


def open_columns(parts: Parts, header: str, na_values: Collection[str] = ()) -> ColumnFile:
    """Return files of named columns as one; `na_values` are more spellings of a missing cell."""
    if parts.format in CSV:
        return CsvFile(parts, header, na_values)
    return ParquetFile(parts, na_values)


def read_label_column(path: Path, *, continuous: bool) -> Any:
    """Return the labels (m,) of a CSV or Parquet file of one column, or numbers to be predicted.

    The first line of a CSV file names the column, unless it is a number or a truth value.

    Parameters
    ----------
    path : Path
        The file.
    continuous : bool
        Whether they are numbers to be predicted.

    Returns
    -------
    array or CodedLabels of shape (m,)
        With the types of a target column.

    Raises
    ------
    DataError
        If the file has several columns, or a label is missing.
    """
    parts, header = parts_of(path), "yes"
    if parts.format in CSV:
        first = next(records(CsvText(parts), ","), None)
        cell = "" if first is None else first.cells[0].strip()
        header = "no" if is_number(cell) or is_boolean(cell) else "yes"
    file = open_columns(parts, header)
    if len(file.names) != 1:
        raise DataError(
            f"{path}: expected one column of labels, got {listed(file.names)}; keep one, or save "
            "columns of 0 and 1 as an array: numpy.save"
        )
    (name,) = file.names
    file.check_target(name)
    selection = Selection((), name, {}, True, continuous, (name,))
    pieces = target_pieces(file.most_rows, continuous=continuous)
    for _ in blocks(file, selection, np.float64, _ROWS_AT_A_TIME, labels=pieces):
        pass
    return pieces.numbers() if continuous else file.labels(name, pieces, 0, typed=True).values
