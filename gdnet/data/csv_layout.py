"""How a CSV file is laid out: its separator, its header, and the names of its columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from gdnet.data.cells import has_commas, is_missing, is_number, kind_of, shown
from gdnet.data.columns import check_names
from gdnet.data.csv_records import Record, records
from gdnet.errors import DataError

SEPARATORS = (",", ";", "\t")
# The separator is judged by so many rows, what a column holds by more.
_ROWS_FOR_SEPARATOR = 50
_ROWS_FOR_COLUMNS = 1000
# So many of them must have the same number of cells to say more of a file than its header does.
_AGREEING = 0.9

_PADDED_QUOTE = re.compile(r'\s+"')


class Layout(NamedTuple):
    """How a CSV file is laid out.

    Attributes
    ----------
    separator : str
        What stands between two cells.
    names : tuple of str
        A name for each column: of the header, or "column N" where it has none, or c1, c2, ... where
        there is no header.
    nameless : dict of str to str
        The columns that the header does not name, and what they are.
    has_header : bool
        Whether the first record names the columns.
    lines_above : int
        The number of lines above the first row.
    sample : tuple of tuple of str
        The cells of the first rows, without blanks around them, column by column.
    notes : tuple of str
        What was guessed, in sentences for the user.
    """

    separator: str
    names: tuple[str, ...]
    nameless: dict[str, str]
    has_header: bool
    lines_above: int
    sample: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def layout_of(path: Path, header: str = "auto") -> Layout:
    """Find out how a CSV file is laid out.

    The separator is the comma, semicolon or tab (in .tsv and .tab files the tab first) by which
    header and rows have the same number of cells. Rows of one cell more than the header begin with
    a row name, as R writes it, or end with a separator.

    Parameters
    ----------
    path : Path
        The file.
    header : {"auto", "yes", "no"}
        Whether the first line names the columns. "auto" takes it for names, and refuses one that
        looks like a row of data.

    Raises
    ------
    DataError
        If the file has no header, no rows, or cells separated otherwise.
    """
    separator = _separator(path)
    sample = list(islice(records(path, separator), 1 + _ROWS_FOR_COLUMNS))
    _check_start(path, separator, sample)
    _check_padded_quotes(path, separator, sample)
    if header == "no":
        rows = [record.cells for record in sample]
        names = [f"c{j + 1}" for j in range(len(rows[0]))]
        above = sample[0].first_line - 1
        return Layout(separator, tuple(names), {}, False, above, _columns(rows, len(names)), ())
    names = [cell.strip() for cell in sample[0].cells]
    rows = [record.cells for record in sample[1:]]
    notes: tuple[str, ...] = ()
    if header == "auto":
        notes = _header_notes(path, names, rows)
    if not rows:
        raise DataError(f"{path}: expected rows below the header line, got none")
    if header == "auto":
        _check_title(path, separator, sample)
    width, agreeing = _width(rows)
    has_row_names = False
    if agreeing >= _AGREEING and width == len(names) + 1:
        of_width = [cells for cells in rows if len(cells) == width]
        has_row_names = _begins_with_row_names(path, of_width)
        names.insert(0 if has_row_names else len(names), "")
    elif agreeing >= _AGREEING and width > len(names) + 1:
        line = sample[1].first_line
        raise DataError(
            f"{path}: expected {width} column names in the first line, one for each cell of line "
            f"{line}, got {len(names)}, {shown(separator.join(sample[0].cells))}; remove what "
            "stands above the header, or name every column"
        )
    columns = _columns(rows, len(names))
    nameless = {}
    for j, name in enumerate(names):
        if not name:
            names[j] = _free_name(f"column {j + 1}", names)
            what = "row names, which the header does not name"
            nameless[names[j]] = what if has_row_names and j == 0 else "no name"
    check_names(path, names)
    end = sample[0].last_line
    return Layout(separator, tuple(names), nameless, True, end, columns, notes)


def _free_name(name: str, names: Sequence[str]) -> str:
    while name in names:
        name += "'"
    return name


def _separator(path: Path) -> str:
    """Return by what header and rows have the same number of cells, the most if there are several.

    Raises
    ------
    DataError
        For a file whose cells are separated by blanks or bars.
    """
    candidates = [*SEPARATORS]
    if path.suffix.lower() in (".tsv", ".tab"):
        candidates = ["\t", ",", ";"]
    found = {}
    for separator in candidates:
        sample = [r.cells for r in islice(records(path, separator), 1 + _ROWS_FOR_SEPARATOR)]
        if not sample:
            raise DataError(f"{path}: expected a header line with column names, got an empty file")
        header = len(sample[0])
        width, agreeing = _width(sample[1:] or sample)
        fits = width > 1 and agreeing >= 0.5 and header in (width, width - 1)
        others = [each for each in SEPARATORS if each != separator]
        unlikely = sum(_has_one_of(cell, others) for cells in sample[1:] for cell in cells)
        # In the order of what says most; with the header alone no rows disagree with it.
        found[separator] = (
            (fits, agreeing >= _AGREEING, -unlikely, header == width, header),
            sample,
        )
    best = max(candidates, key=lambda each: found[each][0])
    (fits, *_, header), sample = found[best]
    if not fits and header == 1:
        _check_other_separators(path, sample)
    return best


def _has_one_of(cell: str, separators: Sequence[str]) -> bool:
    """Return whether a cell that is not a number with commas has one of the other separators."""
    return any(each in cell for each in separators) and not has_commas(cell.strip())


def _width(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return the most frequent number of cells, and the fraction of the rows that have it."""
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width, count / len(rows)


