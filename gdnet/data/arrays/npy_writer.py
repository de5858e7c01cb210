"""Writing a .npy file row by row, when the number of rows is known at the end only."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy


class NpyWriter:
    """Appends rows to a .npy file.

    Parameters
    ----------
    file : binary file
        Empty, to write to and to seek in.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._first: np.ndarray[Any, Any] | None = None
        self.rows = 0

    def append(self, rows: np.ndarray[Any, Any]) -> None:
        """Write rows (b, ...), of the type and width of those before."""
        if self._first is None:
            self._first = rows[:0]
            self._write_header()
        self._file.write(np.ascontiguousarray(rows, self._first.dtype).data)
        self.rows += len(rows)

    def finish(self) -> None:
        """Write the number of rows into the header, which has room for it to grow.

        Raises
        ------
        RuntimeError
            If nothing has been appended.
        """
        if self._first is None:
            raise RuntimeError("expected at least one call of append before finish")
        self._file.seek(0)
        self._write_header()
        self._file.seek(0, 2)

    def _write_header(self) -> None:
        assert self._first is not None
        npy.write_array_header_1_0(
            self._file,
            {
                "descr": npy.dtype_to_descr(self._first.dtype),
                "fortran_order": False,
                "shape": (self.rows, *self._first.shape[1:]),
            },
        )
