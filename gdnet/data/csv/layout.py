"""How a CSV file is laid out: its separator, its header, and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from gdnet.data.columns.cells import is_missing, is_number, kind_of, shown
from gdnet.data.columns.named import check_names, listed
from gdnet.data.csv.records import Record, records
from gdnet.data.csv.separators import find_separator, width_of
from gdnet.data.csv.text import CsvText
from gdnet.errors import DataError

# What a column holds is judged by so many rows, or by those of so many cells.
_ROWS_FOR_COLUMNS = 1000
_MAX_CELLS = 2**22
# A title is looked for in so many.
_ROWS_FOR_TITLE = 50
# So many of them must have the same number of cells to say more of a file than its header does.
_AGREEING = 0.9

# What Orange writes below the names: types, or the values of a column, and roles.
_TYPES = frozenset(
    {"continuous", "numeric", "discrete", "categorical", "string", "text", "time"} | {*"cdnst"}
)
_ROLES = frozenset(("", "class", "c", "meta", "m", "ignore", "i"))

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
    records_above : int
        How many records there are above the first row: the names, and Orange's two.
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
    records_above: int
    lines_above: int
    sample: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def layout_of(text: CsvText, header: str = "auto") -> Layout:
    """Find out how a CSV file is laid out.

    Rows of one cell more than the header begin with a row name, as R writes it, or end with a
    separator. Several files have the header of the first, whose lines are left out of the others.

    Parameters
    ----------
    text : CsvText
        The file.
    header : {"auto", "yes", "no"}
        Whether the first line names the columns. "auto" takes it for names, and refuses one that
        looks like a row of data.

    Raises
    ------
    DataError
        If the file has no header, no rows, or cells separated otherwise, or others another header.
    """
    path = text.path
    separator, notes = find_separator(text)
    if header != "no" and len(text.files) > 1:
        _skip_headers(text, separator)
    sample = _sample(text, separator)
    _check_start(text, separator, sample)
    _check_padded_quotes(text, separator, sample)
    if header == "no":
        rows = [record.cells for record in sample]
        names = [f"c{j + 1}" for j in range(len(rows[0]))]
        above = sample[0].first_line - 1
        return Layout(separator, tuple(names), {}, 0, above, _columns(rows, len(names)), notes)
    names = [cell.strip() for cell in sample[0].cells]
    above = 3 if _is_of_orange(sample) else 1
    if above == 3:
        notes += (f"lines 2 and 3 of {path.name} are of Orange, types and roles, and not read",)
    rows = [record.cells for record in sample[above:]]
    if header == "auto":
        notes += _header_notes(path, names, rows)
    if not rows:
        raise DataError(f"{path}: expected rows below the header line, got none")
    if header == "auto":
        _check_title(text, separator, [sample[0], *sample[above:]])
    width, agreeing = width_of(rows)
    has_row_names = False
    if agreeing >= _AGREEING and width == len(names) + 1:
        of_width = [cells for cells in rows if len(cells) == width]
        has_row_names = _begins_with_row_names(path, of_width)
        names.insert(0 if has_row_names else len(names), "")
    elif agreeing >= _AGREEING and width > len(names) + 1:
        place = text.place(sample[1].first_line)
        raise DataError(
            f"{path}: expected {width} column names in the first line, one for each cell of "
            f"{place}, got {len(names)}, {shown(separator.join(sample[0].cells))}; remove what "
            "stands above the header, or name every column"
        )
    columns = _columns(rows, len(names))
    nameless, taken = {}, {*names}
    for j, name in enumerate(names):
        if not name:
            names[j] = _free_name(f"column {j + 1}", taken)
            what = "row names, which the header does not name"
            nameless[names[j]] = what if has_row_names and j == 0 else "no name"
    check_names(path, names, if_data="header='no'" if header == "auto" else "")
    end = sample[above - 1].last_line
    return Layout(separator, tuple(names), nameless, above, end, columns, notes)


def _skip_headers(text: CsvText, separator: str) -> None:
    """Leave out the headers of all files but the first.

    Raises
    ------
    DataError
        Names the file whose header is another.
    """
    first: list[str] | None = None
    for k, file in enumerate(text.files_alone):
        record = next(records(file, separator), None)
        names = [] if record is None else [cell.strip() for cell in record.cells]
        first = names if first is None else first
        if names != first:
            others = sorted({*first} ^ {*names})
            what = f"another for {listed(others)}" if others else "them in another order"
            raise DataError(
                f"{file.path}: expected the column names of {text.files[0]} in the first line, "
                f"got {what}; give every file the same columns, or, if none of them has names: "
                "header='no'"
            )
        if k and record is not None:
            text.skipped[k] = record.last_line


def _is_of_orange(sample: Sequence[Record]) -> bool:
    """Return whether the second record has types of columns, and the third their roles."""
    if len(sample) < 4:
        return False
    types, roles = ([cell.strip().lower() for cell in record.cells] for record in sample[1:3])
    known = sum(cell in _TYPES for cell in types)
    return (
        all(cell in _TYPES or len(cell.split()) > 1 for cell in types)
        and 2 * known >= len(types) == len(sample[0].cells)
        and all(cell in _ROLES for cell in roles)
    )


def _sample(text: CsvText, separator: str) -> list[Record]:
    sample, cells = [], 0
    for record in islice(records(text, separator), 1 + _ROWS_FOR_COLUMNS):
        sample.append(record)
        cells += len(record.cells)
        if cells > _MAX_CELLS and len(sample) > 1:
            break
    return sample


def _free_name(name: str, names: Collection[str]) -> str:
    while name in names:
        name += "'"
    return name


def _check_start(text: CsvText, separator: str, sample: Sequence[Record]) -> None:
    cells = sample[0].cells
    if cells[0].lower().startswith("sep="):
        raise DataError(
            f"{text.path}: expected column names in the first line, got a separator for Excel, "
            f"{separator.join(cells)!r}; remove that line"
        )
    if cells[0].startswith("#") and len(sample) > 1 and len(sample[1].cells) != len(cells):
        raise DataError(
            f"{text.path}: expected column names in {text.place(sample[0].first_line)}, got a "
            f"comment, {shown(separator.join(cells))}; remove such lines"
        )


def _check_padded_quotes(text: CsvText, separator: str, sample: Sequence[Record]) -> None:
    for record in sample:
        for cell in record.cells:
            # The blank of a cell that is quoted with it is not a mistake.
            if _PADDED_QUOTE.match(cell) and _is_padded(text, separator, record.first_line):
                raise DataError(
                    f"{text.path}: expected quotes right after {separator!r}, got a blank before "
                    f"the quote of {shown(cell)} in {text.place(record.first_line)}, so that it "
                    "does not quote; remove these blanks "
                    f"(sed -E 's/(^|{_pattern(separator)}) +\"/\\1\"/g')"
                )


def _is_padded(text: CsvText, separator: str, line: int) -> bool:
    with text.lines() as lines:
        found = next(islice(lines, line - 1, None), "")
    return re.search(rf'(^|{_pattern(separator)})\s+"', found) is not None


def _pattern(separator: str) -> str:
    return separator.replace("|", r"\|")


def _check_title(text: CsvText, separator: str, sample: Sequence[Record]) -> None:
    """Raise if the first line may be a title, and the second has names where others have numbers.

    A title is taken for one if it begins with #, or its cells are not different names.
    """
    title = [cell.strip() for cell in sample[0].cells]
    first, *rows = [record.cells for record in sample[1 : 2 + _ROWS_FOR_TITLE]]
    names = len({*title}) == len(title) and all(title) and not any(map(is_number, title))
    if len(rows) < 2 or len(first) != len(title) or (names and not title[0].startswith("#")):
        return
    numbers = [
        cell
        for cell, column in zip(first, _columns(rows, len(first)), strict=True)
        if all(map(is_number, column))
    ]
    if numbers and not any(is_number(cell.strip()) or is_missing(cell.strip()) for cell in numbers):
        raise DataError(
            f"{text.path}: expected column names in {text.place(sample[0].first_line)}, got "
            f"{shown(separator.join(sample[0].cells))}, and what looks like names in "
            f"{text.place(sample[1].first_line)}; remove the lines above the names, or, if there "
            "are none: header='yes'"
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
