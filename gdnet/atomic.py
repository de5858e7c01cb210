"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gdnet.errors import DataError
from gdnet.lock import try_lock

# Of a pipe that bears such a name.
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)


def check_writable(path: str | Path) -> Path:
    """Return where `path` leads, if a file can be written there; nothing is written.

    Raises
    ------
    DataError
        If its folder does not exist or may not be written to, or if it is something else than a
        regular file.
    """
    if not str(path):
        raise DataError("expected the name of a file to write, got an empty one")
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            kind = "a folder" if target.is_dir() else "not a regular file"
            raise DataError(f"{path}: expected the name of a file to write, but it is {kind}")
        if not target.parent.is_dir():
            raise DataError(f"{path}: the folder {target.parent} does not exist; create it first")
    except OSError as error:  # a folder that may not be looked into, a name that is too long
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise DataError(f"{path}: no permission to write in the folder {target.parent}")
    return target


@contextmanager
def replacing(
    path: str | Path, *, temporary: Path | None = None, previous: Path | None = None
) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; it takes its place when the block ends well.

    Its content is on the disk before it gets the name, so that a power cut leaves the old file or
    the new one. If the block raises, the old file stays and the temporary one is removed; that of a
    process that was killed is removed by the next call for a file in the same folder.

    Parameters
    ----------
    path : str or Path
        What to write; a symbolic link stays one, and the file it leads to is replaced.
    temporary : Path, optional
        The name of the temporary file, in the same folder, for a caller who removes what a killed
        process has left of it; by default one that is taken by no other process.
    previous : Path, optional
        Where, in the same folder, the file that is replaced is kept.

    Yields
    ------
    binary file
        To write to.

    Raises
    ------
    DataError
        See `check_writable`.
    """
    target = check_writable(path)
    try:
        if temporary is None:
            _remove_orphans(target.parent)
            temporary, opened = _own_temporary(target)
        else:
            opened = temporary.open("xb")  # a link that somebody has put there is not followed
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None:
            _keep(target, previous)
        temporary.replace(target)
    except OSError as error:
        named = error.filename and Path(error.filename).name.startswith(".gdnet-")
        if named or error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _own_temporary(target: Path) -> tuple[Path, BinaryIO]:
    """Return the name of a new file beside `target`, and the file: locked as long as it is open."""
    while True:
        temporary = target.with_name(f".gdnet-{secrets.token_hex(8)}.tmp")
        file = temporary.open("xb")
        # Another process may look at it, and take it for an orphan, before it is locked.
        if try_lock(file.fileno()) and temporary.exists():
            return temporary, file
        file.close()
        temporary.unlink(missing_ok=True)


def _remove_orphans(folder: Path) -> None:
    """Remove the temporary files of processes that were killed: nobody holds their locks."""
    for orphan in folder.glob(".gdnet-*.tmp"):
        with contextlib.suppress(OSError):  # it has gone, or is another user's
            file = os.open(orphan, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | _NOT_WAITING)
            try:
                if stat.S_ISREG(os.fstat(file).st_mode) and try_lock(file, if_unknown=False):
                    orphan.unlink()
            finally:
                os.close(file)


def _keep(target: Path, previous: Path) -> None:
    """Give the file the name `previous`, and if the system can, leave it its own name as well."""
    if not target.exists():  # somebody has removed it
        return
    previous.unlink(missing_ok=True)
    try:
        os.link(target, previous)
    except OSError:  # a file system without links
        target.replace(previous)
