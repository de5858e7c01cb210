"""Quotes that open a cell by mistake and swallow the lines after it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator

from gdnet.data.columns.cells import is_boolean, is_missing, is_number, kind_of
from gdnet.data.csv.layout import Layout
from gdnet.data.csv.records import long_cells
from gdnet.data.csv.text import CsvText
from gdnet.errors import DataError

# A column of so few texts, of a quarter of the rows at most, has categories.
MAX_CATEGORIES = 20
# With fewer columns whose cells can be told from others, a line of text with commas may be a row.
MIN_CHECKS = 2


def check_quotes(text: CsvText, layout: Layout) -> None:
    """Raise if a quote swallows lines that are rows by themselves.

    A cell may have several lines. But a quote that never closes, one that closes in the
    middle of a later cell, and one behind which lines look like rows, were not meant to.

    Parameters
    ----------
    text : CsvText
        The file.
    layout : Layout
        Its separator and names, and a sample of its cells, which tells what a row looks like.

    Raises
    ------
    DataError
        Names the line in which the quote opens.
    """
    looks_like_a_row, evidence = _row_pattern(layout)
    with text.lines() as file, long_cells():
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=layout.separator, strict=True)
        while True:
            lines.of_record.clear()
            first = lines.read + 1
            try:
                if next(reader, None) is None:
                    return
            except csv.Error:
                # On a single line nothing is swallowed; the reader continues with the next one.
                broken = len(lines.of_record) > 1
            else:
                broken = _swallows_rows(lines.of_record, looks_like_a_row, evidence)
            if broken:
                raise DataError(
                    f"{text.path}: expected the quote that opens a cell in {text.place(first)} to "
                    f"close, got {len(lines.of_record) - 1} lines within that cell; remove the "
                    'quote, or double it within a quoted cell: 3.5" is written "3.5"""'
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


def _swallows_rows(
    lines: list[str], looks_like_a_row: Callable[[str], bool], evidence: int
) -> bool:
    """Return whether so many lines within a cell look like rows by themselves.

    The first line of a cell of text, if it is the last of its row, and the last line, if it is the
    first, always do; both together do not.
    """
    opening, *within = lines
    if not within:
        return False
    *within, closing = within
    if sum(map(looks_like_a_row, within)) >= evidence:
        return True
    return evidence == 1 and looks_like_a_row(opening) and looks_like_a_row(closing)


def _row_pattern(layout: Layout) -> tuple[Callable[[str], bool], int]:
    """Return a function that tells whether a line looks like a row, and how many such lines tell.

    A row has as many cells, numbers and truth values where the sample has them, and one of the few
    texts of a column that has few. With less than two such columns text may look like that once.
    """
    checks: dict[int, Callable[[str], bool]] = {}
    for j, cells in enumerate(layout.sample):
        kind, known = kind_of(cells), {cell for cell in cells if not is_missing(cell)}
        if kind == "number":
            checks[j] = is_number
        elif kind == "boolean":
            checks[j] = is_boolean
        elif known and len(known) <= min(MAX_CATEGORIES, len(cells) / 4):
            checks[j] = known.__contains__

    def looks_like_a_row(line: str) -> bool:
        cells = [cell.strip() for cell in line.replace('"', "").split(layout.separator)]
        if len(cells) != len(layout.names):
            return False
        known = {j: cells[j] for j in checks if not is_missing(cells[j])}
        enough = len(known) >= min(len(checks), MIN_CHECKS)
        return enough and all(checks[j](cell) for j, cell in known.items())

    return looks_like_a_row, 1 if len(checks) >= MIN_CHECKS else 2
