"""Rows for a saved model: from a built-in data set or a file, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.data.arrays.row_file import read_header
from gdnet.data.arrays.tables import array_rows
from gdnet.data.builtin import BUILTIN_NAMES, load_builtin
from gdnet.data.columns.files import column_file
from gdnet.data.encoding.encoding import Seen
from gdnet.data.files import iterate_table
from gdnet.data.formats import ARRAYS, NPY, reader_of
from gdnet.data.parts import Data, parts_of
from gdnet.errors import DataError
from gdnet.model.model import Model

#: Which of so many blocks are wanted.
Own = Callable[[int], range]

# So many rows are read, computed with and written at a time, or fewer with so many numbers.
MAX_ROWS = 65536
MAX_NUMBERS = 2**18
# An output that is written as text takes as much memory as so many numbers.
NUMBERS_A_TEXT = 16


def rows_at_a_time(shape: tuple[int, int, int]) -> int:
    """Return how many rows are held at a time for a network of shape (n0, n1, n2)."""
    n0, _, n2 = shape
    return max(1, min(MAX_ROWS, MAX_NUMBERS // max(n0, NUMBERS_A_TEXT * n2)))


def count_rows(data: Data) -> int | None:
    """Return how many rows files have; None where only reading them tells."""
    try:
        parts = parts_of(data)
        if parts.format == NPY:
            with parts.path.open("rb") as file:
                return read_header(file)[0][0]
        reader = reader_of(parts.format)
        if reader is not None and reader.knows_rows:
            return reader(parts).most_rows
    except Exception:  # whoever reads the file says what is wrong with it
        return None
    return None


def count_blocks(data: Data, rows_at_a_time: int) -> int:
    """Return how many blocks are yielded of all rows of a built-in set, .npy or Parquet file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if data in BUILTIN_NAMES:
        rows = len(load_builtin(str(data), np.float32).X)
    elif parts_of(data).format == NPY:
        with array_rows(str(data), dtype=np.float32) as (X, _):
            rows = len(X)
    else:
        with column_file(data) as file:
            rows = file.most_rows
    return -(-rows // rows_at_a_time)


def iterate_rows(
    data: Data,
    model: Model,
    rows_at_a_time: int,
    *,
    header: str = "auto",
    own: Own | None = None,
    seen: Seen | None = None,
) -> Iterator[HostArray]:
    """Yield the features of `data` that `model` takes, as rows (b, n0).

    `header` is as in `gdnet.data.files.read_table`, `own` and `seen` as in `iterate_table` there.

    Raises
    ------
    DataError
        If `data` cannot be read or has other features than the model.
    """
    for rows, _ in _stream(data, model, None, None, rows_at_a_time, header, own, seen):
        yield rows


def iterate_examples(
    data: Data,
    model: Model,
    target: str | None,
    labels: str | None,
    rows_at_a_time: int,
    *,
    header: str = "auto",
    own: Own | None = None,
    seen: Seen | None = None,
) -> Iterator[tuple[Any, HostArray]]:
    """Yield features (b, n0) and labels (b,) or (b, k).

    Those of a .npy or .npz file come as one: slices of the features are read when they are asked
    for.

    Parameters
    ----------
    data : str, Path, or sequence of them
        Built-in name, or files as of `gdnet.data.files.read_table`.
    model : Model
        Whose features, and whose target unless another is named.
    target, labels : str or None
        The column, or the file, that has the labels.
    rows_at_a_time : int
        The most rows of a CSV or Parquet file that are yielded together.
    header : {"auto", "yes", "no"}
        As in `gdnet.data.files.read_table`.
    own : callable, optional
        As in `gdnet.data.files.iterate_table`; the rows of an array file come all the same.
    seen : Seen, optional
        As in `gdnet.data.files.iterate_table`.

    Raises
    ------
    DataError
        If `data` cannot be read, has other features, or no labels.
    """
    if data in BUILTIN_NAMES:
        for rows, found in _stream(data, model, target, labels, rows_at_a_time, header, own, seen):
            assert found is not None  # they have labels
            yield rows, found
        return
    parts = parts_of(data)
    if target is None and labels is None and parts.by_name:
        target = model.target_name
        if target is None:
            raise DataError(
                f"{parts.path}: expected target=COLUMN or labels=FILE.npy, got neither; "
                "the model was trained without a named target"
            )
    if parts.format in ARRAYS:
        blocks = _whole(str(parts.path), model, target, labels)
    else:
        blocks = _stream(data, model, target, labels, rows_at_a_time, header, own, seen)
    for rows, found in blocks:
        if found is None:
            raise DataError(
                f"{parts.path}: expected labels=FILE.npy with one label a row, got none"
            )
        yield rows, found


def _whole(
    data: str, model: Model, target: str | None, labels: str | None
) -> Iterator[tuple[Any, HostArray | None]]:
    with array_rows(
        data,
        target=target,
        labels=labels,
        features=model.feature_names,
        dtype=model.trained_in,
        continuous=model.kind == "regression",
    ) as (rows, found):
        _check_width(data, rows.shape[1], model.shape[0])
        yield rows, found


def _stream(
    data: Data,
    model: Model,
    target: str | None,
    labels: str | None,
    rows_at_a_time: int,
    header: str,
    own: Own | None,
    seen: Seen | None,
) -> Iterator[tuple[HostArray, HostArray | None]]:
    dtype, n0 = model.trained_in, model.shape[0]
    if data in BUILTIN_NAMES:
        if target is not None or labels is not None:
            raise DataError(f"{data} is built in and has its labels: leave out target and labels")
        table = load_builtin(str(data), dtype)
        _check_width(str(data), table.X.shape[1], n0)
        count = -(-len(table.X) // rows_at_a_time)
        for k in range(count) if own is None else own(count):
            part = slice(k * rows_at_a_time, (k + 1) * rows_at_a_time)
            yield table.X[part], None if table.target is None else table.target[part]
        return
    blocks = iterate_table(
        data,
        target=target,
        labels=labels,
        features=model.feature_names,
        dtype=dtype,
        rows=rows_at_a_time,
        continuous=model.kind == "regression",
        header=header,
        encoding=model.encoding,
        own=own,
        seen=seen,
    )
    for rows, found in blocks:
        _check_width(str(parts_of(data).path), rows.shape[1], n0)
        yield rows, found


def _check_width(data: str, width: int, n0: int) -> None:
    if width != n0:
        raise DataError(f"{data}: the model takes {n0} features, got {width}")
