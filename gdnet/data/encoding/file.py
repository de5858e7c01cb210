"""Reading a file of named columns whose text and gaps are encoded, in a few passes over it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.blocks import bad_cells
from gdnet.data.columns.identifiers import identifier_notes
from gdnet.data.columns.named import ColumnFile, NotNumbers, explained
from gdnet.data.columns.selection import Selection
from gdnet.data.columns.spool import stored
from gdnet.data.encoding.complete_rows import Mask, complete_rows
from gdnet.data.encoding.encoding import Encoding, Options, Seen
from gdnet.data.encoding.learner import Learner
from gdnet.data.encoding.notes import encoding_notes
from gdnet.data.opening import changed
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.phases import Phases

logger = logging.getLogger(__name__)


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
    keep, target, notes = complete_rows(file, selection, dtype, plan.options, labels, typed, phases)
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
