"""Parquet files of the same columns as one, with those that the names of their folders hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gdnet.data.columns.cells import is_integer
from gdnet.data.columns.named import check_names, listed
from gdnet.data.parquet.rows import batches_of, largest_row_group
from gdnet.data.parquet.schema import WithoutArrowSchema
from gdnet.data.parts import Parts, is_folder
from gdnet.errors import DataError

# Hive's name for the folder of a key without a value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class ParquetParts:
    """One Parquet file or several, read one after the other.

    Columns whose types differ, such as whole numbers in one file and decimals in another, have the
    type that holds both. Folders named ``key=value`` add a column ``key``, of whole numbers if all
    its values are.

    Parameters
    ----------
    parts : Parts
        The files.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns of the files, and behind them those of the folders.
    rows : int
        How many there are in all.
    largest_row_group : int
        How many rows the largest row group has.
    with_values : set of str
        The columns of which statistics say that they have a value that is not NaN.
    with_gaps : set of str
        The columns of which statistics say that cells are missing.
    notes : tuple of str
        What was read otherwise than it is stored, in sentences for the user.

    Raises
    ------
    DataError
        For a file that is damaged, or that has other columns, or folders, than the first.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.with_values, self.with_gaps = set[str](), set[str]()
        self.notes: tuple[str, ...] = ()
        self._counts: list[int] = []
        self.largest_row_group = 0
        schemas = []
        for path in parts.files:
            file, note = _open(path)
            with file:
                check_names(path, file.schema_arrow.names)
                schemas.append(file.schema_arrow)
                self._counts.append(file.metadata.num_rows)
                self.largest_row_group = max(
                    self.largest_row_group, largest_row_group(file.metadata)
                )
                statistics = first_statistics(file)
                self.with_values |= {k for k, found in statistics.items() if found.has_min_max}
                self.with_gaps |= {k for k, found in statistics.items() if found.null_count}
            self.notes += note
        self.rows = sum(self._counts)
        self._keys = _folder_keys(parts)
        self.schema = _common(parts, schemas, self._keys)

    def batches(self, names: list[str], height: int, rows: range | None = None) -> Iterator[Any]:
        """Yield Arrow record batches of at most `height` rows, with these columns in this order.

        With `rows` those alone; see `gdnet.data.parquet.rows.batches_of`.

        Raises
        ------
        DataError
            If a file is not a complete Parquet file.
        """
        import pyarrow as pa

        wanted = [self.schema.field(name) for name in names]
        end = 0
        for path, keys, count in zip(self._parts.files, self._keys, self._counts, strict=True):
            lo, end = end, end + count
            some = None
            if rows is not None:
                some = range(max(rows.start - lo, 0), min(rows.stop - lo, count))
                if not some:
                    continue
            stored = [name for name in names if name not in keys]
            try:
                file, _ = _open(path)
                with file:
                    # Dataset.to_batches would be shorter, but its memory grows with the file.
                    for batch in batches_of(file, height, stored, some):
                        yield pa.RecordBatch.from_arrays(
                            [_column(path, batch, field, keys) for field in wanted], names
                        )
            except pa.ArrowException as error:
                raise damaged(path, error) from None


def _column(path: Path, batch: Any, field: Any, keys: dict[str, Any]) -> Any:
    """Return a column of the rows of a batch, of the type that it has in all files."""
    import pyarrow as pa

    if field.name in keys:
        return pa.repeat(pa.scalar(keys[field.name], field.type), batch.num_rows)
    return _as_type(path, batch.column(field.name), field)


def _as_type(path: Path, column: Any, field: Any) -> Any:
    import pyarrow as pa

    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path}: expected column {field.name!r} as {field.type}, which holds the numbers of "
            f"all files, got {column.type}: {error}"
        ) from None


def _common(parts: Parts, schemas: list[Any], keys: list[dict[str, Any]]) -> Any:
    """Return the schema of all files, and their keys."""
    import pyarrow as pa

    schema = schemas[0]
    first = parts.files[0]
    for path, other, found in zip(parts.files, schemas, keys, strict=True):
        different = {*other.names} ^ {*schema.names} | {*found} ^ {*keys[0]}
        if different:
            raise DataError(
                f"{path}: expected the columns of {first}, and folders of the same keys, got "
                f"another file for {listed(sorted(different))}; give every file the same columns"
            )
        both = {*other.names} & {*found}
        if both:
            raise DataError(
                f"{path}: expected columns in the file or as folders, got both for "
                f"{listed(sorted(both))}; rename the folders"
            )
        if schema.types != [other.field(name).type for name in schema.names]:
            schema = _widened(path, schema, other)
    for name in keys[0]:
        values = [found[name] for found in keys]
        kind = pa.int64() if any(isinstance(value, int) for value in values) else pa.string()
        schema = schema.append(pa.field(name, kind))
    return schema


def _widened(path: Path, schema: Any, other: Any) -> Any:
    """Return a schema whose types hold those of another one, too."""
    import pyarrow as pa

    for i, field in enumerate(schema):
        kinds = [field.type, other.field(field.name).type]
        if kinds[0] == kinds[1]:
            continue
        plain = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
        try:
            one, two = (pa.schema([(field.name, kind)]) for kind in plain)
            common = pa.unify_schemas([one, two], promote_options="permissive")
        except pa.ArrowException:
            raise DataError(
                f"{path}: expected column {field.name!r} of type {kinds[0]} as in the files "
                f"before, got {kinds[1]}; save it in one type"
            ) from None
        schema = schema.set(i, common.field(0))
    return schema


def _folder_keys(parts: Parts) -> list[dict[str, Any]]:
    """Return the keys and values in the names of the folders of each file.

    Of a folder those within it count, otherwise those that are not the same for all files.
    """
    top = parts.path if is_folder(parts.path) else None
    found: list[dict[str, Any]] = []
    for file in parts.files:
        folders = (file.parent if top is None else file.parent.relative_to(top)).parts
        pairs = [name.partition("=") for name in folders if "=" in name.strip("=")]
        found.append({unquote(key): unquote(value) for key, _, value in pairs})
    if top is None:
        same = [name for name in found[0] if len({keys.get(name) for keys in found}) == 1]
        found = [{k: v for k, v in keys.items() if k not in same} for keys in found]
    for name in found[0]:
        values = {keys[name] for keys in found if name in keys} - {NO_VALUE}
        whole = values and all(map(_is_whole, values)) and len({*map(int, values)}) == len(values)
        for keys in found:
            if name in keys:
                text = keys[name]
                keys[name] = None if text == NO_VALUE else int(text) if whole else text
    return found


def _is_whole(text: str) -> bool:
    """Return whether a value is an int64, maybe with zeros before it, as months have."""
    return is_integer((text.lstrip("0") or "0") if text.isdigit() else text)


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

    # A buffered stream, not whole column chunks: a file may be a single row group.
    options = {"pre_buffer": False, "buffer_size": 2**14}
    try:
        try:
            return parquet.ParquetFile(str(path), **options), ()
        except pa.ArrowNotImplementedError:
            # Arrow's schema in the file may have types that pyarrow does not know.
            note = (
                f"{path.name} has types that pyarrow does not know and is read without "
                "the schema of Arrow: durations, if it has any, are whole numbers"
            )
            return parquet.ParquetFile(WithoutArrowSchema(path), **options), (note,)
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter for names of columns
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> DataError:
    """Return the error for a file that pyarrow cannot read."""
    return DataError(f"{path}: expected a complete Parquet file, got one that is not: {error}")
