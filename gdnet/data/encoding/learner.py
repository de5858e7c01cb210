"""Learning from rows how the columns of a table are to be encoded, in one pass over them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import shown
from gdnet.data.columns.named import NotNumbers
from gdnet.data.encoding.cells import cells_of, missing_spellings, numbers_of
from gdnet.data.encoding.encoding import Column, Encoding, Options
from gdnet.errors import DataError
from gdnet.exact_sum import ExactSum

# So many different values of a column of text are counted, of so many characters in all. A column
# that has more is left out, so that memory does not grow with the rows.
MAX_VALUES = 2**16
MAX_CHARACTERS = 2**22
# So many rows are added to each other, and sums of them exactly: the mean does not depend on how
# many rows come at a time.
ROWS_A_SUM = 4096
NOTHING_TO_LEARN = "no value in any row that is trained on"


class Learner:
    """Counts the values of text, and adds up numbers, batch by batch.

    Memory is that of the different values of each column, however many rows there are.

    Parameters
    ----------
    names : sequence of str
        The columns, in the order in which their cells come.
    texts : collection of str
        Those that are text.
    options : Options
        How they are to be encoded.

    Attributes
    ----------
    rows : int
        How many have been learnt from.
    """

    def __init__(self, names: Sequence[str], texts: Collection[str], options: Options) -> None:
        self._names, self._options, self.rows = names, options, 0
        self._spellings = missing_spellings(options.na_values)
        # None where there are too many values.
        self._values: dict[int, Counter[str] | None] = {
            k: Counter() for k, name in enumerate(names) if name in texts
        }
        self._characters = dict.fromkeys(self._values, 0)
        self._gaps = dict.fromkeys(range(len(names)), 0)
        self._numbers = [k for k in range(len(names)) if k not in self._values]
        self._place = {k: i for i, k in enumerate(self._numbers)}
        count = len(self._numbers)
        # NumPy adds a single column in pairs, and two or more row by row.
        self._waiting = np.zeros((ROWS_A_SUM, max(2, count)))
        self._filled = 0
        self._sums = [ExactSum() for _ in range(count)]
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)

    def add(self, batch: Any, chosen: npt.NDArray[np.bool_] | None = None) -> None:
        """Learn from rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            The columns, in their order; more may follow them.
        chosen : bool array of shape (b,), optional
            Which of the rows; by default all.

        Raises
        ------
        NotNumbers
            For infinite numbers.
        """
        self.rows += batch.num_rows if chosen is None else int(np.count_nonzero(chosen))
        for k in self._values:
            self._add_text(k, batch.column(k), chosen)
        if not self._numbers:
            return
        values = numbers_of(batch, self._numbers, self._options.na_values)
        values = values if chosen is None else values[chosen]
        gaps = np.isnan(values)
        for k, total in zip(self._numbers, np.count_nonzero(gaps, axis=0).tolist(), strict=True):
            self._gaps[k] += total
        self._low = np.minimum(self._low, np.fmin.reduce(values, axis=0, initial=np.inf))
        self._high = np.maximum(self._high, np.fmax.reduce(values, axis=0, initial=-np.inf))
        if np.isinf(values).any():
            raise NotNumbers("infinite numbers")
        values = np.where(gaps, 0.0, values)
        while len(values):
            part = values[: ROWS_A_SUM - self._filled]
            self._waiting[self._filled : self._filled + len(part), : part.shape[1]] = part
            self._filled += len(part)
            values = values[len(part) :]
            if self._filled == ROWS_A_SUM:
                self._add_up()

    def _add_up(self) -> None:
        with np.errstate(over="ignore"):
            totals = np.add.reduce(self._waiting[: self._filled], axis=0)
        for each, total in zip(self._sums, totals.tolist(), strict=False):
            each.add(total)
        self._filled = 0

    def _add_text(self, k: int, column: Any, chosen: npt.NDArray[np.bool_] | None) -> None:
        values = self._values[k]
        if values is None:
            return
        codes_are_numbers = self._names[k] in self._options.categorical
        cells, codes = cells_of(column, self._spellings, codes=codes_are_numbers)
        counts = np.bincount(codes if chosen is None else codes[chosen], minlength=len(cells))
        for cell, count in zip(cells, counts.tolist(), strict=True):
            if cell is None:
                self._gaps[k] += count
            elif count:
                if cell not in values:
                    self._characters[k] += len(cell)
                values[cell] += count
        if len(values) > MAX_VALUES or self._characters[k] > MAX_CHARACTERS:
            self._values[k] = None

    def learnt(self) -> tuple[Encoding | None, dict[str, str]]:
        """Return how to encode, and which columns are left out and why; None if all are.

        Raises
        ------
        DataError
            For numbers that are so large that they have no mean.
        """
        if self._filled:
            self._add_up()
        columns: list[Column] = []
        left_out: dict[str, str] = {}
        for k, name in enumerate(self._names):
            column = self._of_text(k) if k in self._values else self._of_numbers(k)
            if isinstance(column, str):
                left_out[name] = column
            else:
                columns.append(column)
        options = self._options
        if options.missing == "drop":  # what is left out in training is to be predicted
            options = options._replace(missing="impute")
        return (Encoding(columns, options) if columns else None), left_out

    def _of_numbers(self, k: int) -> Column | str:
        i = self._place[k]
        present = self.rows - self._gaps[k]
        if not present:
            return NOTHING_TO_LEARN
        mean = self._sums[i].total() / present
        if not math.isfinite(mean):
            raise DataError(
                f"column {self._names[k]!r}: expected numbers of which there is a mean, got some "
                "that are too large; rescale them"
            )
        # Of equal numbers the mean is that number, whatever was rounded.
        mean = min(max(mean, float(self._low[i])), float(self._high[i]))
        return Column(self._names[k], mean, missing=self._gaps[k] > 0)

    def _of_text(self, k: int) -> Column | str:
        counts = self._values[k]
        if counts is None:
            return f"text of more than {MAX_VALUES:,} different values, or very long ones"
        if not counts:
            return NOTHING_TO_LEARN
        most, present = self._options.max_categories, counts.total()
        if len(counts) > most and 2 * len(counts) > present:
            return (
                f"text of {len(counts):,} different values in {present:,} rows, such as "
                f"{shown(min(counts))}"
            )
        levels = sorted(counts, key=lambda value: (-counts[value], value))
        return Column(
            self._names[k],
            None,
            tuple(levels[:most]),
            other=len(levels) > most,
            missing=self._gaps[k] > 0,
        )
