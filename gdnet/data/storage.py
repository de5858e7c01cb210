"""Where rows are kept while they are computed with: decided, and said, before they are read."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from gdnet.backends.host import available_memory
from gdnet.errors import DataError

logger = logging.getLogger(__name__)

# More of the available memory than this is not filled with data.
MAX_SHARE_OF_MEMORY = 0.8
# Where fewer bytes go is not worth a word, as long as they go to memory.
WORTH_A_WORD = 2**28
GIB = 2**30


def fits_in_memory(size: int) -> bool:
    """Return whether so many bytes of data leave the process room to compute."""
    available = available_memory()
    return available is None or size <= MAX_SHARE_OF_MEMORY * available


def say_in_memory(path: Path, size: int, ranks: int = 1) -> None:
    """Say that so many bytes of rows, those of a rank, are read into memory, if they are many."""
    if size >= WORTH_A_WORD:
        logger.info(
            "%s: %s of rows are read into memory%s%s",
            path.name, _gib(size), _by_ranks(ranks), _free_memory(),
        )  # fmt: skip


def say_from_file(path: Path, size: int) -> None:
    """Say that so many bytes of rows stay in their file, if they are many."""
    if not fits_in_memory(size):
        logger.info(
            "%s does not fit into memory: %s are read in every iteration%s",
            path.name, _gib(size), _free_memory(),
        )  # fmt: skip
    elif size >= WORTH_A_WORD:
        logger.info("%s: %s of rows are read from the file as needed", path.name, _gib(size))


def folder_for(path: Path, size: int, *, exact: bool, ranks: int = 1) -> Path:
    """Return the folder for a temporary file of so many bytes of rows, and say so.

    It is that of the data, since the usual folder for temporary files may be kept in memory; that
    one where the first may not be written to, or has not the room.

    Parameters
    ----------
    path : Path
        The data.
    size : int
        The size of the file in bytes.
    exact : bool
        Whether that is its size, and not only an upper bound.
    ranks : int, default 1
        How many write such a file.

    Raises
    ------
    DataError
        If none of them has the room.
    """
    folders = [path.resolve().parent, Path(tempfile.gettempdir())]
    room = {folder: _room(folder) for folder in folders}
    folder = next((f for f in folders if room[f] >= size * ranks), None)
    if folder is None:
        folder = max(folders, key=room.__getitem__)
        if exact or not room[folder]:
            have = " and ".join(f"{f} ({_gib(room[f])} free)" for f in room)
            raise DataError(
                f"{path}: expected {_gib(size * ranks)} of free memory, or of disk in one of the "
                f"folders {have}, got less; make room, or set TMPDIR to a folder that has it"
            )
    logger.info(
        "%s does not fit into memory: %s of rows go to a temporary file%s in %s (%s free) and are "
        "read in every iteration",
        path.name, _gib(size) if exact else f"at most {_gib(size)}", _by_ranks(ranks), folder,
        _gib(room[folder]),
    )  # fmt: skip
    return folder


def _room(folder: Path) -> int:
    """Return how many bytes a file may take in a folder; 0 where none can be written."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _by_ranks(ranks: int) -> str:
    return "" if ranks == 1 else f" by each of {ranks} ranks"


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _free_memory() -> str:
    available = available_memory()
    return "" if available is None else f" ({_gib(available)} free)"