def _check_other_separators(path: Path, sample: Sequence[Sequence[str]]) -> None:
    lines = [cells[0] for cells in sample if cells]
    for what, parts in (
        ("bars |", [line.split("|") for line in lines]),
        ("colons", [line.split(":") for line in lines]),
        ("blanks", [line.split() for line in lines]),
    ):
        numbers = sum(is_number(part.strip()) for part in parts[-1])
        widths = {len(row) for row in parts[1:]} or {len(parts[0])}
        if numbers and len(widths) == 1 and 1 < max(widths) <= len(parts[0]) + 1:
            raise DataError(
                f"{path}: expected cells between commas, semicolons or tabs, got what looks like "
                f"cells between {what}; save the file with commas"
            )


def _check_start(path: Path, separator: str, sample: Sequence[Record]) -> None:
    cells = sample[0].cells
    if cells[0].lower().startswith("sep="):
        raise DataError(
            f"{path}: expected column names in the first line, got a separator for Excel, "
            f"{separator.join(cells)!r}; remove that line"
        )
    if cells[0].startswith("#") and len(sample) > 1 and len(sample[1].cells) != len(cells):
        raise DataError(
            f"{path}: expected column names in line {sample[0].first_line}, got a comment, "
            f"{shown(separator.join(cells))}; remove such lines"
        )


def _check_padded_quotes(path: Path, separator: str, sample: Sequence[Record]) -> None:
    for record in sample:
        for cell in record.cells:
            # The blank of a cell that is quoted with it is no mistake.
            if _PADDED_QUOTE.match(cell) and _is_padded(path, separator, record.first_line):
                raise DataError(
                    f"{path}: expected quotes right after {separator!r}, got a blank before the "
                    f"quote of {shown(cell)} in line {record.first_line}, so that it does not "
                    f"quote; remove these blanks (sed -E 's/(^|{separator}) +\"/\\1\"/g')"
                )


def _is_padded(path: Path, separator: str, line: int) -> bool:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        text = next(islice(file, line - 1, None), "")
    return re.search(rf'(^|{separator})\s+"', text) is not None


def _check_title(path: Path, separator: str, sample: Sequence[Record]) -> None:
    """Raise if the first line may be a title, and the second has names where others have numbers.

    A title is taken for one if it begins with #, or its cells are not different names.
    """
    title = [cell.strip() for cell in sample[0].cells]
    first, *rows = [record.cells for record in sample[1 : 2 + _ROWS_FOR_SEPARATOR]]
    names = len({*title}) == len(title) and all(title) and not any(map(is_number, title))
    if len(rows) < 2 or len(first) != len(title) or (names and not title[0].startswith("#")):
        return
    numbers = [
        cell
        for cell, column in zip(first, _columns(rows, len(first)), strict=True)
        if all(map(is_number, column))
    ]
    if numbers and not any(is_number(cell.strip()) or is_missing(cell.strip()) for cell in numbers):
        line = sample[0].first_line
        raise DataError(
            f"{path}: expected column names in line {line}, got "
            f"{shown(separator.join(sample[0].cells))}, and what looks like names in line "
            f"{sample[1].first_line}; remove the lines above the names, or, if there are none: "
            "header='yes'"
        )


def _begins_with_row_names(path: Path, rows: Sequence[Sequence[str]]) -> bool:
    """Return whether rows of one cell more than the header have it at their beginning.

    Raises
    ------
    DataError
        If it may as well be at their end.
    """
    if any(cells[-1].strip() for cells in rows):
        return True
    first = [cells[0].strip() for cells in rows]
    counted = [str(i + 1) for i in range(len(rows))]
    if len(set(first)) == len(first) and (first == counted or not any(map(is_number, first))):
        raise DataError(
            f"{path}: expected as many column names as cells, got one less: the first cells may be "
            "row names, or the last ones, which are empty, a column without a name; name every "
            "column in the first line"
        )
    return False


def _header_notes(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """Raise if the first line looks like a row; return what to say of names that are numbers."""
    numbers = [name for name in names if is_number(name)]
    if not numbers:
        return ()
    columns = _columns(rows, len(names))
    for name, column in zip(names, columns, strict=True):
        if kind_of(column) == "number" and not (is_number(name) or is_missing(name)):
            return ()
    whole = [int(name) for name in numbers if re.fullmatch(r"\d+", name, re.ASCII)]
    several = len(numbers) > 1 or len(names) == 1
    if several and len(whole) == len(numbers) and all(a < b for a, b in pairwise(whole)):
        return (
            f"the first line of {path.name}, {shown(', '.join(names))}, is taken as the names of "
            "the columns; if it is data: header='no'",
        )
    listed = ", ".join(f"c{j + 1} ({shown(name)})" for j, name in enumerate(names[:20]))
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    raise DataError(
        f"{path}: expected column names in the first line, got what looks like data; with "
        f"header='no' the columns are called {listed}{more}; if these are names: header='yes'"
    )


def _columns(rows: Sequence[Sequence[str]], width: int) -> tuple[tuple[str, ...], ...]:
    """Return the cells of each column, without blanks around them."""
    return tuple(tuple(cells[j].strip() for cells in rows if j < len(cells)) for j in range(width))
