"""Labels of many rows in little memory: the distinct ones, and a small number for each row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray

Codes = npt.NDArray[np.integer[Any]]

# Of fewer rows there is an array of the labels themselves.
MAX_PLAIN = 2**20
# Numbers with more distinct values than this are kept as they are: they are not classes.
MAX_DISTINCT = 2**16


class CodedLabels:
    """Stands in for an array of labels (m,) wherever slices of it are all that is needed.

    Parameters
    ----------
    labels : array of shape (k,)
        The distinct labels, sorted; all of them occur.
    codes : int array of shape (m,)
        The position of the label of each row.
    """

    ndim = 1

    def __init__(self, labels: HostArray, codes: Codes) -> None:
        self.labels, self.codes = labels, codes
        self.shape, self.dtype = codes.shape, labels.dtype

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    def __getitem__(self, rows: slice) -> HostArray:
        """Return the labels of some rows."""
        chosen: HostArray = self.labels[self.codes[rows]]
        return chosen

    def astype(self, dtype: npt.DTypeLike) -> CodedLabels:
        """Return the labels as another type, which keeps them apart and in their order."""
        return CodedLabels(self.labels.astype(dtype), self.codes)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> HostArray:
        """Return the labels of all rows."""
        del copy  # it always is one
        return np.asarray(self[:], dtype)


def labels_of(values: HostArray, codes: Codes) -> HostArray | CodedLabels:
    """Return the labels of rows: an array, or of many rows in their codes.

    Parameters
    ----------
    values : array of shape (k,)
        HostArray, some of which may be equal.
    codes : int array of shape (m,)
        The position in `values` of the label of each row; written to.
    """
    if len(codes) <= MAX_PLAIN:
        labels: HostArray = values[codes]
        return labels
    distinct, position = np.unique(values, return_inverse=True)
    position = position.astype(codes.dtype)
    for lo in range(0, len(codes), MAX_PLAIN):
        part = codes[lo : lo + MAX_PLAIN]
        part[:] = position[part]
    return CodedLabels(distinct, codes)


def labels_of_parts(parts: Iterable[HostArray], rows: int) -> HostArray | CodedLabels:
    """Return the labels of rows that come as arrays, one after the other."""
    positions: dict[Any, int] = {}
    codes: Codes = np.zeros(rows, np.uint8)
    lo = 0
    for part in parts:
        distinct, inverse = np.unique(part, return_inverse=True)
        place = [positions.setdefault(label, len(positions)) for label in distinct.tolist()]
        codes = codes.astype(np.min_scalar_type(len(positions)), copy=False)
        codes[lo : lo + len(part)] = np.array(place)[inverse]
        lo += len(part)
    return labels_of(np.array(list(positions), object), codes)


class LabelPieces:
    """The labels of a file, from the Arrow arrays in which they come, in a byte or two a row.

    Parameters
    ----------
    most_rows : int
        How many there will be at most, as far as it is known.

    Attributes
    ----------
    cells : list
        The distinct cells, None for a missing one.
    plain : list of Arrow arrays
        The pieces as they came, where they are numbers with too many values; otherwise empty.
    """

    def __init__(self, most_rows: int) -> None:
        self._positions: dict[Any, int] = {}
        self._codes: Codes = np.zeros(most_rows, np.uint8)  # memory is used as it is filled
        self._rows = 0
        self._type: Any = None
        self.plain: list[Any] = []

    @property
    def cells(self) -> list[Any]:
        """The distinct cells, in the order in which they were found."""
        return list(self._positions)

    @property
    def codes(self) -> Codes:
        """The position in `cells` of the cell of each row, (m,)."""
        return self._codes[: self._rows]

    def numbers(self) -> HostArray:
        """Return the cells, which are numbers, as an array of the type of the column."""
        import pyarrow as pa

        found: HostArray = pa.array(self.cells, self._type).to_numpy(zero_copy_only=False)
        return found

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Leave out other rows, and the cells that none is left of."""
        import pyarrow as pa

        if self.plain:
            self.plain = [pa.chunked_array(self.plain).filter(pa.array(rows)).combine_chunks()]
            return
        codes, cells = self.codes[rows], self.cells
        left = np.flatnonzero(np.bincount(codes, minlength=len(cells)))
        place = np.zeros(len(cells), codes.dtype)
        place[left] = np.arange(len(left))
        self._codes, self._rows = place[codes], len(codes)
        self._positions = {cells[i]: k for k, i in enumerate(left.tolist())}

    def append(self, piece: Any) -> None:
        """Add the cells of some rows: numbers or booleans, or a dictionary array of text."""
        import pyarrow as pa

        is_text = pa.types.is_dictionary(piece.type)
        if not is_text and (self.plain or pa.types.is_float16(piece.type)):  # it has no hash
            self.plain.append(piece)
            return
        self._type = piece.type
        encoded = piece if is_text else piece.dictionary_encode()
        cells, indices = encoded.dictionary.to_pylist(), encoded.indices
        if indices.null_count:
            indices = indices.fill_null(len(cells))
            cells.append(None)
        positions = [self._positions.setdefault(cell, len(self._positions)) for cell in cells]
        self._make_room(len(piece))
        rows = slice(self._rows, self._rows + len(piece))
        self._codes[rows] = np.array(positions, self._codes.dtype)[indices.to_numpy()]
        self._rows = rows.stop
        if not is_text and len(self._positions) > MAX_DISTINCT:
            every = pa.array(self.cells, self._type)
            self.plain = [every.take(pa.array(self.codes))]
            self._codes, self._positions = self._codes[:0], {}

    def _make_room(self, rows: int) -> None:
        widest = np.min_scalar_type(max(len(self._positions) - 1, 0))
        if widest.itemsize > self._codes.dtype.itemsize:
            self._codes = self._codes.astype(widest)
        short = self._rows + rows - len(self._codes)
        if short > 0:
            more = np.zeros(max(short, self._rows), self._codes.dtype)
            self._codes = np.concatenate([self._codes, more])
