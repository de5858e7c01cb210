"""Rows that are kept as they are read, piece by piece: in memory, or in a temporary file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Protocol

from gdnet._typing import HostArray
from gdnet.data.arrays.npy_writer import NpyWriter
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.opening import changed


class RowCollector(Protocol):
    """Where rows go as they are read."""

    def append(self, rows: HostArray) -> None:
        """Keep some more."""

    def finish(self, expected: int) -> Any:
        """Return them all; raise DataError if they are not as many as expected."""


class RowsInMemory:
    """Rows in an array.

    Parameters
    ----------
    path : Path
        Where they come from, for messages.
    rows : array of shape (m, n0)
        What is filled.
    """

    def __init__(self, path: Path, rows: HostArray) -> None:
        self._path, self._rows, self._filled = path, rows, 0

    def append(self, rows: HostArray) -> None:
        """Keep some more."""
        self._rows[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def finish(self, expected: int) -> HostArray:
        """Return the array.

        Raises
        ------
        DataError
            If it is not full.
        """
        if self._filled != expected:
            raise changed(self._path)
        return self._rows


class RowsInFile:
    """Rows in a temporary file.

    Parameters
    ----------
    path : Path
        Where they come from, for messages.
    folder : Path
        Where the file is.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        # Without a name: the system takes it back however the process ends.
        self._path, self._file = path, tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._writer = NpyWriter(self._file)

    def append(self, rows: HostArray) -> None:
        """Keep some more."""
        self._writer.append(rows)

    def finish(self, expected: int) -> RowFile:
        """Return the file.

        Raises
        ------
        DataError
            If it has another number of rows.
        """
        if self._writer.rows != expected:
            raise changed(self._path)
        self._writer.finish()
        self._file.flush()
        return RowFile(self._path, self._file)
