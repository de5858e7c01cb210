"""What a cell of text holds: a number, a truth value, nothing, or text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# Spellings of a missing cell, in lower case.
MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "nan", "-nan", "null", "none"})

# Commas between thousands, or one as the decimal point; not those between several numbers.
_WITH_COMMAS = re.compile(r"[-+]?(\d{1,3}(,\d{2,3})+(\.\d*)?|[\d.]*\d,\d+)", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9]\d{0,18}", re.ASCII)


def is_missing(cell: str, spellings: Collection[str] = MISSING) -> bool:
    """Return whether a cell, without blanks around it, says that there is no value."""
    return cell.lower() in spellings


def is_number(cell: str) -> bool:
    """Return whether a cell, without blanks around it, is a number, as pyarrow reads them."""
    try:
        number = float(cell)
    except ValueError:
        return False
    # Python takes the digits of any script, underscores, other white space and "nan", too.
    plain = cell.isascii() and "_" not in cell and cell == cell.strip()
    return plain and number == number


def is_integer(cell: str) -> bool:
    """Return whether a cell is an int64 in the one way that Python writes it: no 01, +1 or 1.0."""
    return _INTEGER.fullmatch(cell) is not None and -(2**63) <= int(cell) < 2**63


def is_boolean(cell: str) -> bool:
    """Return whether a cell is true or false, in any case of its letters."""
    return cell.lower() in ("true", "false")


def has_commas(cell: str) -> bool:
    """Return whether a cell is a number with a decimal comma, or commas between thousands."""
    return _WITH_COMMAS.fullmatch(cell) is not None


def kind_of(cells: Sequence[str], spellings: Collection[str] = MISSING) -> str:
    """Return what a column holds: "boolean", "number", "text", or "nothing".

    Parameters
    ----------
    cells : sequence of str
        Some of its cells, without blanks around them. A column is of numbers if at least half of
        those that are not missing are: one stray text is an error to be found, not a column of
        text.
    spellings : collection of str, optional
        How missing cells are spelled, in lower case.
    """
    known = [cell for cell in cells if not is_missing(cell, spellings)]
    if not known:
        return "nothing"
    if 2 * sum(map(is_boolean, known)) > len(known):
        return "boolean"
    return "number" if 2 * sum(map(is_number, known)) >= len(known) else "text"


def shown(cell: str) -> str:
    """Return a cell for a message, shortened when it is long."""
    if not cell.strip():
        return "an empty cell"
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
