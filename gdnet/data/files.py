"""Reading a file of rows: as one table, or as a stream of bounded blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.tables import (
    check_target_source,
    checked_array,
    read_array,
)
from gdnet.data.columns.files import open_columns
from gdnet.data.columns.named import ignoring, listed
from gdnet.data.columns.selection import select
from gdnet.data.columns.tables import iterate_columns, read_columns
from gdnet.data.encoding.encoding import Encoding, Seen
from gdnet.data.encoding.file import Plan, say_surprises
from gdnet.data.formats import NPZ, TABLE_NAMES
from gdnet.data.labels.files import read_labels
from gdnet.data.parts import Data, parts_of, reading_parts
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases, unseen_phases
from gdnet.ranks.communicator import Ranks


def read_table(
    data: Data,
    *,
    target: str | None,
    labels: str | Path | None,
    features: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    dtype: npt.DTypeLike,
    need_target: bool = True,
    typed: bool = True,
    continuous: bool = False,
    header: str = "auto",
    plan: Plan | None = None,
    phases: Phases = unseen_phases,
    ranks: Ranks | None = None,
) -> Table:
    """Read a file of rows, or several.

    The features of a CSV or Parquet file are written batch by batch into one array of `dtype`;
    a .npy file is read block by block when it is needed, unless its layout asks for a copy.

    Parameters
    ----------
    data : str, Path, or sequence of them
        A file with named columns, of CSV (maybe compressed), Parquet or another of
        `gdnet.data.formats.TABLES`, or several, see `gdnet.data.parts.parts_of`; a .npz file with
        arrays X (m, n0) and y, or a .npy file with an array (m, n0).
    target : str or None
        The column with the labels, or several, see
        `gdnet.data.labels.target_columns.target_columns`; for CSV and Parquet only.
    labels : str, Path or None
        A .npy file with labels (m,), or (m, k) of 0 and 1, or a CSV or Parquet file of one column,
        in the order of the rows.
    features : sequence of str, optional
        The columns to read, in this order; by default all numeric and boolean ones but the target.
        The columns of an array file have no names: only their number is checked.
    ignore : sequence of str, optional
        Columns that are not features, for CSV and Parquet without `features` only.
    dtype : float32 or float64
        Type to compute in; every number must be finite in it.
    need_target : bool, default True
        Whether a file without `target` and `labels` (and y, in a .npz file) is an error.
    typed : bool, default True
        Whether labels that are text in the file, but stand for integers or booleans, become such.
        Not for a file whose labels are to be found among the classes of another.
    continuous : bool, default False
        Whether a target column has numbers to be predicted, and no labels.
    header : {"auto", "yes", "no"}
        Whether the first line of a CSV file names the columns, see
        `gdnet.data.csv.layout.layout_of`.
    plan : Plan, optional
        How text and missing values of a CSV or Parquet file are encoded. By default columns of text
        are left out, and missing values are an error.
    phases : callable, optional
        Shows how far the reading is.
    ranks : Ranks, optional
        The processes of MPI that share the rows of a Parquet file, and those to be checked of a
        .npy file; all of them call this.

    Raises
    ------
    DataError
        If the file, a column or a number is not as above; the message has what was expected, what
        was found and where.
    """
    parts, label_path = parts_of(data), None if labels is None else Path(labels)
    path = parts.path
    with reading_parts(parts):
        check_target_source(path, target, label_path)
        if parts.by_name:
            file = open_columns(parts, header, () if plan is None else plan.options.na_values)
            if need_target and target is None and label_path is None:
                raise DataError(
                    f"{path}: expected target=COLUMN or labels=FILE.npy, got neither; "
                    f"the columns are {listed(file.names)}"
                )
            how: dict[str, Any] = {}
            if plan is not None:
                how = plan.select()
                if plan.encoding is not None:
                    features = plan.encoding.column_names
            selection = select(file, target, features, ignore, continuous=continuous, **how)
            table = read_columns(file, selection, dtype, plan, label_path, typed, phases, ranks)
            table = replace(table, name=parts.name)
        else:
            if ignore:
                raise DataError(
                    f"{path}: expected a {TABLE_NAMES} file with {ignoring(ignore)}, got an "
                    "array, whose columns have no names; save it without those columns"
                )
            use_y = label_path is None
            table = read_array(path, features, dtype, use_y=use_y, phases=phases, ranks=ranks)
        if label_path is not None and table.target is None:
            table = replace(
                table, target=read_labels(label_path, *table.X.shape, continuous=continuous)
            )
    if need_target and table.target is None:
        what = "an array y in the file or " if path.suffix.lower() == NPZ else ""
        raise DataError(f"{path}: expected {what}labels=FILE.npy with one label a row, got none")
    return table


def iterate_table(
    data: Data,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    features: Sequence[str] | None = None,
    dtype: npt.DTypeLike,
    rows: int,
    continuous: bool = False,
    header: str = "auto",
    encoding: Encoding | None = None,
    own: Callable[[int], range] | None = None,
    seen: Seen | None = None,
) -> Iterator[tuple[HostArray, HostArray | None]]:
    """Read files of rows as a stream of blocks, in memory that does not grow with them.

    Every format gives the same blocks. The target of a CSV file comes as text, since its type is
    known at the end of the file only; `gdnet.data.labels.targets.encode_target` takes it with the
    classes of a model. A .npz file cannot be streamed and is loaded as a whole.

    Parameters
    ----------
    data : str, Path, or sequence of them
        The files, as of `read_table`.
    target : str, optional
        The column with the labels, or several.
    labels : str or Path, optional
        A file with the labels.
    features : sequence of str, optional
        The columns to read, in this order.
    dtype : float32 or float64
        Type to compute in; every number must be finite in it.
    rows : int
        The number of rows of every block but the last.
    continuous : bool, default False
        Whether a target column has numbers to be predicted, and no labels.
    header : {"auto", "yes", "no"}
        Whether the first line of a CSV file names the columns.
    encoding : Encoding, optional
        How features are made of the columns of a CSV or Parquet file, in place of `features`.
    own : callable ``(count) -> range``, optional
        Which of so many blocks are yielded, for files that say how many rows they have; by default
        all.
    seen : Seen, optional
        Where what the encoding had not learnt is counted; by default it is said after the last
        block.

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
    parts, label_path = parts_of(data), None if labels is None else Path(labels)
    path = parts.path
    with reading_parts(parts):
        check_target_source(path, target, label_path)
        if parts.by_name:
            options = None if encoding is None else encoding.options
            file = open_columns(parts, header, () if options is None else options.na_values)
            how: dict[str, Any] = {}
            if encoding is not None:
                features = encoding.column_names
                how = {"texts": encoding.texts, "gaps": encoding.options.missing != "error"}
            selection = select(file, target, features, continuous=continuous, **how)
            counted = Seen() if seen is None else seen
            yield from iterate_columns(
                file, selection, label_path, dtype, rows, encoding, own, counted
            )
            if encoding is not None and seen is None:
                say_surprises(file.path, encoding, counted)
            return
        X, found = checked_array(path, label_path, features, dtype, continuous)
        count = -(-len(X) // rows)
        for k in range(count) if own is None else own(count):
            lo, hi = k * rows, (k + 1) * rows
            yield X[lo:hi], None if found is None else found[lo:hi]
