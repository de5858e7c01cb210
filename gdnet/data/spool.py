"""From named columns to a .npy file, batch by batch, in memory that does not grow with the file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy.typing as npt

from gdnet.data.columns import ColumnFile, Selection, blocks
from gdnet.data.npy_writer import NpyWriter
from gdnet.data.opening import changed
from gdnet.data.row_file import RowFile

ROWS_AT_A_TIME = 65536


def write_features(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    out: BinaryIO,
    tell: Callable[[int], object] = lambda rows: None,
) -> list[Any]:
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
    tell : callable, optional
        Called with the number of rows written so far.

    Returns
    -------
    list of Arrow arrays
        The target, in pieces; empty if none is selected.

    Raises
    ------
    DataError
        As `gdnet.data.columns.blocks`, and if the file has lost its rows meanwhile.
    """
    writer = NpyWriter(out)
    found = []
    for rows, pieces in blocks(file, selection, dtype, ROWS_AT_A_TIME):
        writer.append(rows)
        found += pieces
        tell(writer.rows)
    if not writer.rows:
        raise changed(file.path)
    writer.finish()
    return found


def spooled(
    file: ColumnFile, selection: Selection, dtype: npt.DTypeLike
) -> tuple[RowFile, list[Any]]:
    """Return the features as a temporary file of rows, and the target in pieces.

    The file has no name any more when this returns: it goes when nobody reads from it, even if the
    process is killed.
    """
    # Beside the data: the usual folder for temporary files may be kept in memory.
    folder = file.path.resolve().parent
    with tempfile.NamedTemporaryFile(prefix=".gdnet-", suffix=".npy", dir=folder) as out:
        pieces = write_features(file, selection, dtype, out)  # type: ignore[arg-type]
        out.flush()
        return RowFile(out.name), pieces
