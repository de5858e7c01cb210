"""CSV: cells of UTF-8 text, maybe quoted; parsed by pyarrow, explained by `csv`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.cells import (
    MISSING,
    has_commas,
    is_missing,
    is_number,
    kind_of,
    shown,
)
from gdnet.data.coded_labels import LabelPieces, labels_of
from gdnet.data.columns import (
    NO_VALUES,
    WITH_COMMAS,
    BadCells,
    NotNumbers,
    Survey,
    import_pyarrow,
)
from gdnet.data.csv_layout import layout_of
from gdnet.data.csv_quotes import check_quotes
from gdnet.data.csv_records import MAX_CELL, records
from gdnet.data.csv_text import CsvText, count_lines, has_quotes
from gdnet.data.label_types import Typed, kind_of_labels, type_labels
from gdnet.data.opening import changed
from gdnet.data.parts import Parts
from gdnet.errors import DataError

# Truth values as features.
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
# A row that is longer than a block cannot be parsed; blocks grow up to this many bytes.
_LARGEST_BLOCK = 2 * MAX_CELL


class CsvFile:
    """A CSV file, see `gdnet.data.columns.ColumnFile`.

    What a column holds is judged by the first thousand rows, or by the first values that it has at
    all. Features are then parsed as float64 all through, so that a column of whole numbers may have
    fractions later, and a stray text in a column of numbers is an error instead of a column
    silently lost.

    Parameters
    ----------
    parts : Parts
        The file, or several of the same columns.
    header : {"auto", "yes", "no"}
        See `gdnet.data.csv_layout.layout_of`.

    Raises
    ------
    DataError
        If pyarrow is missing, or the file has no header, no rows, or is not UTF-8.
    """

    def __init__(self, parts: Parts, header: str = "auto") -> None:
        import_pyarrow(parts.path)
        self.path = parts.path
        self._text = CsvText(parts)
        self._layout = layout_of(self._text, header)
        self.names = self._layout.names
        self._position = {name: j for j, name in enumerate(self.names)}
        self.notes = parts.notes + self._layout.notes
        self.left_out: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._booleans: set[int] = set()
        self._undecided: list[int] = []
        self._complete = False  # whether every line is known to be in a row
        for j, cells in enumerate(self._layout.sample):
            self._decide(j, cells)
        self.refused |= self._layout.nameless

    def _decide(self, j: int, cells: Sequence[str]) -> None:
        """Judge by some of its cells, without blanks around them, what column j holds."""
        kind = kind_of(cells)
        if kind == "nothing":
            self._undecided.append(j)
        elif kind == "boolean":
            self._booleans.add(j)
        elif kind == "text":
            text = next(c for c in cells if not (is_missing(c) or is_number(c)))
            what = WITH_COMMAS if has_commas(text) else "text"
            self.refused[self.names[j]] = f"{what} such as {shown(text)}"

    def settle(self, but: Collection[str]) -> None:
        """Decide about columns that begin without a value, unless they are named in `but`."""
        skipped = {*but, *self.refused}
        asked = [j for j in self._undecided if self.names[j] not in skipped]
        undecided, self._undecided = set(asked), []
        for batch in self._batches(asked, self._as_text(asked)) if asked else ():
            for j, column in zip(asked, batch.columns, strict=True):
                if j in undecided:
                    cells = [cell.strip() for cell in column.dictionary.to_pylist()]
                    if not all(map(is_missing, cells)):
                        undecided.remove(j)
                        self._decide(j, cells)
            if not undecided:
                return
        self.refused |= {self.names[j]: NO_VALUES for j in asked if j in undecided}

    @cached_property
    def _lines(self) -> int:
        return count_lines(self._text)

    @property
    def most_rows(self) -> int:
        """Return at least the number of rows: quoted line breaks and empty lines count, too.

        With this bound the array is allocated once and filled in place; pages that turn out to be
        beyond the last row are never touched and take no memory.
        """
        return self._lines - self._layout.lines_above

    def check_target(self, target: str) -> None:
        """Take any column: labels may be numbers or text."""

    def batches(
        self, features: Sequence[str], target: str | None, *, continuous: bool = False
    ) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target, text or numbers.

        `continuous` tells that it is numbers.
        """
        from pyarrow import RecordBatch, float64

        wanted = [self._position[name] for name in features]
        types = {str(j): float64() for j in wanted}
        texts = [j for j in wanted if j in self._booleans]
        if target is not None:
            wanted.append(self._position[target])
            if continuous:
                types[str(wanted[-1])] = float64()
            else:
                texts.append(wanted[-1])
        types |= self._as_text(texts)
        for batch in self._batches(wanted, types):
            if self._booleans.isdisjoint(wanted):
                yield batch
                continue
            columns = [
                _as_truth(column) if j in self._booleans and k < len(features) else column
                for k, (j, column) in enumerate(zip(wanted, batch.columns, strict=True))
            ]
            yield RecordBatch.from_arrays(columns, batch.schema.names)

    def as_they_are(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield Arrow record batches of columns, every cell as text."""
        from pyarrow import RecordBatch, string

        wanted = [self._position[name] for name in names]
        for batch in self._batches(wanted, {str(j): string() for j in wanted}):
            yield RecordBatch.from_arrays(batch.columns, [*names])

    def labels(self, target: str, pieces: LabelPieces, first_row: int, *, typed: bool) -> Typed:
        """Return the target, text if not `typed`."""
        codes, cells = pieces.codes, [cell.strip() for cell in pieces.cells]
        known = [cell for cell in cells if not is_missing(cell)]
        # Text may well have a class "NA"; among numbers it is a missing label.
        numbers = typed and known and kind_of_labels(known) != "text"
        missing = {"", *(set(cells).difference(known) if numbers else ())}
        positions = [i for i, cell in enumerate(cells) if cell in missing]
        wrong = np.flatnonzero(np.isin(codes, positions)) if positions else codes[:0]
        if wrong.size:
            ((place, content),) = self.cells([(first_row + int(wrong[0]), target)])
            more = f" (the first of {wrong.size:,})" if wrong.size > 1 else ""
            remedy = "remove such rows"
            if content != shown(""):
                remedy += (
                    "; if it is a class, which it is not taken for beside labels that are not "
                    "text, spell it otherwise in the file, such as 'no value'"
                )
            raise DataError(
                f"{self.path}: expected a label in every row, got {content} in {place}{more}, "
                f"column {target!r}; {remedy}"
            )
        if not typed:
            return Typed(labels_of(np.array(cells, object), codes))
        try:
            return type_labels(cells, codes)
        except DataError as error:
            raise DataError(f"{self.path}: column {target!r}: {error}") from None

    def cells(self, places: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
        """Return the lines and the contents of cells, by reading the file once more."""
        wanted = {row for row, _ in places}
        found = {}
        for row, record in enumerate(islice(self._rows(), max(wanted) + 1)):
            if row in wanted:
                found[row] = record
                if len(record.cells) != len(self.names):
                    raise changed(self.path)
        if len(found) < len(wanted):
            raise changed(self.path)
        return [
            (
                self._text.place(found[row].first_line),
                shown(found[row].cells[self._position[column]]),
            )
            for row, column in places
        ]

    def survey(self, features: Sequence[str], dtype: npt.DTypeLike) -> Survey:
        """Return for each feature that has them the cells that are not finite numbers."""
        from pyarrow import string

        wanted = [self._position[name] for name in features]
        bad: dict[str, BadCells] = {}
        lo = 0
        for batch in self._batches(wanted, {str(j): string() for j in wanted}):
            for j, column in zip(wanted, batch.columns, strict=True):
                find = _not_truth if j in self._booleans else _not_finite
                found = np.flatnonzero(find(column, dtype))
                if found.size:
                    first, count = bad.get(self.names[j], (lo + int(found[0]), 0))
                    bad[self.names[j]] = BadCells(first, count + found.size)
            lo += batch.num_rows
        return bad

    def _as_text(self, columns: Sequence[int]) -> Mapping[str, Any]:
        from pyarrow import dictionary, int32, string

        return {str(j): dictionary(int32(), string()) for j in columns}

    def _batches(self, columns: Sequence[int], types: Mapping[str, Any]) -> Iterator[Any]:
        """Yield record batches of columns, by their positions, as pyarrow parses them.

        Raises
        ------
        NotNumbers
            If a cell is not of the type.
        DataError
            If the file cannot be cut into rows and cells.
        """
        from pyarrow import ArrowInvalid

        # Small blocks: parsing is as fast, and what is read ahead is small.
        block, rows = max(2**18, 2**9 * len(self.names)), 0
        while True:
            skip = rows
            try:
                for batch in self._parsed(columns, types, block):
                    done = min(skip, batch.num_rows)
                    skip -= done
                    rows += batch.num_rows - done
                    if done < batch.num_rows:
                        yield batch.slice(done)
                break
            except ArrowInvalid as error:
                if "block" in str(error) and block < _LARGEST_BLOCK:
                    block = min(16 * block, _LARGEST_BLOCK)
                    continue
                self._check_rows()
                raise NotNumbers(str(error)) from None
        # Lines that are not rows are empty, or within quotes.
        if not self._complete:
            if rows < self._lines - self._layout.lines_above and has_quotes(self._text):
                check_quotes(self._text, self._layout)
            self._complete = True

    def _parsed(
        self, columns: Sequence[int], types: Mapping[str, Any], block: int
    ) -> Iterator[Any]:
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

        # By position: names may be missing, and the lines up to the header have been read.
        yield from open_csv(
            self._text.source(),
            ReadOptions(
                use_threads=False,
                block_size=block,
                column_names=[str(j) for j in range(len(self.names))],
                skip_rows=self._layout.lines_above,
            ),
            ParseOptions(
                delimiter=self._layout.separator,
                newlines_in_values=True,
                # In a single column an empty line is a cell that is missing.
                ignore_empty_lines=len(self.names) > 1,
            ),
            ConvertOptions(column_types=types, include_columns=[str(j) for j in columns]),
        )

    def _rows(self) -> Iterator[Any]:
        every = records(self._text, self._layout.separator)
        return islice(every, self._layout.records_above, None)

    def _check_rows(self) -> None:
        """Raise for the first row whose number of cells is not that of the names, or not UTF-8."""
        check_quotes(self._text, self._layout)
        for record in self._rows():
            if len(record.cells) != len(self.names):
                remedy = f"quote cells that contain {self._layout.separator!r}"
                if len(record.cells) < len(self.names):
                    remedy = "complete the line, or remove it"
                elif any("\\" in cell for cell in record.cells):
                    remedy = 'write a quote within a quoted cell as "" and not as \\"'
                raise DataError(
                    f"{self.path}: expected {len(self.names)} cells in "
                    f"{self._text.place(record.first_line)}, as in the header, got "
                    f"{len(record.cells)}; {remedy}"
                )


def _as_truth(column: Any) -> Any:
    """Return 1 for true, 0 for false and NaN for any other text from a dictionary of texts."""
    import pyarrow as pa

    cells = [cell.strip().lower() for cell in column.dictionary.to_pylist()]
    values = np.array([_TRUTH.get(cell, np.nan) for cell in cells])
    return pa.array(values[column.indices.to_numpy()])


def _not_truth(column: Any, dtype: npt.DTypeLike) -> npt.NDArray[np.bool_]:
    del dtype
    return np.array([cell.strip().lower() not in _TRUTH for cell in column.to_pylist()], np.bool_)


def _not_finite(column: Any, dtype: npt.DTypeLike) -> npt.NDArray[np.bool_]:
    """Return which cells of text are not finite numbers of a type."""
    import pyarrow as pa
    from pyarrow import compute

    cells = compute.utf8_trim(column, characters=" \t")  # as pyarrow's own parser
    missing = compute.is_in(compute.utf8_lower(cells), value_set=pa.array(sorted(MISSING)))
    bad: npt.NDArray[np.bool_] = missing.to_numpy(zero_copy_only=False).copy()
    rest = cells.filter(compute.invert(missing))
    try:
        numbers = rest.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        numbers = np.array([float(c) if is_number(c) else np.nan for c in rest.to_pylist()])
    with np.errstate(over="ignore"):
        bad[~bad] = ~np.isfinite(numbers.astype(dtype))
    return bad
