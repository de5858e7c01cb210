"""A Parquet file as it reads without the schema of Arrow that its writer has added."""

from __future__ import annotations

import io
import os
from pathlib import Path

_KEY = b"ARROW:schema"
_OTHER_KEY = b"other:schema"
# Where a Parquet file ends: the length of its footer, and a mark.
_TAIL = 8


class WithoutArrowSchema(io.RawIOBase):
    """A Parquet file whose readers do not find the key ``ARROW:schema`` in the footer.

    That schema may have types that pyarrow does not know, such as the 128-bit integers of polars;
    pyarrow then opens no column of the file. The schema of Parquet says how each is stored.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb")
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(size - _TAIL, 0))
        footer = int.from_bytes(self._file.read(4), "little") + _TAIL
        self._file.seek(max(size - footer, 0))
        at = self._file.read(footer).find(_KEY)
        self._at = -1 if at < 0 else max(size - footer, 0) + at
        self._file.seek(0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read with another key in place of ``ARROW:schema``."""
        begin = self._file.tell()
        count = self._file.readinto(buffer)
        if self._at >= 0:
            lo, hi = max(self._at, begin), min(self._at + len(_KEY), begin + count)
            if lo < hi:
                buffer[lo - begin : hi - begin] = _OTHER_KEY[lo - self._at : hi - self._at]
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
