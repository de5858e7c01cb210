"""Reading .npy: arrays whose rows are examples; pickled objects are never loaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.backends.host import available_memory
from gdnet.data.source import CHECKED_AT_A_TIME, first_not_finite
from gdnet.errors import DataError

Rows = np.ndarray[Any, Any]


def map_npy(path: Path) -> Rows:
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
        Says what was expected and the shape or type that was found.
    """
    if rows.ndim != 2:
        hint = "; one feature is a column: reshape it to (m, 1)" if rows.ndim == 1 else ""
        raise DataError(
            f"{path}: expected an array of shape (m, n0), one example a row, "
            f"got shape {rows.shape}{hint}"
        )
    if rows.shape[1] == 0:
        raise DataError(f"{path}: expected at least 1 feature column, got shape {rows.shape}")
    if rows.shape[0] == 0:
        raise DataError(f"{path}: expected at least 1 row, got shape {rows.shape}")
    if rows.dtype.kind not in "fiub":
        raise DataError(f"{path}: expected real numbers, got an array of type {rows.dtype}")


def usable_rows(path: Path, rows: Any, dtype: npt.DTypeLike) -> tuple[Any, bool]:
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

    Raises
    ------
    DataError
        Names the first number that is not finite.
    """
    if isinstance(rows, np.ndarray):
        in_memory = not isinstance(rows, np.memmap)
        fits = in_memory and rows.flags.c_contiguous and rows.dtype == dtype
    else:
        fits = rows.dtype.isnative and is_plain(rows.dtype)
    out = rows if fits else allocate(path, (rows.shape[0], rows.shape[1]), dtype)
    height = max(1, CHECKED_AT_A_TIME // rows.shape[1])
    for lo in range(0, rows.shape[0], height):
        part = converted(path, rows[lo : lo + height], dtype, lo)
        if not fits:
            out[lo : lo + height] = part
    return out, isinstance(out, np.ndarray)


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Return whether blocks of this type are converted as they are read."""
    return dtype.kind in "fiu" and dtype.itemsize <= 8


def converted(path: Path, rows: Rows, dtype: npt.DTypeLike, first_row: int) -> Rows:
    """Return a few rows as C-ordered `dtype`, a view where they are that already.

    Raises
    ------
    DataError
        Names the first number that is not finite in `dtype`; rows count from `first_row`.
    """
    with np.errstate(over="ignore"):
        out = np.ascontiguousarray(rows, dtype)
    place = first_not_finite(out)
    if place is not None:
        row, column = place
        raise DataError(
            f"{path}: expected finite {np.dtype(dtype)} numbers, got {rows[row, column]} in row "
            f"{first_row + row}, column {column} (both counted from 0); "
            f"{remedy_for(float(rows[row, column]))}"
        )
    return out


def remedy_for(number: float) -> str:
    """Return what to do about a number that is not finite in the type to compute in."""
    if math.isfinite(number):
        return "float64 can hold it: --dtype float64, or dtype='float64' in Python"
    return "remove or fill in such rows"


def check_labels(path: Path, labels: Rows, m: int) -> Rows:
    """Return labels (m,) or (m, k) of an array file; one column alone becomes (m,).

    Raises
    ------
    DataError
        If there are not m of them, or the array has another number of dimensions.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2):
        raise DataError(
            f"{path}: expected labels of shape ({m},) or ({m}, k), got shape {labels.shape}"
        )
    if labels.shape[0] != m:
        raise DataError(
            f"{path}: expected one label for each of the {m} rows of the data, "
            f"got {labels.shape[0]} labels"
        )
    return labels


def allocate(path: Path, shape: tuple[int, int], dtype: npt.DTypeLike) -> Rows:
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
