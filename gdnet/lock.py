"""A lock that one process holds at a time, and that goes with the process."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked
    fcntl = None  # type: ignore[assignment]


class LockHeld(Exception):  # noqa: N818 - not an error of its own: the caller says what is taken
    """Another process holds the lock.

    Attributes
    ----------
    holder : str
        Its process number, as far as it is known.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def try_lock(file: int, *, if_unknown: bool = True) -> bool:
    """Lock an open file unless another process has; return whether no other has.

    Parameters
    ----------
    file : int
        Its descriptor.
    if_unknown : bool, default True
        What to return where the file system has no locks.
    """
    try:
        if fcntl is not None:  # Windows removes no file that is open
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return if_unknown
    return True


class FileLock:
    """An flock on a file of its own: the system drops it when the process ends, however it ends.

    A killed process leaves the file, which is empty of meaning; the next one takes it over.

    Parameters
    ----------
    path : Path
        The file; made if need be, and removed by `release`.

    Raises
    ------
    LockHeld
        If another process holds it.
    OSError
        If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        while not self.held:
            # A link that somebody has put there leads to a file that is none of our business.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            file = os.open(path, flags, 0o666)
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_there(file):
                    os.truncate(file, 0)
                    os.write(file, str(os.getpid()).encode())
                    self._file = file
            except BlockingIOError:
                raise LockHeld(os.pread(file, 20, 0).decode("ascii", "replace")) from None
            finally:
                if self._file is None:
                    os.close(file)

    @property
    def held(self) -> bool:
        """Return whether it has not been released."""
        return self._file is not None

    def _is_there(self, file: int) -> bool:
        """Return whether the file still has its name: who held it may have removed it."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Remove the file and let go of it; do nothing the second time."""
        if self._file is not None:
            file, self._file = self._file, None
            if fcntl is not None:  # Windows removes no open file
                self._path.unlink(missing_ok=True)
            os.close(file)

    def __del__(self) -> None:
        """Let go of it when nobody else can."""
        self.release()
