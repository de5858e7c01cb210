"""CSV: a header, quoted cells, UTF-8; parsed by pyarrow, explained by `csv`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from gdnet.data.arrays import Rows
from gdnet.data.columns import WITH_COMMAS, WITHOUT_COMMAS, check_names, import_pyarrow
from gdnet.data.opening import changed
from gdnet.errors import DataError

# Spellings of a missing cell, in lower case.
MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none"})
_SAMPLE = 1000
SEPARATORS = (",", ";", "\t")


class CsvFile:
    """A CSV file, see `gdnet.data.columns.ColumnFile`.

    Cells are separated by what splits the header into most names: a comma, a semicolon or a tab.
    What a column holds is judged by the first thousand rows: true and false, or numbers (if more
    than half of the cells are), or text. Features are then parsed as float64 all through, so that
    a column of whole numbers may go on with fractions, and a stray text in a column of numbers is
    an error instead of a column silently lost.

    Raises
    ------
    DataError
        If pyarrow is missing, or the file has no header, no rows, or not UTF-8.
    """

    def __init__(self, path: Path) -> None:
        import_pyarrow(path)
        self.path = path
        headers = {each: next(self._records(each), (0, []))[1] for each in SEPARATORS}
        self._separator = max(SEPARATORS, key=lambda each: len(headers[each]))
        sample = list(islice(self._records(), 1 + _SAMPLE))
        if not sample:
            raise DataError(f"{path}: expected a header line with column names, got an empty file")
        self.names = tuple(sample[0][1])
        if self.names[0].lower().startswith("sep="):
            raise DataError(
                f"{path}: expected column names in the first line, got a separator for Excel, "
                f"{self._separator.join(self.names)!r}; remove that line"
            )
        check_names(path, self.names)
        if len(sample) == 1:
            raise DataError(f"{path}: expected rows below the header line, got none")
        self.refused: dict[str, str] = {}
        self._booleans = set()
        for j, name in enumerate(self.names):
            column = [cells[j].strip() for _, cells in sample[1:] if j < len(cells)]
            known = [cell for cell in column if cell.lower() not in MISSING]
            texts = [cell for cell in known if not _is_number(cell)]
            if 2 * sum(_is_boolean(cell) for cell in known) > len(known):
                self._booleans.add(name)
            elif 2 * len(texts) > len(known):
                kind = WITH_COMMAS if _has_commas(texts[0]) else "text"
                self.refused[name] = f"{kind} such as {_shown(texts[0])}"
            if not name:
                # The row numbers that pandas writes unless told not to.
                self.refused[name] = f"column {j + 1} (no name)"

    @property
    def most_rows(self) -> int:
        """Return at least the number of rows: quoted line breaks and empty lines count, too.

        With this bound the array is allocated once and filled in place; pages that turn out to be
        beyond the last row are never touched and take no memory.
        """
        lines = 1
        with self.path.open("rb") as file:
            while chunk := file.read(2**20):
                lines += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
        return lines

    def check_target(self, target: str) -> None:
        """Take any column: labels may be numbers or text."""

    def batches(self, features: Sequence[str], target: str | None) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target as text."""
        from pyarrow import ArrowInvalid, bool_, dictionary, float64, int32, string
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

        types = {name: bool_() if name in self._booleans else float64() for name in features}
        if target is not None:
            types[target] = dictionary(int32(), string())
        try:
            # One thread and small blocks: parsing is as fast, and what is read ahead is small.
            yield from open_csv(
                str(self.path),
                ReadOptions(use_threads=False, block_size=max(2**18, 2**9 * len(self.names))),
                ParseOptions(delimiter=self._separator, newlines_in_values=True),
                ConvertOptions(column_types=types, include_columns=list(types)),
            )
        except ArrowInvalid as error:
            self._explain(error, features)

    def labels(self, target: str, pieces: list[Any], first_row: int, *, whole: bool) -> Rows:
        """Return the target: typed by all of its cells if `whole`, else as text."""
        import pyarrow as pa

        column = pa.chunked_array(pieces).unify_dictionaries().combine_chunks()
        codes = column.indices.to_numpy()
        cells = [cell.strip() for cell in column.dictionary.to_pylist()]
        known = [cell for cell in cells if cell.lower() not in MISSING]
        typed = _typed(known) if whole else None
        # Text may well have a class "NA"; among numbers it is a missing label.
        missing = {""} if typed is None else set(cells).difference(known)
        wrong = np.flatnonzero(np.isin(codes, [i for i, c in enumerate(cells) if c in missing]))
        if wrong.size:
            place, content = self.cell(first_row + int(wrong[0]), target)
            raise DataError(
                f"{self.path}: expected a label in every row, got {content} in {place}, "
                f"column {target!r}; remove such rows"
            )
        values = np.array(cells, object) if typed is None else typed
        return np.asarray(values[codes])

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """Return the line and the content of a cell, by reading the file once more."""
        line, cells = next(islice(self._records(), row + 1, None), (0, []))
        if len(cells) != len(self.names):
            raise changed(self.path)
        return f"line {line}", _shown(cells[self.names.index(column)])

    def _explain(self, error: Exception, features: Sequence[str]) -> NoReturn:
        wanted = [(j, name) for j, name in enumerate(self.names) if name in features]
        for line, cells in islice(self._records(), 1, None):
            if len(cells) != len(self.names):
                raise DataError(
                    f"{self.path}: expected {len(self.names)} cells in line {line}, as in the "
                    f"header, got {len(cells)}; quote cells that contain {self._separator!r}"
                ) from None
            for j, name in wanted:
                boolean = name in self._booleans
                if not (_is_boolean_like if boolean else _is_number)(cells[j].strip()):
                    remedy = f"; {WITHOUT_COMMAS}" if _has_commas(cells[j].strip()) else ""
                    raise DataError(
                        f"{self.path}: expected {'true or false' if boolean else 'a number'}, got "
                        f"{_shown(cells[j])} in line {line}, column {name!r}{remedy}"
                    ) from None
        raise DataError(f"{self.path}: expected a CSV file, got: {error}") from None

    def _records(self, separator: str | None = None) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, cells) of the header and every row, empty lines skipped."""
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=separator or self._separator)
            line = 1
            try:
                for cells in reader:
                    try:
                        "".join(cells).encode()
                    except UnicodeEncodeError:
                        raise DataError(
                            f"{self.path}: expected UTF-8 text, got other bytes in line {line}; "
                            "save the file as UTF-8"
                        ) from None
                    if cells:
                        yield line, cells
                    line = reader.line_num + 1
            except csv.Error as error:
                raise DataError(
                    f"{self.path}: expected cells in line {line}, got: {error}"
                ) from None


def _typed(cells: list[str]) -> Rows | None:
    """Return cells as int64, float64 or bool, None if they are text (or there are none)."""
    import pyarrow as pa

    for kind in (pa.int64(), pa.float64(), pa.bool_()) if cells else ():
        try:
            return np.asarray(pa.array(cells).cast(kind).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            continue
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _has_commas(cell: str) -> bool:
    """Return whether a cell is a number with a decimal comma, or commas between thousands."""
    return re.fullmatch(r"[-+]?[\d.]*\d,\d[\d,.]*", cell) is not None


def _is_boolean(cell: str) -> bool:
    return cell.lower() in ("true", "false")


def _is_boolean_like(cell: str) -> bool:
    return _is_boolean(cell) or cell in ("0", "1")


def _shown(cell: str) -> str:
    if not cell.strip():
        return "an empty cell"
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")
