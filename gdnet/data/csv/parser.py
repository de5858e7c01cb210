"""CSV as Arrow record batches, parsed by pyarrow; where it cannot, the row that is to blame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from gdnet.data.columns.named import NotNumbers
from gdnet.data.csv.layout import Layout
from gdnet.data.csv.quotes import check_quotes
from gdnet.data.csv.records import MAX_CELL, Record, records
from gdnet.data.csv.text import CsvText, count_lines, has_quotes
from gdnet.errors import DataError

# A row that is longer than a block cannot be parsed; blocks grow up to this many bytes.
MAX_BLOCK = 2 * MAX_CELL


class CsvParser:
    """Parses columns, by their positions, and no more of them than asked for.

    Parameters
    ----------
    text : CsvText
        The file, or several.
    layout : Layout
        Its separator and header.
    path : Path
        How messages call it.
    missing : collection of str
        Spellings of a missing cell, in lower case.

    Attributes
    ----------
    as_cells : bool
        Whether missing numbers are spelled as pyarrow does not find them.
    """

    def __init__(self, text: CsvText, layout: Layout, path: Path, missing: Collection[str]) -> None:
        self._text, self._layout, self._path, self._missing = text, layout, path, missing
        self.as_cells = False
        self._complete = False  # whether every line is known to be in a row

    @property
    def most_rows(self) -> int:
        """Return at least the number of rows."""
        return self._lines - self._layout.lines_above

    def batches(
        self,
        columns: Sequence[int],
        types: Mapping[str, Any],
        else_types: Mapping[str, Any] | None = None,
    ) -> Iterator[Any]:
        """Yield record batches of columns, by their positions, as pyarrow parses them.

        From where it cannot parse a cell on they are of `else_types`, if there are any.

        Raises
        ------
        NotNumbers
            If a cell is not of the type.
        DataError
            If the file cannot be cut into rows and cells.
        """
        from pyarrow import ArrowInvalid

        # Small blocks: parsing is as fast, and what is read ahead is small.
        block, rows = max(2**18, 2**9 * len(self._layout.names)), 0
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
                if "block" in str(error) and block < MAX_BLOCK:
                    block = min(16 * block, MAX_BLOCK)
                    continue
                if else_types is not None:
                    types, else_types, self.as_cells = else_types, None, True
                    continue
                self._check_rows()
                raise NotNumbers(str(error)) from None
        # Lines that are not rows are empty, or within quotes.
        if not self._complete:
            if rows < self.most_rows and has_quotes(self._text):
                check_quotes(self._text, self._layout)
            self._complete = True

    def _parsed(
        self, columns: Sequence[int], types: Mapping[str, Any], block: int
    ) -> Iterator[Any]:
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

        # By position: names may be missing, and the lines up to the header have been read.
        options = (
            ReadOptions(
                use_threads=False,
                block_size=block,
                column_names=[str(j) for j in range(len(self._layout.names))],
                skip_rows=self._layout.lines_above,
            ),
            ParseOptions(
                delimiter=self._layout.separator,
                newlines_in_values=True,
                # In a single column an empty line is a cell that is missing.
                ignore_empty_lines=len(self._layout.names) > 1,
            ),
            ConvertOptions(
                column_types=types,
                include_columns=[str(j) for j in columns],
                null_values=self._nulls,
            ),
        )
        with self._text.source() as source:
            reader = open_csv(source, *options)
            try:
                yield from reader
            finally:
                self._text.end(source, reader)

    def rows(self) -> Iterator[Record]:
        """Yield the records below the header, as Python's csv module reads them."""
        every = records(self._text, self._layout.separator)
        return islice(every, self._layout.records_above, None)

    def _check_rows(self) -> None:
        """Raise for the first row whose number of cells is not that of the names, or not UTF-8."""
        check_quotes(self._text, self._layout)
        for record in self.rows():
            if len(record.cells) != len(self._layout.names):
                remedy = f"quote cells that contain {self._layout.separator!r}"
                if len(record.cells) < len(self._layout.names):
                    remedy = "complete the line, or remove it"
                elif any("\\" in cell for cell in record.cells):
                    remedy = 'write a quote within a quoted cell as "" and not as \\"'
                raise DataError(
                    f"{self._path}: expected {len(self._layout.names)} cells in "
                    f"{self._text.place(record.first_line)}, as in the header, got "
                    f"{len(record.cells)}; {remedy}"
                )

    @cached_property
    def _lines(self) -> int:
        return count_lines(self._text)

    @cached_property
    def _nulls(self) -> list[str]:
        """How missing cells may be spelled; pyarrow takes them as they are, cases and blanks."""
        found = {"NaN", "-NaN"}
        for text in self._missing:
            found |= {text, text.upper(), text.capitalize()}
        return sorted(found | {f" {text}" for text in found})
