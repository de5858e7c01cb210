"""Some of the rows of a Parquet file: row groups that hold none of them are not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def batches_of(
    file: Any, height: int, names: Sequence[str], rows: range | None = None
) -> Iterator[Any]:
    """Yield Arrow record batches of columns of an open Parquet file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
        What is read.
    height : int
        The most rows of a batch.
    names : sequence of str
        The columns.
    rows : range, optional
        Which rows, by default all. Those that come before them in their row group are decoded, and
        dropped: Parquet has no way to begin in its middle.
    """
    if rows is None:
        yield from file.iter_batches(height, columns=names, use_threads=False)
        return
    groups, at = _row_groups(file.metadata, rows)
    if not groups:
        return
    for batch in file.iter_batches(height, groups, names, use_threads=False):
        lo, hi = max(rows.start - at, 0), min(rows.stop - at, batch.num_rows)
        at += batch.num_rows
        if lo < hi:
            yield batch.slice(lo, hi - lo)
        if at >= rows.stop:
            return


def _row_groups(metadata: Any, rows: range) -> tuple[list[int], int]:
    """Return the row groups that hold some of the rows, and the first row of the first of them."""
    groups: list[int] = []
    first = lo = 0
    for k in range(metadata.num_row_groups):
        hi = lo + metadata.row_group(k).num_rows
        if lo < rows.stop and rows.start < hi:
            first = first if groups else lo
            groups.append(k)
        lo = hi
    return groups, first


def largest_row_group(metadata: Any) -> int:
    """Return how many rows the largest row group has."""
    counts = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
    return max(counts, default=0)


class RowsOfFile:
    """Some rows of a file, as a `gdnet.data.columns.named.ColumnFile` with no others.

    What is said of the file, such as which cells are not finite, is said of all of it.

    Parameters
    ----------
    file : ParquetFile
        The file.
    rows : range
        Which rows.
    """

    def __init__(self, file: Any, rows: range) -> None:
        self._file, self._rows = file, rows

    @property
    def most_rows(self) -> int:
        """Return the number of the rows."""
        return len(self._rows)

    def batches(self, features: Sequence[str], target: str | None, **how: Any) -> Iterator[Any]:
        """Yield the record batches of these rows."""
        found: Iterator[Any] = self._file.batches(features, target, rows=self._rows, **how)
        return found

    def __getattr__(self, name: str) -> Any:
        """Return what the file has."""
        return getattr(self._file, name)
