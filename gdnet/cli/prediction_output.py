"""Writing predictions, some rows at a time: as CSV, as a Parquet table, or as an array."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gdnet.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    # Columns of the data as a pyarrow.Table, if any are kept, and what is written for their rows.
    Predicted = tuple[Any, np.ndarray[Any, Any]]

FORMATS = (".csv", ".parquet", ".npy", "")


@contextmanager
def output(out: str | None) -> Iterator[BinaryIO]:
    """Open a file that replaces `out` when the block ends well, or stdout."""
    from gdnet.atomic import replacing

    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with replacing(Path(out)) as file:
            yield file


def write_csv(file: BinaryIO, header: list[str], results: Iterator[Predicted]) -> None:
    """Write a header and rows of text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for k, (kept, result) in enumerate(results):
        if k == 0:
            writer.writerow([*([] if kept is None else kept.column_names), *header])
        # Python's own numbers print as few digits as tell them apart, in the dtype's precision.
        rows = result.astype(str) if result.dtype.kind == "f" else result
        columns = rows.reshape(len(rows), -1).T.tolist()
        if kept is not None:
            columns = [*map(_as_text, kept.columns), *columns]
        writer.writerows(zip(*columns, strict=True))
        file.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()


def _as_text(column: Any) -> list[str]:
    """Return values as text, a missing one as none."""
    import pyarrow as pa

    try:
        return list(column.cast(pa.string()).fill_null("").to_pylist())
    except pa.ArrowException:
        raise DataError(
            f"--keep: expected columns of numbers, text or times in a .csv file, got "
            f"{column.type}; a .parquet file takes them as they are"
        ) from None


def write_npy(file: BinaryIO, header: list[str], results: Iterator[Predicted]) -> None:
    """Write an array (m,) or (m, columns), which has no header."""
    from gdnet.data.arrays.npy_writer import NpyWriter

    del header
    writer = NpyWriter(file)
    for _, result in results:
        writer.append(result)
    writer.finish()


def write_parquet(file: BinaryIO, header: list[str], results: Iterator[Predicted]) -> None:
    """Write a table, one group of rows for each of the results."""
    import pyarrow as pa
    from pyarrow import parquet

    writer = None
    for kept, result in results:
        columns = dict(zip(header, map(pa.array, result.reshape(len(result), -1).T), strict=True))
        if kept is not None:
            columns = dict(zip(kept.column_names, kept.columns, strict=True)) | columns
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    assert writer is not None  # a file has rows
    writer.close()
