"""From named columns to rows in memory or in a .npy file, batch by batch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from gdnet.data.arrays.npy_writer import NpyWriter
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.columns.blocks import Encode, blocks
from gdnet.data.columns.named import ColumnFile
from gdnet.data.columns.selection import Selection
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.opening import changed
from gdnet.data.rows import CHECKED_AT_A_TIME
from gdnet.data.storage import fits_in_memory, folder_for, say_in_memory
from gdnet.phases import Done, Phases, unseen

ROWS_AT_A_TIME = 65536


def write_features(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    out: BinaryIO,
    done: Done = unseen,
    **how: Any,
) -> Any:
    """Write the features of a file as rows (m, n0) in .npy format.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of what is written; every number must be finite in it.
    out : binary file
        Empty.
    done : callable, optional
        Called with a number of rows as they are read.
    **how
        As for `gdnet.data.columns.blocks.blocks`.

    Returns
    -------
    LabelPieces or NumberPieces
        The target; empty if none is selected.

    Raises
    ------
    DataError
        As `gdnet.data.columns.blocks.blocks`, and if the file has lost its rows meanwhile.
    """
    writer = NpyWriter(out)
    target = target_pieces(file.most_rows, continuous=selection.numeric_target)
    width = how.get("width") or len(selection.features)
    height = max(1, min(ROWS_AT_A_TIME, CHECKED_AT_A_TIME // width))
    for rows, _ in blocks(file, selection, dtype, height, labels=target, done=done, **how):
        writer.append(rows)
    if not writer.rows:
        raise changed(file.path)
    writer.finish()
    return target


def spooled(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    folder: Path,
    done: Done = unseen,
    **how: Any,
) -> tuple[RowFile, Any]:
    """Return the features as a temporary file of rows in a folder, and the target.

    The file never has a name: the system takes it back when nobody reads from it, however the
    process ends.
    """
    out = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the rows keep it open
    try:
        labels = write_features(file, selection, dtype, out, done, **how)
        out.flush()
        return RowFile(file.path, out), labels
    except BaseException:
        out.close()
        raise


def stored(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    phases: Phases,
    *,
    encode: Encode | None = None,
    width: int | None = None,
    keep: npt.NDArray[np.bool_] | None = None,
    explain: bool = True,
) -> tuple[Any, Any]:
    """Return the features (m, n0) in memory, or in a temporary file, and the target.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the features.
    phases : callable
        Shows how far the reading is.
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
    DataError, NotNumbers
        As `gdnet.data.columns.blocks.blocks`, if there is no room, and if the file has changed
        meanwhile.
    """
    how: dict[str, Any] = {"encode": encode, "width": width, "keep": keep, "explain": explain}
    rows = file.most_rows if keep is None else int(np.count_nonzero(keep))
    size = rows * (width or len(selection.features)) * np.dtype(dtype).itemsize
    if fits_in_memory(size):
        say_in_memory(file.path, size)
        with phases("reading", rows) as done:
            stream = blocks(file, selection, dtype, rows, done=done, **how)
            X, pieces = next(stream, (None, None))
            if X is None or next(stream, None) is not None:
                raise changed(file.path)
            return X, pieces
    exact = keep is not None or file.knows_rows
    folder = folder_for(file.path, size, exact=exact)
    with phases("reading", rows) as done:
        return spooled(file, selection, dtype, folder, done, **how)
