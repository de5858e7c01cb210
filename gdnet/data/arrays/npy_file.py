"""Reading .npy: arrays whose rows are examples; pickled objects are never loaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.backends.host import available_memory
from gdnet.data.rows import CHECKED_AT_A_TIME, first_not_finite
from gdnet.errors import DataError
from gdnet.phases import Done, unseen
from gdnet.ranks.communicator import Ranks

# After so many parts ranks hear of each other.
PARTS_AT_A_TIME = 16

# A message names so many columns with numbers that are not finite.
MAX_BAD_COLUMNS = 20


def map_npy(path: Path) -> HostArray:
    """Return the array of a .npy file as a read-only memory map.

    Raises
    ------
    DataError
        If the file is not a complete .npy file or holds objects.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:
        # A damaged header is parsed as Python and may raise nearly anything.
        if "Python objects" in str(error):
            raise no_objects(path) from None
        raise DataError(
            f"{path}: expected a complete .npy file with an array of numbers, got one that cannot "
            f"be read ({error}); save the array again with numpy.save"
        ) from None


def no_objects(path: Path) -> DataError:
    """Return the error for an array that only pickle could read."""
    return DataError(
        f"{path}: expected numbers or text, got an array of Python objects, which is never loaded; "
        "save it as one type: array.astype(str), or astype(float)"
    )


def check_rows(path: Path, rows: Any) -> None:
    """Raise unless `rows` is an (m, n0) array of real numbers with at least one of each.

    Raises
    ------
    DataError
        Says what was expected, the shape or type that was found, and how to get there.
    """
    if rows.dtype.names is not None:
        raise DataError(
            f"{path}: expected an array of shape (m, n0) of one type, got records with the fields "
            f"{', '.join(rows.dtype.names[:10])}; save numpy.lib.recfunctions."
            "structured_to_unstructured(array)"
        )
    if rows.ndim != 2:
        hint = ""
        if rows.ndim == 1:
            hint = "; one feature is a column: reshape it to (m, 1)"
        elif rows.ndim > 2:
            hint = "; save array.reshape(len(array), -1), in which each example is a row"
        raise DataError(
            f"{path}: expected an array of shape (m, n0), one example a row, "
            f"got shape {rows.shape}{hint}"
        )
    if rows.shape[1] == 0:
        raise DataError(f"{path}: expected at least 1 feature column, got shape {rows.shape}")
    if rows.shape[0] == 0:
        raise DataError(f"{path}: expected at least 1 row, got shape {rows.shape}")
    if rows.dtype.kind not in "fiub":
        hint = ""
        if rows.dtype.str == "|V2":
            hint = ", as which NumPy saves bfloat16; save array.astype('float32')"
        raise DataError(f"{path}: expected real numbers, got an array of type {rows.dtype}{hint}")


