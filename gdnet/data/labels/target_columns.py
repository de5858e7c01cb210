"""Which columns a target names: one, or several between commas."""

from __future__ import annotations

import csv
from collections.abc import Collection

from gdnet.errors import DataError


def target_columns(target: str | None, names: Collection[str] = ()) -> tuple[str, ...]:
    """Return the columns that a target names, of those of a file.

    A column of exactly that name is the target. Otherwise names stand between commas, and one with
    a comma in double quotes.

    Parameters
    ----------
    target : str or None
        Such as ``"late"``, ``"rain,snow"`` or ``'"a, mm",b'``.
    names : collection of str
        The columns of the file.

    Raises
    ------
    DataError
        For a name that is given twice.
    """
    if target is None:
        return ()
    if target in names or "," not in target:
        return (target,)
    found = tuple(name.strip() for name in next(csv.reader([target], skipinitialspace=True)))
    if len({*found}) < len(found):
        raise DataError(f"expected every target column once, got {target!r}")
    return found


def output_names(target: str | None, outputs: int) -> tuple[str, ...] | None:
    """Return the names of so many labels or numbers, if they are known.

    `target` is that of the model.

    Raises
    ------
    DataError
        As `target_columns`.
    """
    names = target_columns(target)
    return names if len(names) == outputs > 1 else None
