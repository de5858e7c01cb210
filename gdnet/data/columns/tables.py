"""Reading files of named columns: as one table, or as a stream of bounded blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.columns.arrow_file import ArrowFile
from gdnet.data.columns.blocks import blocks
from gdnet.data.columns.identifiers import identifier_notes
from gdnet.data.columns.named import ColumnFile, NotNumbers, listed
from gdnet.data.columns.row_ranges import RowsOfFile
from gdnet.data.columns.selection import Selection
from gdnet.data.columns.shared_rows import read_shared
from gdnet.data.columns.spool import stored
from gdnet.data.encoding.encoding import Encoding, Seen
from gdnet.data.encoding.file import Plan, is_needed, read_encoded
from gdnet.data.labels.arrays import check_labels, clean_labels
from gdnet.data.labels.files import labels_for_rows, map_labels
from gdnet.data.labels.types import Typed
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases
from gdnet.ranks.communicator import Ranks


def read_columns(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    plan: Plan | None,
    labels: Path | None,
    typed: bool,
    phases: Phases,
    ranks: Ranks | None = None,
) -> Table:
    """Read numbers without gaps in one pass, and anything else as is planned.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the rows; every number must be finite in it.
    plan : Plan or None
        How columns are encoded; None reads numbers alone.
    labels : Path or None
        A file with the labels, where they are in no column.
    typed : bool
        As in `gdnet.data.files.read_table`.
    phases : callable
        Shows how far the reading is.
    ranks : Ranks, optional
        Which share the rows.

    Raises
    ------
    DataError
        As `gdnet.data.files.read_table`.
    """
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
    if rows is not None and gaps == "drop":
        missing = np.zeros(0, np.bool_)
        if labels is not None:
            shape = rows[0].shape
            missing = labels_for_rows(labels, *shape, continuous=selection.continuous).missing
        elif target is not None and not selection.numeric_target:
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
            if selection.numeric_target
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


def iterate_columns(
    file: ColumnFile,
    selection: Selection,
    labels: Path | None,
    dtype: npt.DTypeLike,
    rows: int,
    encoding: Encoding | None,
    own: Callable[[int], range] | None,
    seen: Seen,
) -> Iterator[tuple[HostArray, HostArray | None]]:
    """Yield blocks of rows with their target.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    labels : Path or None
        A file with the labels, where they are in no column.
    dtype : float32 or float64
        Of the rows; every number must be finite in it.
    rows : int
        The number of rows of every block but the last.
    encoding : Encoding or None
        How features are made of the columns.
    own : callable ``(count) -> range`` or None
        Which of so many blocks are yielded; None is all.
    seen : Seen
        Where what the encoding had not learnt is counted.

    Raises
    ------
    DataError
        As `gdnet.data.files.iterate_table`.
    """
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
        if target is not None and selection.numeric_target:
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
