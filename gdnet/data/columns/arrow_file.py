"""Files that are read as columns of Arrow, such as Parquet, a few rows at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.arrow_parts import ArrowParts, OpenFile
from gdnet.data.columns.arrow_types import (
    as_numbers,
    coded_text,
    is_numeric,
    is_string,
    is_text,
    plain,
    storage,
    why_not,
)
from gdnet.data.columns.named import NO_VALUES, BadCells, Survey, import_pyarrow, remedy_for_labels
from gdnet.data.encoding.cells import as_cell, cells_of, missing_spellings
from gdnet.data.labels.coded import LabelPieces, labels_of
from gdnet.data.labels.types import Typed, type_labels
from gdnet.data.opening import changed
from gdnet.data.parts import Parts
from gdnet.errors import DataError

_BATCH_NUMBERS = 2**18


class ArrowFile:
    """A file of Arrow's columns, or several, see `gdnet.data.columns.named.ColumnFile`.

    A format is a subclass with the class attribute `opened`: how one file of it is opened.

    Parameters
    ----------
    parts : Parts
        The files.
    header : str
        For CSV files only: others have the names of their columns.
    na_values : collection of str, optional
        More spellings of a missing cell.

    Raises
    ------
    DataError
        If pyarrow is missing, or the file is damaged or has no rows.
    """

    opened: ClassVar[type[OpenFile]]
    knows_rows: ClassVar[bool] = True

    def __init__(self, parts: Parts, header: str = "auto", na_values: Collection[str] = ()) -> None:
        del header
        pa = import_pyarrow(parts.path)
        self.path, self.files = parts.path, parts.files
        self._missing = missing_spellings(na_values)
        self._no_label = missing_spellings(na_values, {""})
        self._stored = ArrowParts(parts, self.opened)
        schema, self._rows = self._stored.schema, self._stored.rows
        self._with_values = self._stored.with_values
        self._with_gaps = self._stored.with_gaps
        self.largest_group = self._stored.largest_group
        self.notes = parts.notes + self._stored.notes
        self.names: tuple[str, ...] = tuple(schema.names)
        if self._rows < 1:
            raise DataError(f"{self.path}: expected at least 1 row, got {self._rows}")
        self._types = {
            name: storage(kind) for name, kind in zip(self.names, schema.types, strict=True)
        }
        index = _index_columns(schema)
        self.left_out = {
            name: "an index that pandas wrote"
            for name in self.names
            if name in index or re.fullmatch(r"__index_level_\d+__", name)
        }
        self.refused: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        for name, kind in self._types.items():
            if pa.types.is_null(kind):
                self.refused[name] = NO_VALUES
            elif is_string(kind):
                self.texts[name] = why_not(kind)
            elif not is_numeric(kind):
                self.refused[name] = why_not(kind)

    def settle(self, but: Collection[str]) -> None:
        """Refuse columns of numbers without a single value, unless they are named in `but`."""
        skipped = {*but, *self.refused, *self.texts, *self._with_values}
        undecided = [name for name in self.names if name not in skipped]
        batches = self.batches(undecided, None) if undecided else iter(())
        for batch in islice(batches, 1):
            undecided = [
                name
                for name, column in zip(undecided, batch.columns, strict=True)
                if not _has_value(column)
            ]
        # Those that begin without a value are read to the end.
        for batch in self.batches(undecided, None) if undecided else ():
            found = dict(zip(batch.schema.names, batch.columns, strict=True))
            undecided = [name for name in undecided if not _has_value(found[name])]
            if not undecided:
                break
        self.refused |= dict.fromkeys(undecided, NO_VALUES)

    def has_gaps(self, features: Collection[str]) -> bool:
        """Return whether statistics say that cells of some of these are missing."""
        return not self._with_gaps.isdisjoint(features)

    @property
    def most_rows(self) -> int:
        """Return the number of rows."""
        return self._rows

    def check_target(self, target: str) -> None:
        """Check that a column can be a target.

        Raises
        ------
        DataError
            Unless it holds numbers, booleans or text.
        """
        kind = self._types[target]
        if not (is_numeric(kind) or is_text(kind)):
            raise DataError(
                f"{self.path}: expected numbers, booleans or text in target column {target!r}, "
                f"got {why_not(kind)}"
            )

    def batches(
        self,
        features: Sequence[str],
        target: str | None,
        *,
        continuous: bool = False,
        texts: Collection[str] = (),
        gaps: bool = False,
        rows: range | None = None,
    ) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target.

        With `rows` those alone; see `gdnet.data.columns.row_ranges.batches_of`.
        """
        import pyarrow as pa

        del gaps  # which are not text here

        names = [*features] if target is None else [*features, target]
        try:
            height = max(64, _BATCH_NUMBERS // len(names))
            for batch in self._stored.batches(names, height, rows):
                # Pyarrow keeps what it has freed; this takes hardly any time.
                pa.default_memory_pool().release_unused()
                columns = [
                    (coded_text if name in texts else as_numbers)(batch.column(name))
                    for name in features
                ]
                if target is not None:
                    column = batch.column(target)
                    columns.append(
                        as_numbers(column) if continuous else self._labels(column, target)
                    )
                yield pa.RecordBatch.from_arrays(columns, names)
        except pa.ArrowException as error:
            raise self._stored.damaged(self.path, error) from None
        finally:
            pa.default_memory_pool().release_unused()

    def as_they_are(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield Arrow record batches of columns, of the types of the file but for dictionaries."""
        import pyarrow as pa

        height = max(64, _BATCH_NUMBERS // len(names))
        for batch in self._stored.batches([*names], height):
            yield pa.RecordBatch.from_arrays([plain(column) for column in batch.columns], [*names])

    def survey(
        self,
        features: Sequence[str],
        dtype: npt.DTypeLike,
        *,
        texts: Collection[str] = (),
        gaps: bool = False,
    ) -> Survey:
        """Return for each feature that has them the cells that are missing or not finite."""
        bad: dict[str, BadCells] = {}
        lo = 0
        for batch in self.batches(features, None, texts=texts):
            for name, column in zip(features, batch.columns, strict=True):
                if name in texts:
                    cells, codes = cells_of(column, self._missing)
                    wrong = np.array([cell is None and not gaps for cell in cells], bool)[codes]
                else:
                    with np.errstate(over="ignore"):
                        numbers = column.to_numpy(zero_copy_only=False).astype(dtype)
                    missing = np.isnan(numbers) | column.is_null().to_numpy(zero_copy_only=False)
                    wrong = np.isinf(numbers) if gaps else np.isinf(numbers) | missing
                found = np.flatnonzero(wrong)
                if found.size:
                    first, count = bad.get(name, (lo + int(found[0]), 0))
                    bad[name] = BadCells(first, count + found.size)
            lo += batch.num_rows
        return bad

    def labels(self, target: str, pieces: LabelPieces, first_row: int, *, typed: bool) -> Typed:
        """Return the target with the type of its column; decimals as CSV files have them.

        Raises
        ------
        DataError
            For a label that is missing.
        """
        import pyarrow as pa

        missing = self.missing_labels(pieces, typed=typed)
        if missing.any():
            row, count = int(missing.argmax()), int(missing.sum())
            more = f" (the first of {count:,})" if count > 1 else ""
            is_float = pa.types.is_floating(self._types[target])
            remedy = remedy_for_labels(typed, are_numbers=is_float)
            raise DataError(
                f"{self.path}: expected a label in every row, got a missing value in row "
                f"{first_row + row} (counted from 0){more}, column {target!r}; {remedy}"
            )
        codes = pieces.codes
        cells = [cell.strip() if isinstance(cell, str) else cell for cell in pieces.cells]
        if typed and pa.types.is_decimal(self._types[target]):
            return type_labels(cells, codes)
        if pieces.plain:
            return Typed(pa.chunked_array(pieces.plain).to_numpy())
        is_text = isinstance(cells[0], str)
        values = np.array(cells, object) if is_text else pieces.numbers()
        return Typed(labels_of(values, codes))

    def missing_labels(self, pieces: LabelPieces, *, typed: bool) -> npt.NDArray[np.bool_]:
        """Return which rows have no label, (m,), or nothing where all have one."""
        import pyarrow as pa

        del typed  # only text says by itself what it is
        if pieces.plain:
            found: npt.NDArray[np.bool_] = pa.chunked_array(pieces.plain).is_null().to_numpy()
            return found
        empty = [i for i, c in enumerate(pieces.cells) if as_cell(c, self._no_label) is None]
        return np.isin(pieces.codes, empty) if empty else np.zeros(0, np.bool_)

    def cells(self, places: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
        """Return the rows and the contents of cells, by reading their columns once more.

        Raises
        ------
        DataError
            If the file has changed meanwhile.
        """
        return [self._cell(row, column) for row, column in places]

    def _cell(self, row: int, column: str) -> tuple[str, str]:
        place = f"row {row} (counted from 0)"
        lo = 0
        for batch in self.batches([column], None):
            if row < lo + batch.num_rows:
                value = batch.column(0)[row - lo].as_py()
                return place, "a missing value" if value in (None, "") else str(value)
            lo += batch.num_rows
        raise changed(self.path)

    def _labels(self, column: Any, target: str) -> Any:
        """Return numbers as they are, text as codes into a dictionary: m strings would be large."""
        import pyarrow as pa

        try:
            return coded_text(column)
        except pa.ArrowInvalid:
            raise DataError(
                f"{self.path}: expected UTF-8 text in target column {target!r}, got other bytes; "
                "save the column as text"
            ) from None


def _index_columns(schema: Any) -> set[str]:
    """Return the columns that pandas wrote as the index of a frame."""
    try:
        found = json.loads((schema.metadata or {})[b"pandas"])["index_columns"]
    except (KeyError, TypeError, ValueError):  # no pandas, or not as it writes it
        return set()
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def _has_value(column: Any) -> bool:
    numbers = column.drop_null().to_numpy(zero_copy_only=False)
    return bool(numbers.size and not np.isnan(numbers.astype(np.float64, copy=False)).all())
