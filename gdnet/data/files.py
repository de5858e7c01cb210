"""Reading a file of rows: as one table, or as a stream of bounded blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
from gdnet.data.coded_labels import MAX_PLAIN, LabelPieces, labels_of_parts
from gdnet.data.columns import ColumnFile, blocks, ignoring, listed, select
from gdnet.data.csv_file import CsvFile
from gdnet.data.identifiers import identifier_notes
from gdnet.data.npz_file import load_npz
from gdnet.data.opening import ARRAYS, CSV, NAMED_COLUMNS, changed, reading
from gdnet.data.parquet_file import ParquetFile
from gdnet.data.row_file import RowFile
from gdnet.data.spool import spooled
from gdnet.data.storage import fits_in_memory, folder_for, say_from_file, say_in_memory
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases, unseen_phases


def read_table(
    path: str | Path,
    *,
    target: str | None,
    labels: str | Path | None,
    features: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    dtype: npt.DTypeLike,
    need_target: bool = True,
    typed: bool = True,
    header: str = "auto",
    phases: Phases = unseen_phases,
) -> Table:
    """Read a file of rows.

    The features of a CSV or Parquet file are written batch by batch into one array of `dtype`;
    a .npy file is read block by block when it is needed, unless its layout asks for a copy.

    Parameters
    ----------
    path : str or Path
        A CSV (.csv, .tsv, .tab, .txt) or .parquet file with named columns, a .npz file with arrays
        X (m, n0) and y, or a .npy file with an array (m, n0).
    target : str or None
        The column with the labels; for CSV and Parquet only.
    labels : str, Path or None
        A .npy file with labels (m,), or (m, k) of 0 and 1, in the order of the rows.
    features : sequence of str, optional
        The columns to read, in this order; by default all numeric and boolean ones but the target.
        The columns of an array file have no names: only their number is checked.
    ignore : sequence of str, optional
        Columns that are no features, for CSV and Parquet without `features` only.
    dtype : float32 or float64
        Type to compute in; every number must be finite in it.
    need_target : bool, default True
        Whether a file without `target` and `labels` (and y, in a .npz file) is an error.
    typed : bool, default True
        Whether labels that are text in the file, but stand for integers or booleans, become such.
        Not for a file whose labels are to be found among the classes of another.
    header : {"auto", "yes", "no"}
        Whether the first line of a CSV file names the columns, see
        `gdnet.data.csv_layout.layout_of`.
    phases : callable, optional
        Shows how far the reading is.

    Raises
    ------
    DataError
        If the file, a column or a number is not as above; the message has what was expected, what
        was found and where.
    """
    path = Path(path)
    label_path = None if labels is None else Path(labels)
    with reading(path):
        _check_target_source(path, target, label_path)
        if path.suffix.lower() in NAMED_COLUMNS:
            file = _column_file(path, header)
            if need_target and target is None and label_path is None:
                raise DataError(
                    f"{path}: expected target=COLUMN or labels=FILE.npy, got neither; "
                    f"the columns are {listed(file.names)}"
                )
            table = _read_columns(file, target, features, ignore, dtype, typed=typed, phases=phases)
        else:
            if ignore:
                raise DataError(
                    f"{path}: expected a CSV or Parquet file with {ignoring(ignore)}, got an "
                    "array, whose columns have no names; save it without those columns"
                )
            table = _read_array(path, features, dtype, use_y=label_path is None, phases=phases)
        if label_path is not None:
            table = replace(table, target=_read_labels(label_path, *table.X.shape))
    if need_target and table.target is None:
        what = "an array y in the file or " if path.suffix.lower() == ".npz" else ""
        raise DataError(f"{path}: expected {what}labels=FILE.npy with one label a row, got none")
    return table


def iterate_table(
    path: str | Path,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    features: Sequence[str] | None = None,
    dtype: npt.DTypeLike,
    rows: int,
    header: str = "auto",
) -> Iterator[tuple[Rows, Rows | None]]:
    """Read a file of rows as a stream of blocks, in memory that does not grow with the file.

    Every format gives the same blocks. The target of a CSV file comes as text, since its type is
    known at the end of the file only; `gdnet.data.targets.encode_target` takes it with the classes
    of a model. A .npz file cannot be streamed and is loaded as a whole.

    Parameters
    ----------
    path, target, labels, features, dtype, header
        As in `read_table`; a target is optional.
    rows : int
        The number of rows of every block but the last.

    Yields
    ------
    X : array of shape (rows, n0)
        Features in `dtype`, C-ordered.
    target : array of shape (rows,) or (rows, k), or None
        The labels of these rows.

    Raises
    ------
    DataError
        As in `read_table`, as far as the stream has come.
    """
    path = Path(path)
    label_path = None if labels is None else Path(labels)
    with reading(path):
        _check_target_source(path, target, label_path)
        if path.suffix.lower() in NAMED_COLUMNS:
            yield from _iterate_columns(
                _column_file(path, header), target, label_path, features, dtype, rows
            )
            return
        X, found = _checked_array(path, label_path, features, dtype)
        for lo in range(0, len(X), rows):
            yield X[lo : lo + rows], None if found is None else found[lo : lo + rows]


@contextmanager
def array_rows(
    path: str | Path,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    features: Sequence[str] | None = None,
    dtype: npt.DTypeLike,
) -> Iterator[tuple[CheckedRows, Rows | None]]:
    """Give the rows of a .npy or .npz file, read as they are needed, and their labels.

    The file must stay as it is meanwhile. Rows of a .npz file are loaded as a whole.

    Parameters
    ----------
    path, target, labels, features, dtype
        As in `read_table`; labels are optional.

    Raises
    ------
    DataError
        As in `read_table`; for numbers that are not finite when their rows are read.
    """
    path = Path(path)
    label_path = None if labels is None else Path(labels)
    with reading(path, ARRAYS):
        _check_target_source(path, target, label_path)
        yield _checked_array(path, label_path, features, dtype)


def _read_columns(
    file: ColumnFile,
    target: str | None,
    features: Sequence[str] | None,
    ignore: Sequence[str],
    dtype: npt.DTypeLike,
    *,
    typed: bool,
    phases: Phases,
) -> Table:
    selection = select(file, target, features, ignore)
    X: Any
    rows = file.most_rows
    size = rows * len(selection.features) * np.dtype(dtype).itemsize
    if fits_in_memory(size):
        say_in_memory(file.path, size)
        with phases("reading", rows) as done:
            stream = blocks(file, selection, dtype, rows, done=done)
            X, pieces = next(stream, (None, LabelPieces(0)))
            if X is None or next(stream, None) is not None:
                raise changed(file.path)
    else:
        folder = folder_for(file.path, size, exact=isinstance(file, ParquetFile))
        with phases("reading", rows) as done:
            X, pieces = spooled(file, selection, dtype, folder, done)
    found = None if target is None else file.labels(target, pieces, 0, typed=typed)
    return Table(
        X=X,
        target=None if found is None else found.values,
        feature_names=selection.features,
        target_name=target,
        name=file.path.name,
        owned=isinstance(X, np.ndarray),
        ignored=selection.ignored,
        spellings=None if found is None else found.spellings,
        notes=file.notes + identifier_notes(X, selection),
    )


def _iterate_columns(
    file: ColumnFile,
    target: str | None,
    labels: Path | None,
    features: Sequence[str] | None,
    dtype: npt.DTypeLike,
    rows: int,
) -> Iterator[tuple[Rows, Rows | None]]:
    selection = select(file, target, features)
    given = None if labels is None else _map_labels(labels)
    lo = 0
    for X, pieces in blocks(file, selection, dtype, rows):
        found = None
        if target is not None:
            found = np.asarray(file.labels(target, pieces, lo, typed=False).values)
        elif given is not None and labels is not None:
            found = clean_labels(labels, given[lo : lo + len(X)], lo)
            # Too few are an error here, too many after the last block: m is not known earlier.
            if len(found) < len(X):
                check_labels(labels, given, lo + len(X))
        yield X, found
        lo += len(X)
    if given is not None and labels is not None:
        check_labels(labels, given, lo)


def _read_array(
    path: Path,
    features: Sequence[str] | None,
    dtype: npt.DTypeLike,
    *,
    use_y: bool,
    phases: Phases,
) -> Table:
    rows, y = _array_file(path)
    _check_width(path, rows, features)
    if isinstance(rows, RowFile):
        say_from_file(path, path.stat().st_size)
    elif isinstance(rows, np.memmap):
        say_in_memory(path, rows.size * np.dtype(dtype).itemsize)
    with phases("reading", len(rows)) as done:
        X, owned = usable_rows(path, rows, dtype, done)
    return Table(
        X=X,
        target=y if use_y else None,
        feature_names=None if features is None else tuple(features),
        target_name=None,
        name=path.name,
        owned=owned,
    )


def _checked_array(
    path: Path, labels: Path | None, features: Sequence[str] | None, dtype: npt.DTypeLike
) -> tuple[CheckedRows, Rows | None]:
    X, y = _array_file(path)
    _check_width(path, X, features)
    found = y if labels is None else _read_labels(labels, *X.shape)
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


@contextmanager
def column_file(path: str | Path, header: str = "auto") -> Iterator[ColumnFile]:
    """Give a CSV or Parquet file to read columns from; it must stay as it is meanwhile.

    `header` is as in `read_table`.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be read, or it changed.
    """
    with reading(Path(path), NAMED_COLUMNS):
        yield _column_file(Path(path), header)


def _column_file(path: Path, header: str) -> ColumnFile:
    return CsvFile(path, header) if path.suffix.lower() in CSV else ParquetFile(path)


def _read_labels(path: Path, m: int, n0: int) -> Any:
    labels = check_labels(path, _map_labels(path), m, n0)
    if labels.ndim == 1 and labels.dtype.kind in "SU" and m > MAX_PLAIN:
        starts = range(0, m, MAX_PLAIN)
        parts = (clean_labels(path, labels[lo : lo + MAX_PLAIN], lo) for lo in starts)
        return labels_of_parts(parts, m)
    return clean_labels(path, labels)


def _map_labels(path: Path) -> Rows:
    with reading(path, (".npy",)):
        return map_npy(path)


def _check_width(path: Path, rows: Rows, features: Sequence[str] | None) -> None:
    if features is not None and rows.shape[1] != len(features):
        raise DataError(
            f"{path}: expected {len(features)} feature columns ({listed(features)}), "
            f"got {rows.shape[1]}"
        )


def _check_target_source(path: Path, target: str | None, labels: Path | None) -> None:
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
