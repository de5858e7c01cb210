"""From named columns to a .npy file, batch by batch, in memory that does not grow with the file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from gdnet.data.columns import ColumnFile, Selection, blocks
from gdnet.data.npy_writer import NpyWriter
from gdnet.data.opening import changed
from gdnet.data.row_file import RowFile
from gdnet.data.source import CHECKED_AT_A_TIME
from gdnet.data.target_pieces import target_pieces
from gdnet.phases import Done, unseen

ROWS_AT_A_TIME = 65536


def write_features(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    out: BinaryIO,
    done: Done = unseen,
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

    Returns
    -------
    LabelPieces or NumberPieces
        The target; empty if none is selected.

    Raises
    ------
    DataError
        As `gdnet.data.columns.blocks`, and if the file has lost its rows meanwhile.
    """
    writer = NpyWriter(out)
    target = target_pieces(file.most_rows, continuous=selection.continuous or selection.several)
    height = max(1, min(ROWS_AT_A_TIME, CHECKED_AT_A_TIME // len(selection.features)))
    for rows, _ in blocks(file, selection, dtype, height, labels=target, done=done):
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
) -> tuple[RowFile, Any]:
    """Return the features as a temporary file of rows in a folder, and the target.

    The file never has a name: the system takes it back when nobody reads from it, however the
    process ends.
    """
    out = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the rows keep it open
    try:
        labels = write_features(file, selection, dtype, out, done)
        out.flush()
        return RowFile(file.path, out), labels
    except BaseException:
        out.close()
        raise
