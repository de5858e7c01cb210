"""Quotes that open a cell by mistake and swallow the lines after it."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from gdnet.data.cells import is_missing, is_number
from gdnet.data.csv_layout import Layout, long_cells
from gdnet.errors import DataError

_CHUNK = 2**20


def has_quotes(path: Path) -> bool:
    """Return whether a file has a quote at all; without one, a line is a row."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if b'"' in chunk:
                return True
    return False


def count_lines(path: Path) -> int:
    """Return the number of lines; one that ends in CR LF, or CR alone, counts once."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
            # The CR LF that two chunks share has been counted twice.
            lines -= last == b"\r" and chunk[:1] == b"\n"
            last = chunk[-1:]
    return lines + (last not in b"\r\n")


def check_quotes(path: Path, layout: Layout, numbers: Collection[int]) -> None:
    """Raise if a quote swallows lines that are rows by themselves.

    A cell may go on over several lines. But a quote that never closes, one that closes in the
    middle of a later cell, and one behind which every line looks like a row, were not meant to.

    Parameters
    ----------
    path : Path
        The file.
    layout : Layout
        Its separator and names.
    numbers : collection of int
        Positions of columns that hold numbers.

    Raises
    ------
    DataError
        Names the line in which the quote opens.
    """
    with (
        path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
        long_cells(),
    ):
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=layout.separator, strict=True)
        while True:
            lines.of_record.clear()
            first = lines.read + 1
            try:
                if next(reader, None) is None:
                    return
            except csv.Error:
                # On a single line nothing is swallowed; the reader goes on with the next one.
                broken = len(lines.of_record) > 1
            else:
                broken = _swallows_rows(lines.of_record, layout, numbers)
            if broken:
                raise DataError(
                    f"{path}: expected the quote that opens a cell in line {first} to close, got "
                    f"{len(lines.of_record) - 1} lines within that cell; remove the quote, or "
                    'double it within a quoted cell: 3.5" is written "3.5"""'
                )


class _Lines:
    """The lines of a file, counted, and those of the record that is being read."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self.read = 0
        self.of_record: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.read += 1
        self.of_record.append(line)
        return line


def _swallows_rows(lines: list[str], layout: Layout, numbers: Collection[int]) -> bool:
    """Return whether the line with the quote, and one behind it, are each a row by themselves.

    Where a cell is meant to go on, its first line ends within the row.
    """
    return (
        len(lines) > 1
        and _is_row(lines[0], layout, numbers)
        and any(_is_row(line, layout, numbers) for line in lines[1:])
    )


def _is_row(line: str, layout: Layout, numbers: Collection[int]) -> bool:
    cells = [cell.strip() for cell in line.replace('"', "").split(layout.separator)]
    if len(cells) != len(layout.names):
        return False
    known = [cells[j] for j in numbers if not is_missing(cells[j])]
    return bool(known) and all(map(is_number, known))
