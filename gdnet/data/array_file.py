"""Reading .npy and .npz: their rows as a table, or as they are needed, and files of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.arrays import (
    CheckedRows,
    Rows,
    check_labels,
    check_rows,
    clean_labels,
    is_plain,
    map_npy,
    usable_rows,
)
from gdnet.data.coded_labels import MAX_PLAIN, labels_of_parts
from gdnet.data.column_files import read_label_column
from gdnet.data.columns import listed
from gdnet.data.npz_file import load_npz
from gdnet.data.opening import ARRAYS, NAMED_COLUMNS, format_of, reading
from gdnet.data.row_file import RowFile
from gdnet.data.storage import fits_in_memory, say_from_file, say_in_memory
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases
from gdnet.ranks import Ranks


@contextmanager
def array_rows(
    path: str | Path,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    features: Sequence[str] | None = None,
    dtype: npt.DTypeLike,
    continuous: bool = False,
) -> Iterator[tuple[CheckedRows, Rows | None]]:
    """Give the rows of a .npy or .npz file, read as they are needed, and their labels.

    The file must stay as it is meanwhile. Rows of a .npz file are loaded as a whole.

    Parameters
    ----------
    path, target, labels, features, dtype, continuous
        As in `gdnet.data.files.read_table`; labels are optional.

    Raises
    ------
    DataError
        As in `gdnet.data.files.read_table`; for numbers that are not finite as they are read.
    """
    path = Path(path)
    label_path = None if labels is None else Path(labels)
    with reading(path, ARRAYS):
        check_target_source(path, target, label_path)
        yield checked_array(path, label_path, features, dtype, continuous)


def read_array(
    path: Path,
    features: Sequence[str] | None,
    dtype: npt.DTypeLike,
    *,
    use_y: bool,
    phases: Phases,
    ranks: Ranks | None = None,
) -> Table:
    """Return the rows of an array file as a table, with y of a .npz file if `use_y`.

    Ranks share out the rows that are to be checked.

    Raises
    ------
    DataError
        As in `gdnet.data.files.read_table`.
    """
    rows, y = _array_file(path)
    _check_width(path, rows, features)
    if isinstance(rows, RowFile):
        say_from_file(path, path.stat().st_size)
    elif isinstance(rows, np.memmap):
        say_in_memory(path, rows.size * np.dtype(dtype).itemsize)
    with phases("reading", len(rows)) as done:
        X, owned = usable_rows(path, rows, dtype, done, ranks)
    return Table(
        X=X,
        target=y if use_y else None,
        feature_names=None if features is None else tuple(features),
        target_name=None,
        name=path.name,
        owned=owned,
    )


def checked_array(
    path: Path,
    labels: Path | None,
    features: Sequence[str] | None,
    dtype: npt.DTypeLike,
    continuous: bool = False,
) -> tuple[CheckedRows, Rows | None]:
    """Return the rows of an array file, checked as they are read, and their labels if it has any.

    Raises
    ------
    DataError
        As in `gdnet.data.files.read_table`.
    """
    X, y = _array_file(path)
    _check_width(path, X, features)
    found = y if labels is None else read_labels(labels, *X.shape, continuous=continuous)
    return CheckedRows(path, X, dtype), found


def _array_file(path: Path) -> tuple[Any, Rows | None]:
    X: Any
    y: Rows | None
    if path.suffix.lower() == ".npy":
        X, y = _rows_of(path), None
    else:
        arrays = load_npz(path)
        X, y = arrays["X"], arrays.get("y")
    check_rows(path, X)
    return X, None if y is None else clean_labels(path, check_labels(path, y, *X.shape))


def _rows_of(path: Path) -> Any:
    """Return a file of rows as it is, or as a map where its layout asks for a copy.

    A map is no faster, and a file that is truncated or changed while it is mapped kills the process
    or goes unnoticed.
    """
    if not fits_in_memory(path.stat().st_size):
        return RowFile(path)
    rows = map_npy(path)
    as_it_is = rows.ndim == 2 and rows.size and rows.flags.c_contiguous and rows.dtype.isnative
    return RowFile(path) if as_it_is and is_plain(rows.dtype) else rows


def read_labels(path: Path, m: int, n0: int, *, continuous: bool = False) -> Any:
    """Return the labels (m,) or (m, k) of a file for m rows of n0 features.

    They are numbers to be predicted if `continuous`.

    Raises
    ------
    DataError
        If there are not m of them, or one is empty.
    """
    found = map_labels(path, continuous=continuous)
    by_name = format_of(path) in NAMED_COLUMNS
    if by_name and len(found) == m - 1:
        raise DataError(
            f"{path}: expected a first line that names the column, and {m} labels, one for each "
            f"row of the data, got {m - 1}; if the first line is a label, put a name above it"
        )
    labels = check_labels(path, found, m, n0)
    if by_name:
        return labels  # which are checked
    if labels.ndim == 1 and labels.dtype.kind in "SU" and m > MAX_PLAIN:
        starts = range(0, m, MAX_PLAIN)
        parts = (clean_labels(path, labels[lo : lo + MAX_PLAIN], lo) for lo in starts)
        return labels_of_parts(parts, m)
    return clean_labels(path, labels)


def map_labels(path: Path, *, continuous: bool = False) -> Any:
    """Return an array file of labels as a read-only memory map, and those of a table's column.

    Raises
    ------
    DataError
        If it is no complete .npy, CSV or Parquet file.
    """
    with reading(path, (".npy", *NAMED_COLUMNS)):
        if format_of(path) in NAMED_COLUMNS:
            return read_label_column(path, continuous=continuous)
        return map_npy(path)


def _check_width(path: Path, rows: Rows, features: Sequence[str] | None) -> None:
    if features is not None and rows.shape[1] != len(features):
        raise DataError(
            f"{path}: expected {len(features)} feature columns ({listed(features)}), "
            f"got {rows.shape[1]}"
        )


def check_target_source(path: Path, target: str | None, labels: Path | None) -> None:
    """Raise DataError if the labels are to come from two places, or from a column of an array."""
    if target is not None and labels is not None:
        raise DataError(
            f"{path}: expected a target column or a file of labels, got both: "
            f"target={target!r} and labels={str(labels)!r}"
        )
    if target is not None and path.suffix.lower() in (".npy", ".npz"):
        raise DataError(
            f"{path}: expected labels=FILE.npy, got target={target!r}; "
            "the columns of an array have no names"
        )
