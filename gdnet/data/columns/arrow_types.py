"""Which types of Arrow are numbers and which are text, and columns of them as plain arrays."""

from __future__ import annotations

from typing import Any


def is_numeric(kind: Any) -> bool:
    """Return whether a type is of numbers or truth values, maybe in a dictionary."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal(kind)
    )


def is_string(kind: Any) -> bool:
    """Return whether a type is text, maybe in a dictionary."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_text(kind: Any) -> bool:
    """Return whether a type is text, or bytes, as which some programs write text."""
    from pyarrow import types

    value_type = kind.value_type if types.is_dictionary(kind) else kind
    return is_string(kind) or bool(
        types.is_binary(value_type)
        or types.is_large_binary(value_type)
        or types.is_binary_view(value_type)
    )


def why_not(kind: Any) -> str:
    """Return why a column of a type is left out."""
    from pyarrow import types

    if types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return f"type {kind}, as which 128-bit integers are stored; save them as 64-bit integers"
    return f"type {kind}"


def storage(kind: Any) -> Any:
    """Return boolean for Arrow's truth values of a byte, and any other type as it is."""
    from pyarrow import bool_

    return bool_() if getattr(kind, "extension_name", None) == "arrow.bool8" else kind


def plain(column: Any) -> Any:
    """Return the values of a column, out of its dictionary if it has one."""
    import pyarrow as pa

    if getattr(column.type, "extension_name", None) == "arrow.bool8":
        column = column.storage.cast(pa.bool_())
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def as_numbers(column: Any) -> Any:
    """Return a column of numbers as what NumPy has, too."""
    import pyarrow as pa

    column = plain(column)
    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def coded_text(column: Any) -> Any:
    """Return text, and decimals, as codes into a dictionary, and other columns as they are.

    Raises
    ------
    pyarrow.ArrowInvalid
        For bytes that are not UTF-8.
    """
    import pyarrow as pa

    column = plain(column)
    if pa.types.is_decimal(column.type) or is_text(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string()).dictionary_encode()
    return column
