"""The formats of files that are read: the only place that knows their extensions.

CONTRIBUTING.md has the recipe for another format.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gdnet.data.columns.named import ColumnFile


class Format(NamedTuple):
    """A format of named columns.

    Attributes
    ----------
    name : str
        How messages call it.
    extensions : tuple of str
        In lower case, with the dot.
    reader : str
        ``"module:class"`` of a `gdnet.data.columns.named.ColumnFile`, imported when it is needed.
    in_folders : bool, default False
        Whether a folder stands for all files of this format in it.
    """

    name: str
    extensions: tuple[str, ...]
    reader: str
    in_folders: bool = False


TAB_SEPARATED = (".tsv", ".tab")
CSV = Format(
    "CSV", (".csv", *TAB_SEPARATED, ".txt", ".dat", ".data"), "gdnet.data.csv.file:CsvFile"
)
#: The formats of named columns.
TABLES = (
    CSV,
    Format(
        "Parquet",
        (".parquet", ".parq", ".pq"),
        "gdnet.data.parquet.file:ParquetFile",
        in_folders=True,
    ),
)
# CSV that is compressed as a whole is decompressed as it is read.
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")

NPZ, NPY = ".npz", ".npy"
ARRAYS = (NPZ, NPY)

NAMED_COLUMNS = tuple(extension for each in TABLES for extension in each.extensions)
EXTENSIONS = (*NAMED_COLUMNS, *ARRAYS)
IN_FOLDERS = tuple(extension for each in TABLES if each.in_folders for extension in each.extensions)
# For messages and help.
TABLE_NAMES = " or ".join(each.name for each in TABLES)
FOLDER_NAMES = " or ".join(each.name for each in TABLES if each.in_folders)


def format_of(path: Path) -> str:
    """Return the extension that tells the format, in lower case: that of d.csv.gz is .csv."""
    suffix = path.suffix.lower()
    if suffix in COMPRESSED:
        inner = Path(path.stem).suffix.lower()
        return inner if inner in CSV.extensions else suffix
    return suffix


def table_of(extension: str) -> Format | None:
    """Return the format of named columns that has an extension; None for any other one."""
    return next((each for each in TABLES if extension in each.extensions), None)


def reader_of(extension: str) -> type[ColumnFile] | None:
    """Return what reads files of named columns with an extension; None for any other one."""
    found = table_of(extension)
    reader: type[ColumnFile] | None = None if found is None else resolve_name(found.reader)
    return reader


def knows_rows(extension: str) -> bool:
    """Return whether files say how many rows they have, and are read from any row on."""
    reader = reader_of(extension)
    return extension == NPY or (reader is not None and reader.knows_rows)
