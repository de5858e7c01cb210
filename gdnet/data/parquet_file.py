"""Parquet, read by pyarrow a few rows at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gdnet.data.arrays import Rows
from gdnet.data.columns import check_names, import_pyarrow
from gdnet.data.opening import changed
from gdnet.errors import DataError

_BATCH_NUMBERS = 2**18


class ParquetFile:
    """A Parquet file, see `gdnet.data.columns.ColumnFile`.

    Raises
    ------
    DataError
        If pyarrow is missing, or the file is damaged or has no rows.
    """

    def __init__(self, path: Path) -> None:
        pa = import_pyarrow(path)
        self.path = path
        with self._open() as file:
            schema = file.schema_arrow
            self._rows: int = file.metadata.num_rows
        self.names: tuple[str, ...] = tuple(schema.names)
        check_names(path, self.names)
        if self._rows < 1:
            raise DataError(f"{path}: expected at least 1 row, got {self._rows}")
        self._types = dict(zip(self.names, schema.types, strict=True))
        self.refused: dict[str, str] = {}
        for name, kind in self._types.items():
            if re.fullmatch(r"__index_level_\d+__", name):
                self.refused[name] = "an index that pandas wrote"
            elif not (_is_numeric(kind) or pa.types.is_null(kind)):
                self.refused[name] = f"type {kind}"

    @property
    def most_rows(self) -> int:
        """Return the number of rows."""
        return self._rows

    def check_target(self, target: str) -> None:
        """Raise DataError unless the column holds numbers, booleans or text."""
        kind = self._types[target]
        if not (_is_numeric(kind) or _is_text(kind)):
            raise DataError(
                f"{self.path}: expected numbers, booleans or text in target column {target!r}, "
                f"got type {kind}"
            )

    def batches(self, features: Sequence[str], target: str | None) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target."""
        import pyarrow as pa

        names = [*features] if target is None else [*features, target]
        try:
            with self._open() as file:
                # Dataset.to_batches would be shorter, but its memory grows with the file.
                for batch in file.iter_batches(
                    max(64, _BATCH_NUMBERS // len(names)), columns=names, use_threads=False
                ):
                    yield pa.RecordBatch.from_arrays(
                        [_plain(batch.column(name)) for name in names], names
                    )
        except pa.ArrowException as error:
            raise _damaged(self.path, error) from None

    def labels(self, target: str, pieces: list[Any], first_row: int, *, whole: bool) -> Rows:
        """Return the target with the type of its column, text as objects."""
        import pyarrow as pa

        del whole
        column = pa.chunked_array(pieces).unify_dictionaries().combine_chunks()
        if column.null_count:
            missing = column.is_null().to_numpy(zero_copy_only=False).argmax()
            raise DataError(
                f"{self.path}: expected a label in every row, got a missing value in row "
                f"{first_row + int(missing)} (counted from 0), column {target!r}; "
                "remove such rows"
            )
        if pa.types.is_dictionary(column.type):
            cells = np.array(column.dictionary.to_pylist(), object)
            return np.asarray(cells[column.indices.to_numpy()])
        return np.asarray(column.to_numpy(zero_copy_only=False))

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """Return the row and the content of a cell, by reading its column once more."""
        place = f"row {row} (counted from 0)"
        lo = 0
        for batch in self.batches([column], None):
            if row < lo + batch.num_rows:
                value = batch.column(0)[row - lo].as_py()
                return place, "a missing value" if value is None else str(value)
            lo += batch.num_rows
        raise changed(self.path)

    def _open(self) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            # A buffered stream, not whole column chunks: a file may be a single row group.
            return parquet.ParquetFile(str(self.path), pre_buffer=False, buffer_size=2**16)
        except pa.ArrowException as error:
            raise _damaged(self.path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: expected a complete Parquet file, got one that is not: {error}")


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
    )


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _plain(column: Any) -> Any:
    """Return numbers as they are, text as codes into a dictionary: m strings would be large."""
    import pyarrow as pa

    if _is_text(column.type):
        return column.cast(pa.string()).dictionary_encode()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.float64())
    return column
