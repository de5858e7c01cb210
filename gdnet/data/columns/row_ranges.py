"""Some of the rows of a file of Arrow's columns: groups that hold none of them are not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from gdnet.data.columns.arrow_parts import OpenFile


def batches_of(
    file: OpenFile, height: int, names: Sequence[str], rows: range | None = None
) -> Iterator[Any]:
    """Yield Arrow record batches of columns of an open file.

    Parameters
    ----------
    file : OpenFile
        What is read.
    height : int
        The most rows of a batch.
    names : sequence of str
        The columns.
    rows : range, optional
        Which rows, by default all. Those that come before them in their group are decoded, and
        dropped: there is no way to begin in its middle.
    """
    if rows is None:
        yield from file.read(range(len(file.groups)), names, height)
        return
    ends = [0, *accumulate(file.groups)]
    groups = [
        k for k in range(len(file.groups)) if ends[k] < rows.stop and rows.start < ends[k + 1]
    ]
    if not groups:
        return
    at = ends[groups[0]]
    for batch in file.read(groups, names, height):
        lo, hi = max(rows.start - at, 0), min(rows.stop - at, batch.num_rows)
        at += batch.num_rows
        if lo < hi:
            yield batch.slice(lo, hi - lo)
        if at >= rows.stop:
            return


class RowsOfFile:
    """Some rows of a file, as a `gdnet.data.columns.named.ColumnFile` with no others.

    What is said of the file, such as which cells are not finite, is said of all of it.

    Parameters
    ----------
    file : ColumnFile
        The file, which knows how many rows it has.
    rows : range
        Which rows.
    """

    knows_rows: ClassVar[bool] = True

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
