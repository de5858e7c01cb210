"""Opening files of named columns, and reading labels from one of a single column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gdnet.data.columns.named import ColumnFile
from gdnet.data.csv.file import CsvFile
from gdnet.data.opening import CSV, NAMED_COLUMNS
from gdnet.data.parquet.file import ParquetFile
from gdnet.data.parts import Data, Parts, parts_of, reading_parts


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
