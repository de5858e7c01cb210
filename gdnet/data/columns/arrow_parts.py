"""Files of Arrow's columns as one, with the columns that the names of their folders hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from gdnet.data.columns.cells import is_integer
from gdnet.data.columns.named import check_names, listed
from gdnet.data.columns.row_ranges import batches_of
from gdnet.data.formats import table_of
from gdnet.data.parts import Parts, is_folder
from gdnet.errors import DataError

# Hive's name for the folder of a key without a value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class OpenFile(ABC):
    """One open file whose columns are Arrow's: all that a format has to say for itself.

    Parameters
    ----------
    path : Path
        The file. An exception of pyarrow becomes an error of a damaged file.

    Attributes
    ----------
    schema : pyarrow.Schema
        Its columns.
    groups : sequence of int
        How many rows each group has; a group is what cannot be read from its middle.
    with_values : collection of str
        The columns of which it is known, without reading them, that they have a value that is not
        NaN; none by default. Asked for once, and not in every pass.
    with_gaps : collection of str
        Those of which it is known that cells are missing; none by default. Asked for once.
    notes : tuple of str
        What is read otherwise than it is stored, in sentences for the user.
    """

    schema: Any
    groups: Sequence[int]
    notes: tuple[str, ...] = ()

    @property
    def with_values(self) -> Collection[str]:
        """Return the columns of which it is known that they have a value."""
        return ()

    @property
    def with_gaps(self) -> Collection[str]:
        """Return the columns of which it is known that cells are missing."""
        return ()

    @abstractmethod
    def __init__(self, path: Path) -> None: ...

    @abstractmethod
    def read(self, groups: Sequence[int], names: Sequence[str], height: int) -> Iterator[Any]:
        """Yield the rows of groups, as Arrow record batches of these columns, in this order.

        Of at most `height` rows each.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of_an_error: object) -> None:
        self.close()


class ArrowParts:
    """One file of Arrow's columns or several, read one after the other.

    Columns whose types differ, such as whole numbers in one file and decimals in another, have the
    type that holds both. Folders named ``key=value`` add a column ``key``, of whole numbers if all
    its values are.

    Parameters
    ----------
    parts : Parts
        The files.
    opened : callable ``(path) -> OpenFile``
        How one of them is opened.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns of the files, and behind them those of the folders.
    rows : int
        How many there are in all.
    largest_group : int
        How many rows the largest group has.
    with_values, with_gaps : set of str
        Those of any of the files, see `OpenFile`.
    notes : tuple of str
        What was read otherwise than it is stored, in sentences for the user.

    Raises
    ------
    DataError
        For a file that is damaged, or that has other columns, or folders, than the first.
    """

    def __init__(self, parts: Parts, opened: Callable[[Path], OpenFile]) -> None:
        self._parts, self._opened = parts, opened
        self.with_values, self.with_gaps = set[str](), set[str]()
        self.notes: tuple[str, ...] = ()
        self._counts: list[int] = []
        self.largest_group = 0
        schemas = []
        for path in parts.files:
            with self._open(path) as file:
                check_names(path, file.schema.names)
                schemas.append(file.schema)
                self._counts.append(sum(file.groups))
                self.largest_group = max(self.largest_group, *file.groups, 0)
                self.with_values |= {*file.with_values}
                self.with_gaps |= {*file.with_gaps}
                self.notes += file.notes
        self.rows = sum(self._counts)
        self._keys = _folder_keys(parts)
        self.schema = _common(parts, schemas, self._keys)

    def batches(self, names: list[str], height: int, rows: range | None = None) -> Iterator[Any]:
        """Yield Arrow record batches of at most `height` rows, with these columns in this order.

        With `rows` those alone; see `gdnet.data.columns.row_ranges.batches_of`.

        Raises
        ------
        DataError
            If a file is not complete.
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
                with self._open(path) as file:
                    # Dataset.to_batches would be shorter, but its memory grows with the file.
                    for batch in batches_of(file, height, stored, some):
                        yield pa.RecordBatch.from_arrays(
                            [_column(path, batch, field, keys) for field in wanted], names
                        )
            except pa.ArrowException as error:
                raise self.damaged(path, error) from None

    def damaged(self, path: Path, error: Exception) -> DataError:
        """Return the error for a file that pyarrow cannot read."""
        kind = table_of(self._parts.format)
        name = "" if kind is None else f"{kind.name} "
        return DataError(f"{path}: expected a complete {name}file, got one that is not: {error}")

    def _open(self, path: Path) -> OpenFile:
        import pyarrow as pa

        try:
            return self._opened(path)
        except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter for names of columns
            raise self.damaged(path, error) from None


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
