"""Reading a file of named columns whose text and gaps are encoded, in a few passes over it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.blocks import bad_cells, selected_batches
from gdnet.data.columns.identifiers import identifier_notes
from gdnet.data.columns.named import ColumnFile, NotNumbers, explained
from gdnet.data.columns.selection import Selection
from gdnet.data.columns.spool import stored
from gdnet.data.encoding.cells import (
    cells_of,
    missing_spellings,
    numbers_of,
    without_stand_ins,
)
from gdnet.data.encoding.encoding import Encoding, Options, Seen
from gdnet.data.encoding.learner import Learner
from gdnet.data.encoding.notes import encoding_notes, left_out_notes
from gdnet.data.labels.files import labels_for_rows
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.labels.types import Typed
from gdnet.data.opening import changed
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases

logger = logging.getLogger(__name__)

Mask = npt.NDArray[np.bool_]


def every_row(target: Any) -> None:
    """Learn from all rows, whatever their target."""
    del target


class Plan(NamedTuple):
    """How the columns of a file are to be encoded.

    Attributes
    ----------
    options : Options
        What becomes of text and of gaps.
    encoding : Encoding or None
        That of a model, in place of learning one.
    training_rows : callable ``(target) -> bool array (m,) or None``
        Which rows are learnt from: those that are trained on; None is all.
    """

    options: Options = Options()
    encoding: Encoding | None = None
    training_rows: Callable[[Any], Mask | None] = every_row

    def select(self) -> dict[str, Any]:
        """Return the arguments for `gdnet.data.columns.selection.select`."""
        if self.encoding is not None:
            return {"texts": self.encoding.texts, "gaps": True}
        return {"categorical": self.options.categorical, "text": self.options.text == "encode"}


def is_needed(file: ColumnFile, selection: Selection, plan: Plan) -> bool:
    """Return whether it is known, without reading all rows, that columns are to be encoded."""
    if plan.encoding is not None or selection.texts or plan.options.na_values:
        return True
    return plan.options.missing != "error" and file.has_gaps(selection.features)


def read_encoded(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    plan: Plan,
    labels: Path | None,
    *,
    typed: bool,
    phases: Phases,
) -> Table:
    """Read a file: leave rows out, choose those that are learnt from, learn, and encode.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the rows; every number must be finite in it.
    plan : Plan
        How columns are encoded.
    labels : Path or None
        A .npy file with the labels, where they are in no column.
    typed : bool
        As in `gdnet.data.files.read_table`.
    phases : callable
        Shows how far the reading is.

    Raises
    ------
    DataError
        As `gdnet.data.files.read_table`.
    """
    selection = selection._replace(gaps=plan.options.missing != "error")
    drop = plan.options.missing == "drop"
    if drop and plan.encoding is None and selection.texts:
        # A row is not left out for a gap in a column that is left out.
        selection = _without(selection, _learnt(file, selection, dtype, plan, None, phases)[1])
    keep, target, notes = _labelled(file, selection, dtype, plan, labels, typed, phases)
    encoding = plan.encoding
    if encoding is None:
        chosen = _among(keep, plan.training_rows(target.values))
        encoding, left_out = _learnt(file, selection, dtype, plan, chosen, phases)
        selection = _without(selection, left_out)
    if encoding is None:
        raise DataError(
            f"{file.path}: expected at least 1 column that can be a feature besides the target, "
            f"got {explained(selection.ignored)}"
        )
    seen = Seen()
    X, _ = stored(
        file,
        selection._replace(target=None, targets=()),
        dtype,
        phases,
        encode=partial(encoding.encode, seen=seen),
        width=len(encoding.features),
        keep=keep,
    )
    if len(X) != np.count_nonzero(keep):
        raise changed(file.path)
    if plan.encoding is None:
        notes += (*encoding_notes(encoding, seen), *encoding.surprises(seen))
    else:
        say_surprises(file.path, encoding, seen)
    return Table(
        X=X,
        target=target.values,
        feature_names=encoding.feature_names,
        target_name=selection.target,
        name=file.path.name,
        owned=isinstance(X, np.ndarray),
        ignored=selection.ignored,
        spellings=target.spellings,
        notes=file.notes
        + notes
        + identifier_notes(X, selection._replace(features=encoding.feature_names)),
        encoding=encoding,
    )


def say_surprises(path: Path, encoding: Encoding, seen: Seen) -> None:
    """Say which cells of a file were not what the encoding has learnt."""
    for sentence in encoding.surprises(seen):
        logger.info("%s: %s", path.name, sentence)


def _labelled(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    plan: Plan,
    label_path: Path | None,
    typed: bool,
    phases: Phases,
) -> tuple[Mask, Typed, tuple[str, ...]]:
    """Return which rows are kept, their target, and what to say of the others."""
    name, options = selection.target, plan.options
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


def _learnt(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    plan: Plan,
    chosen: Mask | None,
    phases: Phases,
) -> tuple[Encoding | None, dict[str, str]]:
    """Return the encoding that chosen rows teach, and which columns it leaves out and why."""
    learner = Learner(selection.features, selection.texts, plan.options)
    lo = 0
    try:
        with phases("learning", file.most_rows) as done:
            for batch in file.batches(
                selection.features, None, texts=selection.texts, gaps=selection.gaps
            ):
                rows = None if chosen is None else chosen[lo : lo + batch.num_rows]
                if rows is not None and len(rows) < batch.num_rows:
                    raise changed(file.path)
                learner.add(batch, None if rows is None or rows.all() else rows)
                lo += batch.num_rows
                done(batch.num_rows)
    except NotNumbers as error:
        raise bad_cells(file, selection, dtype, str(error)) from None
    try:
        return learner.learnt()
    except DataError as error:
        raise DataError(f"{file.path}: {error}") from None


def _without(selection: Selection, left_out: dict[str, str]) -> Selection:
    """Return a selection without some of its columns."""
    features = tuple(name for name in selection.features if name not in left_out)
    return selection._replace(
        features=features,
        texts=selection.texts.intersection(features),
        ignored={**selection.ignored, **left_out},
    )


def _among(keep: Mask, chosen: Mask | None) -> Mask:
    """Return which rows of the file are chosen among those that are kept."""
    if chosen is None:
        return keep
    found = keep.copy()
    found[keep] = chosen
    return found
