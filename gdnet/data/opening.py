"""What can be wrong with a file before and after its content is looked at."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gdnet.data.formats import COMPRESSED, EXTENSIONS, format_of
from gdnet.errors import DataError

DISK_FULL = (errno.ENOSPC, errno.EFBIG, *((errno.EDQUOT,) if hasattr(errno, "EDQUOT") else ()))


def changed(path: Path) -> DataError:
    """Return the error for a file that is not what it was a moment ago."""
    return DataError(
        f"{path}: expected a file that stays as it is, got one that changed while it was read; "
        "try again when it is complete"
    )


def not_a_file(path: str | Path) -> DataError:
    """Return the error for standard input, a pipe or a device."""
    return DataError(
        f"{path}: expected a file on a disk, because data are read more than once, got standard "
        "input, a pipe or a device; write it to a file first (cat > data.csv)"
    )


@contextmanager
def reading(path: Path, extensions: Sequence[str] = EXTENSIONS) -> Iterator[None]:
    """Check that a file can be read, and after the block that it is still the same.

    Raises
    ------
    DataError
        If there is no such file, it is empty or cannot be read, its extension is not among
        `extensions`, or it changed meanwhile.
    """
    try:
        if str(path) == "-":
            raise not_a_file(path)
        if path.is_dir():
            raise DataError(f"{path}: expected a file, got a directory")
        before = path.stat()
        if not stat.S_ISREG(before.st_mode):
            raise not_a_file(path)
        if format_of(path) not in extensions:
            packed = path.suffix.lower() in (*COMPRESSED, ".zip")
            remedy = "; decompress it first" if packed else ""
            raise DataError(
                f"{path}: expected a file named {' or '.join(extensions)}, "
                f"got {path.suffix or 'no extension'}{remedy}"
            )
        if before.st_size == 0:
            raise DataError(f"{path}: expected data, got an empty file")
        yield
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise changed(path)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a file, got none; check the path") from None
    except UnicodeEncodeError:
        raise DataError(
            f"{path}: expected a name that is text in UTF-8, got other bytes; rename the file"
        ) from None
    except OSError as error:
        if error.errno in DISK_FULL:  # it is another file that could not be written
            raise
        raise DataError(
            f"{path}: expected a complete file that can be read, got: {error.strerror or error}"
        ) from None
