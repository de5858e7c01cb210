"""What DATA names: one file, several files of one format, a pattern, or a folder of files."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from gdnet.data.formats import (
    CSV,
    EXTENSIONS,
    FOLDER_NAMES,
    IN_FOLDERS,
    NAMED_COLUMNS,
    TABLES,
    format_of,
    table_of,
)
from gdnet.data.opening import changed, reading
from gdnet.errors import DataError

Data = str | Path | Sequence[str | Path]


class Parts(NamedTuple):
    """Files of one kind, which are read one after the other.

    Attributes
    ----------
    path : Path
        What was asked for, for messages; the first of several.
    files : tuple of Path
        One or more, in the order in which they are read.
    """

    path: Path
    files: tuple[Path, ...]

    @property
    def format(self) -> str:
        """The extension that tells the format, see `gdnet.data.formats.format_of`."""
        return format_of(self.files[0])

    @property
    def by_name(self) -> bool:
        """Whether the columns have names."""
        return self.format in NAMED_COLUMNS

    @property
    def name(self) -> str:
        """How a summary calls them."""
        more = 0 if is_folder(self.path) or glob.has_magic(str(self.path)) else len(self.files) - 1
        return self.path.name + (f" and {more} more" if more else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """In which order several files are read, for the user."""
        if len(self.files) == 1:
            return ()
        return (
            f"{len(self.files)} files are read one after the other, from {self.files[0]} to "
            f"{self.files[-1]}",
        )


def parts_of(data: Data) -> Parts:
    """Return the files that `data` names, in the order in which they are read.

    Those of a folder and of a pattern are sorted by their paths, as text; others come in the order
    given. In a folder, files of such formats as Parquet are found at any depth, without those whose
    names, or folders, begin with a dot or an underscore.

    Parameters
    ----------
    data : str, Path, or sequence of them
        Files, folders, or patterns such as ``"2026-*.csv"``. What does not exist is returned as
        it is.

    Raises
    ------
    DataError
        For a folder or a pattern without files, the same file twice, and files of several kinds.
    """
    given = [Path(each) for each in ([data] if isinstance(data, str | Path) else data)]
    if not given:
        raise DataError("expected a file, or several, got an empty list")
    files = tuple(file for path in given for file in _files(path))
    parts = Parts(given[0], files)
    twice = [str(file) for file, count in Counter(files).items() if count > 1]
    if twice:
        raise DataError(f"{twice[0]}: expected every file once, got it twice")
    if len(files) > 1:
        for file in files:
            kind = table_of(format_of(file))
            if kind is None or kind is not table_of(parts.format):
                kinds = " or ".join(f"all {each.name}" for each in TABLES)
                raise DataError(
                    f"{file}: expected several files to be {kinds}, got it after "
                    f"{files[0]}; save them in one format, or join arrays by numpy.concatenate"
                )
    return parts


def is_folder(path: Path) -> bool:
    """Return whether there is a folder of that name, if it is one at all."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # whoever reads it says what is wrong
        return False


def would_be_read(data: Data, path: Path) -> bool:
    """Return whether a file would be among those of the folders and patterns in `data`."""
    for given in map(Path, [data] if isinstance(data, str | Path) else data):
        if is_folder(given):
            inside = path.resolve().is_relative_to(given.resolve())
            if inside and path.suffix.lower() in IN_FOLDERS:
                return True
        is_pattern = glob.has_magic(str(given)) and not os.path.lexists(given)
        if is_pattern and fnmatch.fnmatch(os.path.realpath(path), os.path.realpath(given)):
            return True
    return False


def _files(path: Path) -> list[Path]:
    if is_folder(path):
        found = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in IN_FOLDERS
            and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        )
        if not found:
            raise DataError(
                f"{path}: expected a file, or a folder of {FOLDER_NAMES} files, got a folder "
                f"with none; several {CSV.name} files are named by a pattern: "
                f"'{path}/*{CSV.extensions[0]}'"
            )
        return found
    if glob.has_magic(str(path)) and not os.path.lexists(path):
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207
        if not matches:
            raise DataError(f"{path}: expected a pattern that some files match, got none of them")
        return [file for match in matches for file in _files(match)]
    return [path]


@contextmanager
def reading_parts(parts: Parts, extensions: Sequence[str] = EXTENSIONS) -> Iterator[None]:
    """Check that all files can be read, and after the block that they are still the same.

    Raises
    ------
    DataError
        As `gdnet.data.opening.reading`, for each of them, and if a folder has others meanwhile.
    """
    with ExitStack() as stack:
        for file in parts.files:
            stack.enter_context(reading(file, extensions))
        yield
        if len(parts.files) > 1 and is_folder(parts.path) and parts_of(parts.path) != parts:
            raise changed(parts.path)
