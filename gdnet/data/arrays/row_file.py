"""Rows of a .npy file that is larger than memory, read from the disk when they are asked for."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np

from gdnet.data.opening import changed
from gdnet.errors import DataError

# The system reads this far ahead of the rows that were asked for, while they are computed with.
READ_AHEAD_BYTES = 16 * 2**20


class RowFile:
    """Stands in for an array of rows (m, n0) wherever slices of rows are all that is needed.

    It must stay as it is: every read checks that nobody has written to it. Several threads may read
    at the same time. Passing over the rows in order, again and again, is
    what it is quick at: while some are computed with, the system reads on, at the end from the
    beginning.

    Parameters
    ----------
    path : str or Path
        A .npy file with an array of shape (m, n0) in C order.
    file : binary file, optional
        What is read in its place: a temporary file without a name, with the rows of `path`. It is
        closed with this object.

    Raises
    ------
    DataError
        If it is not such a file, or not complete.
    """

    ndim = 2
    fresh = True

    def __init__(self, path: str | Path, file: IO[bytes] | None = None) -> None:
        self.path, self.temporary = Path(path), file is not None
        self._file: IO[bytes] = self.path.open("rb", buffering=0) if file is None else file
        self._file.seek(0)
        self._lock = threading.Lock()
        try:
            shape, fortran_order, self.dtype = read_header(self._file)
        except Exception as error:
            self._file.close()
            raise DataError(
                f"{path}: expected a complete .npy file with an array of numbers, got one that "
                f"cannot be read ({error}); save the array again with numpy.save"
            ) from None
        self._offset = self._file.tell()
        self.shape = shape
        if len(shape) != 2 or fortran_order or self.dtype.hasobject:
            raise DataError(
                f"{path}: expected an array of numbers of shape (m, n0) in C order, to be read "
                f"from the disk as it is needed, got shape {shape} of type {self.dtype}"
                f"{' in Fortran order' if fortran_order else ''}; "
                "save it again with numpy.save(file, numpy.ascontiguousarray(rows))"
            )
        self._row_bytes = shape[1] * self.dtype.itemsize
        self._end = self._offset + shape[0] * self._row_bytes
        self._stamp = self._stamp_now()
        if self._stamp[0] < self._end:
            raise changed(self.path)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        """Return rows lo to hi (exclusive), as a new array."""
        lo, hi, step = rows.indices(len(self))
        if step != 1:
            raise IndexError("rows of a file are read one after the other: expected a step of 1")
        count = max(hi - lo, 0)
        block = np.empty((count, self.shape[1]), self.dtype)
        begin = self._offset + lo * self._row_bytes
        try:
            self._read_into(block, begin)
        except OSError as error:  # it does not say of which file
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        if self._stamp_now() != self._stamp:
            raise changed(self.path)
        self._read_ahead(begin, block.nbytes)
        return block

    def _stamp_now(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns

    def _read_into(self, block: np.ndarray[Any, Any], position: int) -> None:
        left = block.data.cast("B") if block.nbytes else memoryview(b"")
        while left:
            done = self._read_some(left, position)
            if done == 0:
                raise changed(self.path)
            left, position = left[done:], position + done

    def _read_some(self, into: memoryview, position: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [into], position)
        with self._lock:  # Windows
            self._file.seek(position)
            return self._file.readinto(into)  # type: ignore[attr-defined, no-any-return]

    def _read_ahead(self, begin: int, count: int) -> None:
        advise = getattr(os, "posix_fadvise", None)  # not on macOS
        if advise is None or count == 0:  # 0 would mean all of the file
            return
        # Each part of the file is asked for once a pass: as far ahead, and as wide, as the block.
        ahead = begin + count + READ_AHEAD_BYTES
        if ahead >= self._end:
            ahead = self._offset + (ahead - self._end)
        advise(self._file.fileno(), ahead, count, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __del__(self) -> None:
        """Close the file when nobody can read from it any more."""
        if hasattr(self, "_file"):
            self._file.close()


def read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether the order is Fortran's, and type of an array in .npy format.

    Raises
    ------
    Exception
        A damaged header is parsed as Python and may raise nearly anything.
    """
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"format version {version[0]}.{version[1]} is not known")
    shape, fortran_order, dtype = read(file)
    if min(shape, default=0) < 0:
        raise ValueError(f"a shape of {shape} is none")
    return shape, fortran_order, dtype
