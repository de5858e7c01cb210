"""Parquet, read by pyarrow a few rows at a time."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from gdnet.data.columns.arrow_file import ArrowFile
from gdnet.data.columns.arrow_parts import OpenFile
from gdnet.data.parquet.schema import WithoutArrowSchema


class OpenParquet(OpenFile):
    """An open Parquet file; what its statistics say is of its first row group."""

    def __init__(self, path: Path) -> None:
        self._file, self.notes = _open(path)
        metadata = self._file.metadata
        self.schema = self._file.schema_arrow
        self.groups = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]

    @functools.cached_property
    def _statistics(self) -> dict[str, Any]:
        return first_statistics(self._file)

    @property
    def with_values(self) -> Collection[str]:
        """Return the columns of which statistics say that they have a value that is not NaN."""
        return {name for name, found in self._statistics.items() if found.has_min_max}

    @property
    def with_gaps(self) -> Collection[str]:
        """Return the columns of which statistics say that cells are missing."""
        return {name for name, found in self._statistics.items() if found.null_count}

    def read(self, groups: Sequence[int], names: Sequence[str], height: int) -> Iterator[Any]:
        """Yield the rows of row groups."""
        found: Iterator[Any] = self._file.iter_batches(height, groups, names, use_threads=False)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ParquetFile(ArrowFile):
    """A Parquet file, or several, see `gdnet.data.columns.arrow_file.ArrowFile`."""

    opened = OpenParquet


def first_statistics(file: Any) -> dict[str, Any]:
    """Return the statistics of the columns in the first rows, where they can be looked at.

    They only spare a pass. Of a file whose description of a column is damaged, pyarrow 26 ends the
    process when its statistics are asked for: so a row is read first, which raises, and the types
    are compared.
    """
    import pyarrow as pa

    metadata = file.metadata
    if not metadata.num_row_groups:
        return {}
    try:
        next(file.iter_batches(1, [0], use_threads=False), None)
    except (pa.ArrowException, OSError):
        return {}
    first, found = metadata.row_group(0), {}
    for k in range(first.num_columns):
        column = first.column(k)
        if column.physical_type != metadata.schema.column(k).physical_type:
            return {}
        if column.is_stats_set:
            found[column.path_in_schema] = column.statistics
    return found


def _open(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Return a file that pyarrow reads, and what to say of it."""
    import pyarrow as pa
    from pyarrow import parquet

    # A buffered stream, not whole column chunks: a file may be a single row group. With larger
    # buffers pyarrow holds 8 to 14 MiB more under a limit of address space, and reads no sooner.
    options = {"pre_buffer": False, "buffer_size": 2**12}
    try:
        return parquet.ParquetFile(str(path), **options), ()
    except pa.ArrowNotImplementedError:
        # Arrow's schema in the file may have types that pyarrow does not know.
        note = (
            f"{path.name} has types that pyarrow does not know and is read without "
            "the schema of Arrow: durations, if it has any, are whole numbers"
        )
        return parquet.ParquetFile(WithoutArrowSchema(path), **options), (note,)
