"""CSV: cells of UTF-8 text, maybe quoted; parsed by pyarrow, explained by `csv`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import (
    has_commas,
    is_missing,
    is_number,
    kind_of,
    shown,
)
from gdnet.data.columns.named import (
    NO_VALUES,
    WITH_COMMAS,
    BadCells,
    Survey,
    import_pyarrow,
    remedy_for_labels,
)
from gdnet.data.csv.layout import layout_of
from gdnet.data.csv.parser import CsvParser
from gdnet.data.csv.text import CsvText
from gdnet.data.csv.text_cells import is_one_of, not_finite, not_truth, numbers_of_cells
from gdnet.data.encoding.cells import missing_spellings
from gdnet.data.labels.coded import LabelPieces, labels_of
from gdnet.data.labels.types import Typed, fraction_of_quantity, kind_of_labels, type_labels
from gdnet.data.opening import changed
from gdnet.data.parts import Parts
from gdnet.errors import DataError


class CsvFile:
    """A CSV file, see `gdnet.data.columns.named.ColumnFile`.

    What a column holds is judged by the first thousand rows, or by the first values that it has at
    all. Features are then parsed as float64 all through, so that a column of whole numbers may have
    fractions later, and a stray text in a column of numbers is an error instead of a column
    silently lost.

    Parameters
    ----------
    parts : Parts
        The file, or several of the same columns.
    header : {"auto", "yes", "no"}
        See `gdnet.data.csv.layout.layout_of`.
    na_values : collection of str, optional
        More spellings of a missing cell.

    Raises
    ------
    DataError
        If pyarrow is missing, or the file has no header, no rows, or is not UTF-8.
    """

    knows_rows: ClassVar[bool] = False

    def __init__(self, parts: Parts, header: str = "auto", na_values: Collection[str] = ()) -> None:
        import_pyarrow(parts.path)
        self.path = parts.path
        self._missing = missing_spellings(na_values)
        self._no_label = missing_spellings(na_values, ())
        self._text = CsvText(parts)
        self._layout = layout_of(self._text, header)
        self._parser = CsvParser(self._text, self._layout, self.path, self._missing)
        self.names = self._layout.names
        self._position = {name: j for j, name in enumerate(self.names)}
        self.notes = parts.notes + self._layout.notes
        self.left_out: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._booleans: set[int] = set()
        self._undecided: list[int] = []
        for j, cells in enumerate(self._layout.sample):
            self._decide(j, cells)
        self.refused |= self._layout.nameless
        self.texts = {name: why for name, why in self.texts.items() if name not in self.refused}

    def _decide(self, j: int, cells: Sequence[str]) -> None:
        """Judge by some of its cells, without blanks around them, what column j holds."""
        kind = kind_of(cells, self._missing)
        if kind == "nothing":
            self._undecided.append(j)
        elif kind == "boolean":
            self._booleans.add(j)
        elif kind == "text":
            text = next(c for c in cells if not (is_missing(c, self._missing) or is_number(c)))
            if has_commas(text):
                self.refused[self.names[j]] = f"{WITH_COMMAS} such as {shown(text)}"
            else:
                self.texts[self.names[j]] = f"text such as {shown(text)}"

    def settle(self, but: Collection[str]) -> None:
        """Decide about columns that begin without a value, unless they are named in `but`."""
        skipped = {*but, *self.refused}
        asked = [j for j in self._undecided if self.names[j] not in skipped]
        undecided, self._undecided = set(asked), []
        for batch in self._parser.batches(asked, _as_text(asked)) if asked else ():
            for j, column in zip(asked, batch.columns, strict=True):
                if j in undecided:
                    cells = [cell.strip() for cell in column.dictionary.to_pylist()]
                    if not all(is_missing(cell, self._missing) for cell in cells):
                        undecided.remove(j)
                        self._decide(j, cells)
            if not undecided:
                return
        self.refused |= {self.names[j]: NO_VALUES for j in asked if j in undecided}

    def has_gaps(self, features: Collection[str]) -> bool:
        """Return whether cells of some of these are missing in the first rows."""
        columns = [self._layout.sample[self._position[name]] for name in features]
        return any(is_missing(cell, self._missing) for cells in columns for cell in cells)

    @property
    def most_rows(self) -> int:
        """Return at least the number of rows: quoted line breaks and empty lines count, too.

        With this bound the array is allocated once and filled in place; pages that turn out to be
        beyond the last row are never touched and take no memory.
        """
        return self._parser.most_rows

    def check_target(self, target: str) -> None:
        """Take any column: labels may be numbers or text."""

    def batches(
        self,
        features: Sequence[str],
        target: str | None,
        *,
        continuous: bool = False,
        texts: Collection[str] = (),
        gaps: bool = False,
    ) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target, text or numbers.

        `continuous` tells that it is numbers.

        Raises
        ------
        NotNumbers
            For a cell that is no number, where one is wanted.
        DataError
            If the file cannot be read to its end.
        """
        from pyarrow import RecordBatch, float64, types

        wanted = [self._position[name] for name in features]
        numbers = {j for j, name in zip(wanted, features, strict=True) if name not in texts}
        truths = self._booleans.intersection(wanted)
        if target is not None:
            wanted.append(self._position[target])
            if continuous:
                numbers.add(wanted[-1])
        as_numbers = {str(j): float64() for j in numbers - truths}
        kinds = as_numbers | _as_text([j for j in wanted if str(j) not in as_numbers])
        if not gaps:
            parsed = self._parser.batches(wanted, kinds)
        elif self._parser.as_cells:
            parsed = self._parser.batches(wanted, _as_text(wanted))
        else:
            parsed = self._parser.batches(wanted, kinds, _as_text(wanted))
        as_cells = numbers if gaps else numbers & truths
        for batch in parsed:
            if not as_cells:
                yield batch
                continue
            columns = batch.columns
            for k, j in enumerate(wanted):
                if j in as_cells and types.is_dictionary(columns[k].type):
                    columns[k] = numbers_of_cells(columns[k], self._missing, truth=j in truths)
            yield RecordBatch.from_arrays(columns, batch.schema.names)

    def as_they_are(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield Arrow record batches of columns, every cell as text."""
        from pyarrow import RecordBatch, string

        wanted = [self._position[name] for name in names]
        for batch in self._parser.batches(wanted, {str(j): string() for j in wanted}):
            yield RecordBatch.from_arrays(batch.columns, [*names])

    def labels(self, target: str, pieces: LabelPieces, first_row: int, *, typed: bool) -> Typed:
        """Return the target, text if not `typed`.

        Raises
        ------
        DataError
            For a label that is missing, and labels that are of no one type.
        """
        codes, cells = pieces.codes, [cell.strip() for cell in pieces.cells]
        wrong = np.flatnonzero(self.missing_labels(pieces, typed=typed))
        if wrong.size:
            ((place, content),) = self.cells([(first_row + int(wrong[0]), target)])
            more = f" (the first of {wrong.size:,})" if wrong.size > 1 else ""
            known = [cell for cell in cells if not is_missing(cell, self._missing)]
            fraction = fraction_of_quantity(known, codes.size - wrong.size)
            remedy = remedy_for_labels(typed, are_numbers=fraction is not None)
            if content != shown(""):
                remedy += (
                    "; if it is a class, which it is not taken for among labels that are not "
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

    def missing_labels(self, pieces: LabelPieces, *, typed: bool) -> npt.NDArray[np.bool_]:
        """Return which rows have no label, (m,), or nothing where all have one."""
        cells = [cell.strip() for cell in pieces.cells]
        known = [cell for cell in cells if not is_missing(cell, self._missing)]
        # Text may well have a class "NA"; among numbers it is a missing label.
        numbers = typed and known and kind_of_labels(known) != "text"
        missing = self._missing if numbers else self._no_label
        positions = [i for i, cell in enumerate(cells) if not cell or is_missing(cell, missing)]
        return np.isin(pieces.codes, positions) if positions else np.zeros(0, np.bool_)

    def cells(self, places: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
        """Return the lines and the contents of cells, by reading the file once more.

        Raises
        ------
        DataError
            If the file has changed meanwhile.
        """
        wanted = {row for row, _ in places}
        found = {}
        for row, record in enumerate(islice(self._parser.rows(), max(wanted) + 1)):
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

    def survey(
        self,
        features: Sequence[str],
        dtype: npt.DTypeLike,
        *,
        texts: Collection[str] = (),
        gaps: bool = False,
    ) -> Survey:
        """Return for each feature that has them the cells that are missing or not finite."""
        from pyarrow import array, string

        wanted = [self._position[name] for name in features]
        text = {self._position[name] for name in texts}
        bad: dict[str, BadCells] = {}
        lo = 0
        for batch in self._parser.batches(wanted, {str(j): string() for j in wanted}):
            for j, column in zip(wanted, batch.columns, strict=True):
                missing = is_one_of(column, self._missing)
                wrong = np.zeros(len(missing), np.bool_) if gaps else missing.copy()
                if j not in text:
                    cells = column.filter(array(~missing))
                    truth = j in self._booleans
                    wrong[~missing] = not_truth(cells) if truth else not_finite(cells, dtype)
                found = np.flatnonzero(wrong)
                if found.size:
                    first, count = bad.get(self.names[j], (lo + int(found[0]), 0))
                    bad[self.names[j]] = BadCells(first, count + found.size)
            lo += batch.num_rows
        return bad


def _as_text(columns: Sequence[int]) -> dict[str, Any]:
    from pyarrow import dictionary, int32, string

    kind = dictionary(int32(), string())
    return dict.fromkeys(map(str, columns), kind)
