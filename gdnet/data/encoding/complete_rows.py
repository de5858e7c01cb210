"""Which rows of a file are kept where others are left out for missing cells, and their target."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.blocks import bad_cells, selected_batches
from gdnet.data.columns.named import ColumnFile, NotNumbers
from gdnet.data.columns.selection import Selection
from gdnet.data.encoding.cells import (
    cells_of,
    missing_spellings,
    numbers_of,
    without_stand_ins,
)
from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.notes import left_out_notes
from gdnet.data.labels.files import labels_for_rows
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.labels.types import Typed
from gdnet.data.opening import changed
from gdnet.phases import Phases

Mask = npt.NDArray[np.bool_]


def complete_rows(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    options: Options,
    label_path: Path | None,
    typed: bool,
    phases: Phases,
) -> tuple[Mask, Typed, tuple[str, ...]]:
    """Return which rows are kept, their target, and what to say of the others.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns; the target with them.
    dtype : float32 or float64
        In which every number must be finite.
    options : Options
        Whether rows with missing values are left out, and what stands for one.
    label_path : Path or None
        A file with the labels, where they are in no column.
    typed : bool
        As in `gdnet.data.files.read_table`.
    phases : callable
        Shows how far the reading is.

    Returns
    -------
    keep : bool array of shape (m,)
        Which rows of the file.
    target : Typed
        That of those rows, if there is any.
    notes : tuple of str
        Sentences for the user.

    Raises
    ------
    DataError
        As `gdnet.data.files.read_table`, and if no row is left.
    """
    name = selection.target
    pieces = target_pieces(file.most_rows, continuous=selection.numeric_target)
    try:
        keep, counts = _complete(file, selection, options, pieces, phases)
    except NotNumbers as error:
        raise bad_cells(file, selection._replace(gaps=True), dtype, str(error)) from None
    values: Any = None
    missing = np.zeros(0, np.bool_)
    if label_path is not None:
        given = labels_for_rows(
            label_path,
            len(keep),
            len(selection.features),
            continuous=selection.continuous,
            na_values=options.na_values,
        )
        missing = given.missing
    elif selection.numeric_target:
        values = without_stand_ins(pieces.numbers(), options.na_values)
        missing = np.isnan(values).reshape(len(values), -1).any(axis=1)
        if np.isinf(values).any() or (missing.any() and options.missing != "drop"):
            of_target = selection._replace(features=(), texts=frozenset())
            raise bad_cells(file, of_target, np.float64, "a number that is not finite")
    elif name is not None:
        missing = file.missing_labels(pieces, typed=typed)
    notes: tuple[str, ...] = ()
    if options.missing == "drop":
        if missing.any():
            counts[name or str(label_path)] = int(np.count_nonzero(missing))
            keep &= ~missing
        notes = left_out_notes(file.path, keep, +counts)
    if label_path is not None:
        return keep, Typed(given.values(None if keep.all() else keep)), notes
    if values is not None:
        return keep, Typed(values if keep.all() else values[keep]), notes
    if name is None:
        return keep, Typed(None), notes
    if not keep.all():
        pieces.keep(keep)
    return keep, file.labels(name, pieces, 0, typed=typed), notes


def _complete(
    file: ColumnFile, selection: Selection, options: Options, pieces: Any, phases: Phases
) -> tuple[Mask, Counter[str]]:
    """Collect the target, and return which rows are complete, if others are to be left out.

    With them comes how many cells of each column are missing.
    """
    drop, name = options.missing == "drop", selection.target
    # One column will do where only the rows are to be counted.
    features = selection.features if drop else selection.features[: int(name is None)]
    texts = selection.texts.intersection(features)
    spellings = missing_spellings(options.na_values)
    complete: list[Mask] = []
    counts: Counter[str] = Counter()
    with phases("reading", file.most_rows) as done:
        wanted = selection._replace(features=features, texts=texts, gaps=True)
        for batch in selected_batches(file, wanted):
            whole = np.ones(batch.num_rows, np.bool_)
            for k, column in enumerate(features if drop else ()):
                gaps = _gaps(batch, k, column in texts, spellings, options)
                counts[column] += int(np.count_nonzero(gaps))
                whole &= ~gaps
            complete.append(whole)
            if selection.several:
                pieces.append(batch.select(range(len(features), batch.num_columns)))
            elif name is not None:
                pieces.append(batch.column(len(features)))
            done(batch.num_rows)
    if not complete:
        raise changed(file.path)
    return np.concatenate(complete), counts


def _gaps(batch: Any, k: int, is_text: bool, spellings: frozenset[str], options: Options) -> Mask:
    """Return in which rows a column has no value."""
    if not is_text:
        return np.isnan(numbers_of(batch, [k], options.na_values)[:, 0])
    cells, codes = cells_of(batch.column(k), spellings)
    found: Mask = np.array([cell is None for cell in cells], np.bool_)[codes]
    return found
