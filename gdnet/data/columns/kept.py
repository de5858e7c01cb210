"""Columns of a file as they are, some rows at a time, to be written beside predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gdnet.data.columns.files import column_file
from gdnet.data.columns.named import check_known
from gdnet.data.opening import changed
from gdnet.data.parts import Data


class KeptColumns:
    """Columns of CSV or Parquet files: cells of text, or values of the types of the file.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        The columns, in the order of the rows.
    path : Path
        The file, for messages.
    """

    def __init__(self, batches: Iterator[Any], path: Any) -> None:
        self._batches, self._path = batches, path
        self._rest: Any = None

    def take(self, rows: int) -> Any:
        """Return the next so many rows, as a pyarrow.Table.

        Raises
        ------
        DataError
            If there are not so many.
        """
        import pyarrow as pa

        taken = []
        while rows:
            if self._rest is None or not self._rest.num_rows:
                self._rest = next(self._batches, None)
                if self._rest is None:
                    raise changed(self._path)
            taken.append(self._rest.slice(0, rows))
            self._rest = self._rest.slice(taken[-1].num_rows)
            rows -= taken[-1].num_rows
        return pa.Table.from_batches(taken)


@contextmanager
def kept_columns(data: Data, names: Sequence[str], header: str = "auto") -> Iterator[KeptColumns]:
    """Give columns of files, to be taken while their rows are predicted.

    Parameters
    ----------
    data : str, Path, or sequence of them
        CSV or Parquet files, as of `gdnet.data.files.read_table`.
    names : sequence of str
        The columns.
    header : {"auto", "yes", "no"}
        Whether the first line of a CSV file names the columns.

    Raises
    ------
    DataError
        If there is no such file or column.
    """
    with column_file(data, header) as file:
        check_known(file, names, "column to keep")
        batches = file.as_they_are(names)
        yield KeptColumns(batches, file.path)
        if next(batches, None) is not None:
            raise changed(file.path)