def usable_rows(
    path: Path,
    rows: Any,
    dtype: npt.DTypeLike,
    done: Done = unseen,
    ranks: Ranks | None = None,
) -> tuple[Any, bool]:
    """Return checked rows in C order, and whether they are private memory.

    A `RowFile` of native numbers stays one, whatever its type: blocks are converted as they are
    read. Any other layout is copied once, here, rather than in every iteration.

    Parameters
    ----------
    path : Path
        The file, for messages.
    rows : array of shape (m, n0)
        As `check_rows` wants it.
    dtype : float32 or float64
        Type to compute in; every number must be finite in it.
    done : callable, optional
        Called with a number of rows as they are read.
    ranks : Ranks, optional
        Each of which checks its own of the rows that are not copied; all raise the same.

    Raises
    ------
    DataError
        Names the columns with numbers that are not finite.
    """
    if isinstance(rows, np.ndarray):
        in_memory = not isinstance(rows, np.memmap)
        fits = in_memory and rows.flags.c_contiguous and rows.dtype == dtype
    else:
        fits = rows.dtype.isnative and is_plain(rows.dtype)
    out = rows if fits else allocate(path, (rows.shape[0], rows.shape[1]), dtype)
    height = max(1, CHECKED_AT_A_TIME // rows.shape[1])

    def check(parts: range) -> None:
        for k in parts:
            some = slice(k * height, (k + 1) * height)
            part = converted(path, rows, some, dtype)
            if not fits:
                out[some] = part
            done(len(part))

    count = -(-rows.shape[0] // height)
    if ranks is not None and fits:
        ranks.share(check, count, PARTS_AT_A_TIME, "the check of the rows")
    else:
        check(range(count))
    return out, isinstance(out, np.ndarray)


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Return whether blocks of this type are converted as they are read."""
    return dtype.kind in "fiu" and dtype.itemsize <= 8


def converted(path: Path, rows: Any, some: slice, dtype: npt.DTypeLike) -> HostArray:
    """Return some of the rows as C-ordered `dtype`, a view where they are that already.

    Raises
    ------
    DataError
        Names all columns with numbers that are not finite in `dtype`, if these rows have one.
    """
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(rows[some], dtype)
    if first_not_finite(out) is not None:
        raise _not_finite(path, rows, np.dtype(dtype))
    return out


class CheckedRows:
    """Stands in for an array of rows (m, n0) of a file, in the dtype to compute in.

    Each slice is checked as it is read.

    Parameters
    ----------
    path : Path
        The file, for messages.
    rows : array or RowFile of shape (m, n0)
        As `check_rows` wants it.
    dtype : float32 or float64
        Type to compute in; every number must be finite in it.
    """

    ndim = 2

    def __init__(self, path: Path, rows: Any, dtype: npt.DTypeLike) -> None:
        self._path, self._rows = path, rows
        self.shape, self.dtype = rows.shape, np.dtype(dtype)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shape[0])

    def __getitem__(self, some: slice) -> HostArray:
        """Return some of the rows in the dtype; raise DataError as `converted`."""
        return converted(self._path, self._rows, some, self.dtype)


def _not_finite(path: Path, rows: Any, dtype: np.dtype[Any]) -> DataError:
    """Return the error that names the columns of rows with numbers that are not finite."""
    counts = np.zeros(rows.shape[1], np.int64)
    found: dict[int, tuple[int, float]] = {}
    height = max(1, CHECKED_AT_A_TIME // rows.shape[1])
    for lo in range(0, rows.shape[0], height):
        part = rows[lo : lo + height]
        with np.errstate(over="ignore"):
            wrong = ~np.isfinite(part.astype(dtype))
        counts += wrong.sum(axis=0)
        for column in np.flatnonzero(wrong.any(axis=0)).tolist():
            row = int(wrong[:, column].argmax())
            found.setdefault(column, (lo + row, float(part[row, column])))
    shown = [
        f"{number} in row {row}, column {column}"
        + (f" (the first of {counts[column]:,})" if counts[column] > 1 else "")
        for column, (row, number) in [*sorted(found.items())][:MAX_BAD_COLUMNS]
    ]
    more = len(found) - MAX_BAD_COLUMNS
    remedies = sorted({remedy_for(number) for _, number in found.values()})
    return DataError(
        f"{path}: expected finite {dtype} numbers, got {', '.join(shown)}"
        + (f" and such numbers in {more} more columns" if more > 0 else "")
        + f" (rows and columns counted from 0); {'; '.join(remedies)}"
    )


def remedy_for(number: float) -> str:
    """Return what to do about a number that is not finite in the type to compute in."""
    if math.isfinite(number):
        return "float64 can hold it: dtype='float64'"
    return "remove or fill in such rows"


def allocate(path: Path, shape: tuple[int, int], dtype: npt.DTypeLike) -> HostArray:
    """Return an uninitialised array.

    Raises
    ------
    DataError
        If it does not fit into memory.
    """
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):
        size = shape[0] * shape[1] * np.dtype(dtype).itemsize / 2**30
        free = available_memory()
        got = "less" if free is None else f"{free / 2**30:.1f} GiB that are free"
        raise DataError(
            f"{path}: expected {size:.1f} GiB of memory for {shape[0]} rows and {shape[1]} "
            f"features, got {got}; a .npy file in C order is read from disk as it is needed"
        ) from None
