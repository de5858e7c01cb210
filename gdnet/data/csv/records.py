"""The records of a CSV file with their lines, as Python's csv module reads them."""

from __future__ import annotations

import csv
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gdnet.data.csv.text import CsvText
from gdnet.errors import DataError

# Characters of a cell. Some limit there must be: a quote that is not closed takes in all that
# follows, and would fill the memory.
MAX_CELL = 2**26
# Cells of a row: a few kilobytes may decompress to a line of separators alone.
MAX_CELLS = 2**20


class Record(NamedTuple):
    """A row, or the header.

    Attributes
    ----------
    first_line, last_line : int
        The lines of the file in which it begins and ends, from 1.
    cells : list of str
        Its cells.
    """

    first_line: int
    last_line: int
    cells: list[str]


def records(text: CsvText, separator: str) -> Generator[Record, None, None]:
    """Yield the header and every row; empty lines are skipped, except in a single column.

    Raises
    ------
    DataError
        For text that is not UTF-8, a cell of more than `MAX_CELL` characters, or a row of more than
        `MAX_CELLS`.
    """
    with text.lines() as file, long_cells():
        reader = csv.reader(file, delimiter=separator)
        line, single = 1, None
        try:
            for cells in reader:
                try:
                    "".join(cells).encode()
                except UnicodeEncodeError:
                    raise DataError(
                        f"{text.path}: expected UTF-8 text, got other bytes in {text.place(line)}; "
                        "save the file as UTF-8"
                    ) from None
                if len(cells) > MAX_CELLS:
                    raise DataError(
                        f"{text.path}: expected at most {MAX_CELLS:,} cells in a row, got "
                        f"{len(cells):,} in {text.place(line)}"
                    )
                if cells or single:
                    yield Record(line, reader.line_num, cells or [""])
                    single = len(cells) == 1 if single is None else single
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{text.path}: expected cells in {text.place(line)}, got: {error}; close a quote "
                "that opens there, or leave the column out of the file"
            ) from None


_lock = threading.Lock()
_readers = 0
_limit_before = 0


@contextmanager
def long_cells() -> Iterator[None]:
    """Raise the limit of 131,072 characters that Python's csv module has for a cell.

    The module has one limit for the process: the first reader raises it, the last one restores it.
    """
    global _readers, _limit_before
    with _lock:
        if _readers == 0:
            _limit_before = csv.field_size_limit(MAX_CELL)
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                csv.field_size_limit(_limit_before)
