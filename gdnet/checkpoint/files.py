"""The files of a checkpoint: the last one, the one before it, and the lock of its process."""

from __future__ import annotations

from pathlib import Path

from gdnet.atomic import check_writable, replacing
from gdnet.checkpoint.file import Saved, load
from gdnet.errors import CheckpointError, DataError
from gdnet.lock import FileLock, LockHeld


class CheckpointFiles:
    """A checkpoint on the disk, locked for this process until its lock is released.

    Parameters
    ----------
    path : Path
        The checkpoint.

    Attributes
    ----------
    lock : FileLock
        What other processes find held.

    Raises
    ------
    CheckpointError
        If another process has it open.
    DataError
        If it cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._target = check_writable(path)
        self._previous, lock = sibling_paths(self._target)
        self._unfinished = self._target.with_name(f".{self._target.name}.gdnet-tmp")
        # Whether the file is one that is worth keeping when it is replaced.
        self._intact = False
        self.lock = self._locked(lock)
        try:
            # What a killed process was writing: the lock says that it is gone.
            self._unfinished.unlink(missing_ok=True)
        except BaseException:
            self.lock.release()
            raise

    def _locked(self, path: Path) -> FileLock:
        try:
            return FileLock(path)
        except LockHeld as taken:
            raise CheckpointError(
                f"{self._path}: this checkpoint is open already, in process {taken.holder}; wait "
                "for that training to end, or give each one a checkpoint of its own"
            ) from None
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None

    def load(self) -> tuple[Saved | None, Path | None, str | None]:
        """Return what is saved, where, and why that is the previous checkpoint, if it is.

        Raises
        ------
        CheckpointError
            If the last checkpoint is damaged or foreign, and so is the previous one.
        """
        if not self._target.exists() and not self._previous.exists():
            return None, None, None
        try:
            saved = load(self._target)
        except CheckpointError as error:
            try:
                return load(self._previous), self._previous, str(error)
            except CheckpointError:
                raise error from None
        self._intact = True
        return saved, self._path, None

    def iterations(self) -> int | None:
        """Return after how many iterations the last checkpoint was saved; None without one."""
        try:
            saved = load(self._target)
        except CheckpointError:
            return None
        self._intact = True
        return saved.state.iteration

    def write(self, content: bytes) -> None:
        """Replace the last checkpoint in one step; it becomes the previous one if it is intact."""
        previous = self._previous if self._intact else None
        with replacing(self._target, temporary=self._unfinished, previous=previous) as file:
            file.write(content)
        self._intact = True


def sibling_paths(path: Path) -> tuple[Path, Path]:
    """Return the names of the files that stand beside a checkpoint.

    Parameters
    ----------
    path : Path
        The checkpoint.

    Returns
    -------
    previous : Path
        The checkpoint before it, ``FILE.previous``.
    lock : Path
        The lock, ``FILE.lock``.
    """
    return path.with_name(f"{path.name}.previous"), path.with_name(f"{path.name}.lock")
