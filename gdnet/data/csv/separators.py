"""What stands between the cells of a CSV file: comma, semicolon, tab, bar or blanks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from gdnet.data.columns.cells import has_commas, is_number
from gdnet.data.csv.records import records
from gdnet.data.csv.text import CsvText
from gdnet.data.formats import TAB_SEPARATED, format_of
from gdnet.errors import DataError

SEPARATORS = (",", ";", "\t")
BAR, BLANK = "|", " "
_NAMES = {BAR: "bars |", BLANK: "blanks"}
# The separator is judged by so many rows.
_ROWS = 50
# So many of them must have the same number of cells to say more of a file than its header does.
_AGREEING = 0.9
# A feature of svmlight's format, which only looks like a table between blanks.
_SPARSE = re.compile(r"\d+:[-+.\deE]+", re.ASCII)

Cells = list[list[str]]


def find_separator(text: CsvText) -> tuple[str, tuple[str, ...]]:
    """Return by what header and rows have the same number of cells, and what to say of it.

    Of comma, semicolon and tab (in .tsv and .tab files the tab first) it is the one that gives the
    most cells. Where the header has none of them, bars and blanks are looked at: with one or more
    blanks between cells `text` gives single ones from then on. Several files have that of the
    first.

    Parameters
    ----------
    text : CsvText
        The file.

    Raises
    ------
    DataError
        For an empty file, and one whose cells seem to be separated otherwise, or may be in two
        ways.
    """
    candidates = [*SEPARATORS]
    if format_of(text.files[0]) in TAB_SEPARATED:
        candidates = ["\t", ",", ";"]
    found = {}
    for separator in candidates:
        sample = _cells(text, separator)
        if not sample:
            raise DataError(
                f"{text.path}: expected a header line with column names, got an empty file"
            )
        header = len(sample[0])
        width, agreeing = width_of(sample[1:] or sample)
        fits = width > 1 and agreeing >= 0.5 and header in (width, width - 1)
        others = [each for each in SEPARATORS if each != separator]
        unlikely = sum(_has_one_of(cell, others) for cells in sample[1:] for cell in cells)
        # In the order of what says most; with the header alone no rows disagree with it.
        found[separator] = (fits, agreeing >= _AGREEING, -unlikely, header == width, header)
    best = max(candidates, key=lambda each: found[each])
    fits, *_, header = found[best]
    if best == "\t" and fits and _has_rows_of_numbers(_cells(text, best)):
        sample = _cells(text, BLANK)
        if {*map(len, sample)} == {len(sample[0])}:
            return BLANK, _taken(text, BLANK)
    if fits or header > 1:
        return best, ()
    other = _bar_or_blank(text)
    return (best, ()) if other is None else (other, _taken(text, other))


def width_of(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return the most frequent number of cells, and the fraction of the rows that have it."""
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width, count / len(rows)


def _cells(text: CsvText, separator: str) -> Cells:
    """Return the cells of the first rows of the first file."""
    first = text.files_alone[0]
    first.single_blanks = separator == BLANK
    return [record.cells for record in islice(records(first, separator), 1 + _ROWS)]


def _has_one_of(cell: str, separators: Sequence[str]) -> bool:
    """Return whether a cell that is not a number with commas has one of the other separators."""
    return any(each in cell for each in separators) and not has_commas(cell.strip())


def _taken(text: CsvText, separator: str) -> tuple[str, ...]:
    """Take bars or blanks for separators, and return what to say."""
    text.single_blanks = separator == BLANK
    return (f"the cells of {text.files[0].name} are taken to stand between {_NAMES[separator]}",)


def _has_rows_of_numbers(sample: Cells) -> bool:
    """Return whether some cell of every row has several numbers, with blanks between them."""
    return all(
        any(len(cell.split()) > 1 and all(map(is_number, cell.split())) for cell in cells)
        for cells in sample[1:] or sample
    )


def _bar_or_blank(text: CsvText) -> str | None:
    """Return bar or blank if header and rows have as many cells by it, and some are numbers."""
    bars = _cells(text, BAR)
    fitting = [BAR] if _is_table(text, bars, BAR) else []
    if _is_table(text, _cells(text, BLANK), BLANK, alone=not fitting):
        fitting.append(BLANK)
        if len(bars[0]) > 1 and {*map(len, bars)} == {len(bars[0])}:
            fitting = [BAR, BLANK]
    if not fitting and _is_table(text, [":".join(cells).split(":") for cells in _cells(text, ",")]):
        fitting = [":"]
    if len(fitting) > 1 or ":" in fitting:
        what = " or between ".join(_NAMES.get(each, "colons") for each in fitting)
        raise DataError(
            f"{text.path}: expected cells between commas, semicolons or tabs, got what looks like "
            f"cells between {what}; save the file with commas"
        )
    return fitting[0] if fitting else None


def _is_table(text: CsvText, sample: Cells, separator: str = ":", *, alone: bool = True) -> bool:
    """Return whether header and rows have as many cells, and some are numbers.

    Raise if that is so but for a few rows, and the separator is `alone` in question.
    """
    if not sample:  # blanks alone
        return False
    header, rows = sample[0], sample[1:] or sample
    width, agreeing = width_of(rows)
    if not (1 < width <= len(header) + 1 and len(header) > 1 and _has_number(rows)):
        return False
    if separator == BLANK:
        cells = [cell for row in rows for cell in row]
        if BAR in cells:  # with blanks around it
            return False
        if any(map(_SPARSE.fullmatch, cells)):
            raise DataError(
                f"{text.path}: expected a table, got what looks like the sparse format of svmlight,"
                " 1:0.5 2:0.3; sklearn.datasets.load_svmlight_file reads it, and numpy.save writes "
                "X.toarray()"
            )
        if width == len(header) + 1 and len({row[0] for row in rows}) < len(rows):
            agreeing = 0.0  # these are not the names of rows
    if agreeing == 1:
        return width in (len(header), len(header) + 1)
    if alone and (agreeing >= _AGREEING or len(header) == width):
        k = next((k for k, row in enumerate(rows) if len(row) != width), 0)
        raise DataError(
            f"{text.path}: expected cells between commas, semicolons or tabs, got what looks like "
            f"{width} cells between {_NAMES.get(separator, 'colons')}, but {len(rows[k])} in row "
            f"{k + 1}; save the file with commas, or quote cells of several words"
        )
    return False


def _has_number(rows: Cells) -> bool:
    return any(is_number(cell.strip()) for cell in rows[-1])
