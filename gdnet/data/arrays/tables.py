"""Reading .npy and .npz: their rows as a table, or as they are needed, and files of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.npy_file import (
    CheckedRows,
    check_rows,
    is_plain,
    map_npy,
    usable_rows,
)
from gdnet.data.arrays.npz_file import load_npz
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.columns.named import listed
from gdnet.data.formats import ARRAYS, NPY
from gdnet.data.labels.arrays import check_labels, clean_labels
from gdnet.data.labels.files import read_labels
from gdnet.data.opening import reading
from gdnet.data.storage import fits_in_memory, say_from_file, say_in_memory
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases
from gdnet.ranks.communicator import Ranks


@contextmanager
def array_rows(
    path: str | Path,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    features: Sequence[str] | None = None,
    dtype: npt.DTypeLike,
    continuous: bool = False,
) -> Iterator[tuple[CheckedRows, HostArray | None]]:
    """Give the rows of a .npy or .npz file, read as they are needed, and their labels.

    The file must stay as it is meanwhile. Rows of a .npz file are loaded as a whole.

    Parameters
    ----------
    path : str or Path
        A .npy or .npz file.
    target : str, optional
        As of `gdnet.data.files.read_table`: an error, since its columns have no names.
    labels : str or Path, optional
        A file with the labels.
    features : sequence of str, optional
        Names whose number the file must have as columns.
    dtype : float32 or float64
        Type to compute in.
    continuous : bool, default False
        Whether the labels are numbers to be predicted.

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
) -> tuple[CheckedRows, HostArray | None]:
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


def _array_file(path: Path) -> tuple[Any, HostArray | None]:
    X: Any
    y: HostArray | None
    if path.suffix.lower() == NPY:
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


def _check_width(path: Path, rows: HostArray, features: Sequence[str] | None) -> None:
    if features is not None and rows.shape[1] != len(features):
        raise DataError(
            f"{path}: expected {len(features)} feature columns ({listed(features)}), "
            f"got {rows.shape[1]}"
        )


def check_target_source(path: Path, target: str | None, labels: Path | None) -> None:
    """Check that the labels come from one place, and not from a column of an array.

    Parameters
    ----------
    path : Path
        The data.
    target : str or None
        A column of them.
    labels : Path or None
        A file with the labels.

    Raises
    ------
    DataError
        If both are given, or a column of an array is.
    """
    if target is not None and labels is not None:
        raise DataError(
            f"{path}: expected a target column or a file of labels, got both: "
            f"target={target!r} and labels={str(labels)!r}"
        )
    if target is not None and path.suffix.lower() in ARRAYS:
        raise DataError(
            f"{path}: expected labels=FILE.npy, got target={target!r}; "
            "the columns of an array have no names"
        )
