"""Labels in a file of their own: an array, or a CSV or Parquet file of one column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.npy_file import map_npy
from gdnet.data.columns.blocks import bad_cells, selected_batches
from gdnet.data.columns.cells import is_boolean, is_number
from gdnet.data.columns.files import open_columns
from gdnet.data.columns.named import NotNumbers, listed, remedy_for_labels
from gdnet.data.columns.selection import Selection
from gdnet.data.csv.records import records
from gdnet.data.csv.text import CsvText
from gdnet.data.encoding.cells import missing_spellings, without_stand_ins
from gdnet.data.formats import CSV, NAMED_COLUMNS, NPY, format_of
from gdnet.data.labels.arrays import check_labels, clean_labels
from gdnet.data.labels.coded import MAX_PLAIN, labels_of_parts
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.opening import reading
from gdnet.data.parts import parts_of
from gdnet.errors import DataError

Mask = npt.NDArray[np.bool_]


def read_labels(path: Path, m: int, n0: int, *, continuous: bool = False) -> Any:
    """Return the labels (m,) or (m, k) of a file for m rows of n0 features.

    They are numbers to be predicted if `continuous`.

    Raises
    ------
    DataError
        If there are not m of them, or one is empty.
    """
    return labels_for_rows(path, m, n0, continuous=continuous).values()


def labels_for_rows(
    path: Path, m: int, n0: int, *, continuous: bool = False, na_values: Sequence[str] = ()
) -> LabelColumn | LabelArray:
    """Return the labels of a file for m rows of n0 features, some of which may be missing.

    `na_values` are more spellings of a missing one.

    Raises
    ------
    DataError
        If there are not m of them.
    """
    if format_of(path) not in NAMED_COLUMNS:
        labels = check_labels(path, map_labels(path), m, n0)
        return LabelArray(path, labels, na_values)
    with reading(path, NAMED_COLUMNS):
        column = LabelColumn(path, continuous=continuous, na_values=na_values)
    if len(column.missing) == m - 1:
        raise DataError(
            f"{path}: expected a first line that names the column, and {m} labels, one for each "
            f"row of the data, got {m - 1}; if the first line is a label, put a name above it"
        )
    check_labels(path, column.missing, m, n0)
    return column


def map_labels(path: Path, *, continuous: bool = False) -> Any:
    """Return an array file of labels as a read-only memory map, and those of a table's column.

    Raises
    ------
    DataError
        If it is not a complete .npy, CSV or Parquet file.
    """
    with reading(path, (NPY, *NAMED_COLUMNS)):
        if format_of(path) in NAMED_COLUMNS:
            return LabelColumn(path, continuous=continuous).values()
        return map_npy(path)


class LabelArray:
    """The labels (m,) or (m, k) of an array file.

    Parameters
    ----------
    path : Path
        The file, for messages.
    labels : array of shape (m,) or (m, k)
        As they are in the file.
    na_values : collection of str, optional
        What stands for a missing one.
    """

    def __init__(self, path: Path, labels: HostArray, na_values: Sequence[str] = ()) -> None:
        self._path, self._labels, self._na_values = path, labels, na_values

    @cached_property
    def missing(self) -> Mask:
        """Which rows have no label, (m,)."""
        starts = range(0, len(self._labels), MAX_PLAIN)
        return np.concatenate(
            [self._missing_of(self._labels[lo : lo + MAX_PLAIN]) for lo in starts]
        )

    def values(self, keep: Mask | None = None) -> Any:
        """Return them without blanks around text; of rows to keep, if any are given.

        Raises
        ------
        DataError
            For an empty one, and for one that stands for a missing one.
        """
        if self._na_values:
            wrong = np.flatnonzero(self.missing if keep is None else self.missing & keep)
            if wrong.size:
                raise DataError(
                    f"{self._path}: expected a label in every row, got a missing one in row "
                    f"{wrong[0]} (counted from 0); {remedy_for_labels(True, are_numbers=False)}"
                )
        labels = self._labels if keep is None else self._labels[keep]
        m = len(labels)
        if labels.ndim == 1 and labels.dtype.kind in "SU" and m > MAX_PLAIN:
            starts = range(0, m, MAX_PLAIN)
            parts = (clean_labels(self._path, labels[lo : lo + MAX_PLAIN], lo) for lo in starts)
            return labels_of_parts(parts, m)
        return clean_labels(self._path, labels)

    def _missing_of(self, labels: HostArray) -> Mask:
        kind = labels.dtype.kind
        if kind in "iuf":
            found = np.isnan(without_stand_ins(labels.astype(np.float64), self._na_values))
        elif kind in "SU":
            text = np.strings.decode(labels, "utf-8", "replace") if kind == "S" else labels
            spellings = sorted(missing_spellings(self._na_values, {""}))
            found = np.isin(np.strings.lower(np.strings.strip(text)), spellings)
        else:
            found = np.zeros(labels.shape, np.bool_)
        return np.asarray(found.reshape(len(labels), -1).any(axis=1), np.bool_)


class LabelColumn:
    """The labels of a CSV or Parquet file of one column, or numbers to be predicted.

    The first line of a CSV file names the column, unless it is a number or a truth value.

    Parameters
    ----------
    path : Path
        The file.
    continuous : bool
        Whether they are numbers to be predicted.
    na_values : collection of str, optional
        More spellings of a missing cell.

    Attributes
    ----------
    missing : bool array of shape (m,)
        Which rows have none.

    Raises
    ------
    DataError
        If the file has several columns, or text in place of numbers.
    """

    def __init__(self, path: Path, *, continuous: bool, na_values: Sequence[str] = ()) -> None:
        parts, header = parts_of(path), "yes"
        if parts.format in CSV.extensions:
            first = next(records(CsvText(parts), ","), None)
            cell = "" if first is None else first.cells[0].strip()
            header = "no" if is_number(cell) or is_boolean(cell) else "yes"
        self._file = open_columns(parts, header, na_values)
        if len(self._file.names) != 1:
            raise DataError(
                f"{path}: expected one column of labels, got {listed(self._file.names)}; keep one, "
                "or save columns of 0 and 1 as an array: numpy.save"
            )
        (self._name,) = self._file.names
        self._file.check_target(self._name)
        self._selection = Selection(
            (), self._name, {}, by_name=True, continuous=continuous, targets=(self._name,)
        )
        self._pieces = target_pieces(self._file.most_rows, continuous=continuous)
        rows = 0
        try:
            for batch in selected_batches(self._file, self._selection._replace(gaps=True)):
                self._pieces.append(batch.column(0))
                rows += batch.num_rows
        except NotNumbers as error:
            raise self._not_numbers(str(error)) from None
        self._numbers: Any = None
        if continuous:
            self._numbers = without_stand_ins(self._pieces.numbers(), na_values)
            self.missing = np.isnan(self._numbers)
        else:
            found = self._file.missing_labels(self._pieces, typed=True)
            self.missing = found if len(found) else np.zeros(rows, np.bool_)

    def values(self, keep: Mask | None = None) -> Any:
        """Return them, with the types of a target column; of rows to keep, if any are given.

        Raises
        ------
        DataError
            If one of them is missing, or an infinite number.
        """
        if self._numbers is not None:
            numbers = self._numbers if keep is None else self._numbers[keep]
            if not np.isfinite(numbers).all():
                raise self._not_numbers("a number that is not finite")
            return numbers
        if keep is not None:
            self._pieces.keep(keep)
        return self._file.labels(self._name, self._pieces, 0, typed=True).values

    def _not_numbers(self, reason: str) -> DataError:
        return bad_cells(self._file, self._selection, np.float64, reason)
