"""Opening files of named columns, and reading labels from one of a single column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gdnet.data.columns.named import ColumnFile
from gdnet.data.formats import NAMED_COLUMNS, reader_of
from gdnet.data.parts import Data, Parts, parts_of, reading_parts


@contextmanager
def column_file(data: Data, header: str = "auto") -> Iterator[ColumnFile]:
    """Give a file of named columns, or several, to read from; they must stay as they are.

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
    reader = reader_of(parts.format)
    assert reader is not None, "its extension was looked at before"
    return reader(parts, header, na_values)
