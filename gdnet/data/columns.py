"""Reading named columns (CSV, Parquet) into one array of rows, batch by batch."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gdnet.data.arrays import Rows, allocate, remedy_for
from gdnet.data.source import first_not_finite
from gdnet.errors import DataError

# A message says of so many columns why they are no features.
MOST_EXPLAINED = 5

# A reason to refuse a column that has a remedy.
WITH_COMMAS = "numbers with commas"
WITHOUT_COMMAS = "save the numbers with decimal points and without commas"


class ColumnFile(Protocol):
    """A file of named columns.

    Attributes
    ----------
    path : Path
        The file.
    names : tuple of str
        All columns, in the order of the file.
    refused : dict of str to str
        The columns that cannot be features, and why.
    """

    path: Path
    names: tuple[str, ...]
    refused: dict[str, str]

    @property
    def most_rows(self) -> int:
        """Return an upper bound of the number of rows."""

    def check_target(self, target: str) -> None:
        """Raise DataError if the column cannot be a target."""

    def batches(self, features: Sequence[str], target: str | None) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target."""

    def labels(self, target: str, pieces: list[Any], first_row: int, *, whole: bool) -> Rows:
        """Return the target as one array from its Arrow pieces.

        `whole` tells that the pieces are all of the file.
        """

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """Return where a cell is and what it holds, in words; rows count from 0."""


class Selection(NamedTuple):
    """Which columns of a file are read, and which are ignored and why."""

    features: tuple[str, ...]
    target: str | None
    ignored: Mapping[str, str]


def import_pyarrow(path: Path) -> Any:
    """Return the module pyarrow.

    Raises
    ------
    DataError
        If it is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{path}: reading {path.suffix} files needs pyarrow, which is not installed: "
            "pip install pyarrow"
        ) from None
    return pyarrow


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise DataError if two columns have the same name."""
    double = [repr(name) for name, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(
            f"{path}: expected every column name once, got more than one {', '.join(double)}; "
            "rename or remove the others"
        )


def select(
    file: ColumnFile,
    target: str | None,
    features: Sequence[str] | None,
    ignore: Sequence[str] = (),
) -> Selection:
    """Return the columns to read: the features asked for, or all numbers but those to ignore.

    Raises
    ------
    DataError
        For a column that is missing or not a number, or when no feature is left.
    """
    if target is not None:
        _check_known(file, target, "target column")
        file.check_target(target)
    if features is None:
        for name in ignore:
            _check_known(file, name, "column to ignore")
            if name == target:
                raise DataError(
                    f"{file.path}: expected columns to ignore beside the target, got {name!r}, "
                    "which is the target; ignore others, or choose another target"
                )
        refused = file.refused | dict.fromkeys(ignore, "as asked")
        ignored = {name: why for name, why in refused.items() if name != target}
        chosen = tuple(name for name in file.names if name not in (target, *ignored))
        if not chosen:
            raise DataError(
                f"{file.path}: expected at least 1 column of numbers besides the target, "
                f"got {explained(ignored) or 'no other column'}"
            )
        return Selection(chosen, target, ignored)
    for name in features:
        _check_known(file, name, "feature column")
        if name == target:
            raise DataError(f"{file.path}: expected a target that is no feature, got {name!r}")
        if name in file.refused:
            why = file.refused[name]
            raise DataError(
                f"{file.path}: expected numbers in feature column {name!r}, got {why}"
                f"{_remedy([why])}"
            )
    return Selection(tuple(features), target, {})


def explained(refused: Mapping[str, str]) -> str:
    """Return columns and why they are no features, for a message; shortened when there are many."""
    columns = [f"{name} ({why})" if name else why for name, why in refused.items()]
    shown = ", ".join(columns[:MOST_EXPLAINED])
    more = len(columns) - MOST_EXPLAINED
    return shown + (f" and {more} more" if more > 0 else "") + _remedy(refused.values())


def _remedy(reasons: Iterable[str]) -> str:
    return f"; {WITHOUT_COMMAS}" if any(why.startswith(WITH_COMMAS) for why in reasons) else ""


def listed(names: Sequence[str]) -> str:
    """Return names for a message, shortened when there are many."""
    shown = ", ".join(repr(name) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def blocks(
    file: ColumnFile, selection: Selection, dtype: npt.DTypeLike, rows: int
) -> Iterator[tuple[Rows, list[Any]]]:
    """Yield arrays of `rows` rows (the last one fewer) with the Arrow pieces of their target.

    Memory is the block, one batch and the pieces, however large the file.

    Raises
    ------
    DataError
        Names the place and the content of the first cell that is missing or not finite.
    """
    X: Rows | None = None
    filled = first_row = 0
    pieces: list[Any] = []
    for batch in file.batches(selection.features, selection.target):
        done = 0
        while done < batch.num_rows:
            if X is None:
                X = allocate(file.path, (rows, len(selection.features)), dtype)
            part = batch.slice(done, min(rows - filled, batch.num_rows - done))
            _copy(file, selection.features, part, X[filled : filled + part.num_rows], first_row)
            if selection.target is not None:
                pieces.append(part.column(len(selection.features)))
            filled += part.num_rows
            first_row += part.num_rows
            done += part.num_rows
            if filled == rows:
                yield X, pieces
                X, filled, pieces = None, 0, []
    if X is not None:
        yield X[:filled], pieces


def _copy(file: ColumnFile, features: Sequence[str], part: Any, out: Rows, first_row: int) -> None:
    with np.errstate(over="ignore"):
        for j, name in enumerate(features):
            column = part.column(j)
            if column.null_count:
                row = column.is_null().to_numpy(zero_copy_only=False).argmax()
                _raise_not_finite(file, first_row + int(row), name, out.dtype, math.nan)
            out[:, j] = column.to_numpy(zero_copy_only=False)
    place = first_not_finite(out)
    if place is not None:
        row, j = place
        number = part.column(j)[row].as_py()
        _raise_not_finite(file, first_row + row, features[j], out.dtype, number)


def _raise_not_finite(
    file: ColumnFile, row: int, column: str, dtype: np.dtype[Any], number: float
) -> None:
    place, content = file.cell(row, column)
    raise DataError(
        f"{file.path}: expected finite {dtype} numbers, got {content} in {place}, "
        f"column {column!r}; {remedy_for(number)}"
    )


def _check_known(file: ColumnFile, name: str, what: str) -> None:
    if name not in file.names:
        by_lower_case = {known.lower(): known for known in file.names}
        close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
        hint = f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""
        raise DataError(
            f"{file.path}: expected a {what} {name!r}, got columns {listed(file.names)}{hint}"
        )
