"""Reading selected columns into arrays of rows, batch by batch."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.npy_file import MAX_BAD_COLUMNS, allocate, remedy_for
from gdnet.data.columns.cells import has_commas, is_number
from gdnet.data.columns.named import (
    WITHOUT_COMMAS,
    ColumnFile,
    NotNumbers,
    Survey,
    ignoring,
)
from gdnet.data.columns.selection import Selection
from gdnet.data.labels.coded import LabelPieces
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.opening import changed
from gdnet.data.rows import first_not_finite
from gdnet.errors import DataError
from gdnet.phases import Done, unseen

#: Writes the features of an Arrow record batch into an array (rows, features).
Encode = Callable[[Any, HostArray], None]


def blocks(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    rows: int,
    *,
    labels: LabelPieces | None = None,
    done: Done = unseen,
    encode: Encode | None = None,
    width: int | None = None,
    keep: npt.NDArray[np.bool_] | None = None,
    explain: bool = True,
) -> Iterator[tuple[HostArray, Any]]:
    """Yield arrays of `rows` rows (the last one fewer) with their target.

    Memory is the block, one batch and the target, however large the file.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the arrays; every number must be finite in it.
    rows : int
        How many are yielded at a time.
    labels : LabelPieces, optional
        Where the target of all blocks goes; by default each block has its own.
    done : callable, optional
        Called with the number of rows of each batch.
    encode : callable ``(batch, out) -> None``, optional
        Writes the features of some rows; by default they are the numbers as they are.
    width : int, optional
        The number of features, where that is not the number of columns.
    keep : bool array of shape (m,), optional
        Which rows of the file; by default all.
    explain : bool, default True
        Whether cells that are not finite numbers are looked for and named.

    Raises
    ------
    DataError
        Names all columns with cells that are missing or not finite, and the first of each.
    NotNumbers
        In its place, if not `explain`.
    """
    try:
        stream = selected_batches(file, selection)
        stream = stream if keep is None else _kept(file, stream, keep)
        width = len(selection.features) if width is None else width
        yield from _blocks(file, selection, stream, (rows, width), dtype, labels, done, encode)
    except NotNumbers as error:
        if not explain:
            raise
        raise bad_cells(file, selection, dtype, str(error)) from None


def selected_batches(file: ColumnFile, selection: Selection) -> Iterator[Any]:
    """Return the batches of a file: the features, then the target, or several as they are."""
    wanted, target = selection.features, selection.target
    if selection.several:
        wanted, target = (*wanted, *selection.targets), None
    return file.batches(
        wanted,
        target,
        continuous=selection.continuous,
        texts=selection.texts,
        gaps=selection.gaps,
    )


def _kept(file: ColumnFile, stream: Iterator[Any], keep: npt.NDArray[np.bool_]) -> Iterator[Any]:
    """Yield the batches without the rows that are not kept."""
    import pyarrow as pa

    lo = 0
    for batch in stream:
        part = keep[lo : lo + batch.num_rows]
        if len(part) < batch.num_rows:
            raise changed(file.path)
        yield batch if part.all() else batch.filter(pa.array(part))
        lo += batch.num_rows


def _blocks(
    file: ColumnFile,
    selection: Selection,
    stream: Iterator[Any],
    shape: tuple[int, int],
    dtype: npt.DTypeLike,
    given: Any,
    done_with: Done,
    encode: Encode | None,
) -> Iterator[tuple[HostArray, Any]]:
    X: HostArray | None = None
    filled, rows = 0, shape[0]
    numbers = selection.numeric_target
    pieces = given or target_pieces(rows, continuous=numbers)
    for batch in stream:
        done = 0
        while done < batch.num_rows:
            if X is None:
                X = allocate(file.path, shape, dtype)
            part = batch.slice(done, min(rows - filled, batch.num_rows - done))
            out = X[filled : filled + part.num_rows]
            (encode or _copy)(part, out)
            if out.size and first_not_finite(out) is not None:
                raise NotNumbers
            if selection.target is not None:
                columns = part.columns[len(selection.features) :]
                if numbers and not all(map(all_finite, columns)):
                    raise NotNumbers
                pieces.append(
                    part.select(range(len(selection.features), part.num_columns))
                    if selection.several
                    else columns[0]
                )
            filled += part.num_rows
            done += part.num_rows
            done_with(part.num_rows)
            if filled == rows:
                yield X, pieces
                X, filled = None, 0
                pieces = given or target_pieces(rows, continuous=numbers)
    if X is not None:
        yield X[:filled], pieces


def all_finite(column: Any) -> bool:
    """Return whether all numbers of an Arrow array are there and finite."""
    if column.null_count:
        return False
    return bool(np.isfinite(column.to_numpy(zero_copy_only=False).astype(np.float64)).all())


def _copy(part: Any, out: HostArray) -> None:
    import pyarrow as pa

    if not out.shape[1]:
        return
    features = part.select(range(out.shape[1]))
    with np.errstate(over="ignore"):
        if all(kind == pa.float64() for kind in features.schema.types):
            # In one call, which takes half the time of one for each column.
            out[:] = features.to_tensor(null_to_nan=True).to_numpy()
        else:
            for j, column in enumerate(features.columns):
                if column.null_count:
                    raise NotNumbers
                out[:, j] = column.to_numpy(zero_copy_only=False)


def bad_cells(
    file: ColumnFile, selection: Selection, dtype: npt.DTypeLike, reason: str
) -> DataError:
    """Return the error that names all columns with cells that are not finite numbers."""
    bad: Survey = {}
    if selection.features:
        bad = file.survey(selection.features, dtype, texts=selection.texts, gaps=selection.gaps)
    if selection.numeric_target:
        bad |= file.survey(selection.targets, np.float64)
    if not bad:  # a cell that the parser alone does not take
        return DataError(f"{file.path}: expected finite {np.dtype(dtype)} numbers, got: {reason}")
    found, remedies, texts = [], set(), {}
    named = [*bad.items()][:MAX_BAD_COLUMNS]
    places = file.cells([(cells.first, name) for name, cells in named])
    for (name, cells), (place, content) in zip(named, places, strict=True):
        count = f" (the first of {cells.total:,})" if cells.total > 1 else ""
        found.append(f"{content} in {place}, column {name!r}{count}")
        is_text = content[0] in "'\"" and not content[1:-1].endswith("...")
        cell = ast.literal_eval(content).strip() if is_text else content.strip("'").strip()
        remedies.add(_remedy_for_cell(cell))
        if is_text and not (has_commas(cell) or is_number(cell)):
            texts[name] = cell
    more = len(bad) - MAX_BAD_COLUMNS
    remedy = "; ".join(sorted(remedies))
    features = [name for name in bad if name not in selection.targets]
    if features and not selection.by_name:
        if texts and selection.gaps:
            remedy += f", or take cells for missing ones: na_values={sorted({*texts.values()})}"
            remedy += f", or columns for codes: categorical={list(texts)}"
        remedy += f", or leave columns out: {ignoring(features)}"
    elif bad.keys() & {*selection.targets} and not selection.by_name:
        remedy += ", or leave rows without a number out of a training: missing='drop'"
    return DataError(
        f"{file.path}: expected finite {np.dtype(dtype)} numbers, got {', '.join(found)}"
        + (f" and such cells in {more} more columns" if more > 0 else "")
        + f"; {remedy}"
    )


def _remedy_for_cell(content: str) -> str:
    if has_commas(content):
        return WITHOUT_COMMAS
    return remedy_for(float(content) if is_number(content) else math.nan)
