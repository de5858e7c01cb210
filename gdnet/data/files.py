"""Reading a file of rows: as one table, or as a stream of bounded blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.npy_file import check_labels, clean_labels
from gdnet.data.arrays.tables import (
    check_target_source,
    checked_array,
    read_array,
)
from gdnet.data.columns.arrow_file import ArrowFile
from gdnet.data.columns.blocks import blocks
from gdnet.data.columns.files import open_columns
from gdnet.data.columns.identifiers import identifier_notes
from gdnet.data.columns.named import ColumnFile, NotNumbers, ignoring, listed
from gdnet.data.columns.row_ranges import RowsOfFile
from gdnet.data.columns.selection import Selection, select
from gdnet.data.columns.shared_rows import read_shared
from gdnet.data.columns.spool import stored
from gdnet.data.encoding.encoding import Encoding, Seen
from gdnet.data.encoding.file import Plan, is_needed, read_encoded, say_surprises
from gdnet.data.formats import NPZ, TABLE_NAMES
from gdnet.data.labels.files import labels_for_rows, map_labels, read_labels
from gdnet.data.labels.types import Typed
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
            table = _read_columns(file, selection, dtype, plan, label_path, typed, phases, ranks)
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
            yield from _iterate_columns(
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


def _read_columns(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    plan: Plan | None,
    labels: Path | None,
    typed: bool,
    phases: Phases,
    ranks: Ranks | None = None,
) -> Table:
    """Read numbers without gaps in one pass, and anything else as is planned."""
    target = selection.target
    gaps = "error" if plan is None else plan.options.missing
    rows = None
    if ranks is not None and file.knows_rows:
        assert isinstance(file, ArrowFile)  # the only kind whose rows are shared out
        _check_numbers_alone(file, selection, plan)
        rows = read_shared(file, selection, dtype, phases, ranks)
    elif plan is None or not is_needed(file, selection, plan):
        # What is in memory of the numbers up to a gap is free again before they are encoded.
        with suppress(NotNumbers):
            rows = stored(file, selection, dtype, phases, explain=gaps == "error")
    numbers = selection.continuous or selection.several
    if rows is not None and gaps == "drop":
        missing = np.zeros(0, np.bool_)
        if labels is not None:
            shape = rows[0].shape
            missing = labels_for_rows(labels, *shape, continuous=selection.continuous).missing
        elif target is not None and not numbers:
            missing = file.missing_labels(rows[1], typed=typed)
        rows = None if missing.any() else rows
    if rows is None:
        assert plan is not None
        return read_encoded(file, selection, dtype, plan, labels, typed=typed, phases=phases)
    X, pieces = rows
    found = None
    if target is not None:
        found = (
            Typed(pieces.numbers())
            if selection.continuous or selection.several
            else file.labels(target, pieces, 0, typed=typed)
        )
    return Table(
        X=X,
        target=None if found is None else found.values,
        feature_names=selection.features,
        target_name=target,
        name=file.path.name,
        owned=isinstance(X, np.ndarray),
        ignored=selection.ignored,
        spellings=None if found is None else found.spellings,
        # On ranks the first alone has the first rows, and says it.
        notes=file.notes
        + (identifier_notes(X, selection) if ranks is None or ranks.rank == 0 else ()),
    )


def _check_numbers_alone(file: ColumnFile, selection: Selection, plan: Plan | None) -> None:
    """Raise if rows are to be encoded or left out, which ranks that share them do not."""
    if plan is None:
        return
    if selection.texts:
        got = f"text or codes in {listed(sorted(selection.texts))}"
    elif plan.encoding is not None:
        got = "a model to start from that encodes them"
    elif plan.options.missing == "drop" or plan.options.na_values:
        got = "missing='drop'" if plan.options.missing == "drop" else "na_values"
    else:
        return
    raise DataError(
        f"{file.path}: expected columns of numbers without gaps where several ranks train, got "
        f"{got}; train in one process, or leave columns of text out: text='ignore'"
    )


def _iterate_columns(
    file: ColumnFile,
    selection: Selection,
    labels: Path | None,
    dtype: npt.DTypeLike,
    rows: int,
    encoding: Encoding | None,
    own: Callable[[int], range] | None,
    seen: Seen,
) -> Iterator[tuple[HostArray, HostArray | None]]:
    target = selection.target
    given = None if labels is None else map_labels(labels, continuous=selection.continuous)
    lo, m, part = 0, None, file
    if own is not None:
        m = file.most_rows
        which = own(-(-m // rows))
        lo, hi = (min(k * rows, m) for k in (which.start, which.stop))
        part = RowsOfFile(file, range(lo, hi))
    how: dict[str, Any] = {}
    if encoding is not None:
        encode, width = partial(encoding.encode, seen=seen), len(encoding.features)
        how = {"encode": encode, "width": width}
    for X, pieces in blocks(part, selection, dtype, rows, **how):
        found = None
        if target is not None and (selection.continuous or selection.several):
            found = pieces.numbers()
        elif target is not None:
            found = np.asarray(file.labels(target, pieces, lo, typed=False).values)
        elif given is not None and labels is not None:
            found = clean_labels(labels, given[lo : lo + len(X)], lo)
            # Too few are an error here, too many after the last block: m is not known earlier.
            if len(found) < len(X):
                check_labels(labels, given, lo + len(X))
        yield X, found
        lo += len(X)
    if given is not None and labels is not None:
        check_labels(labels, given, lo if m is None else m)
