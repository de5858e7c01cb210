"""The encoding of a model file, read from JSON that may be damaged."""

from __future__ import annotations

import math
from typing import Any

from gdnet.data.encoding.encoding import TEXT, Column, Encoding, Options


def encoding_from_json(value: Any) -> Encoding:
    """Return an encoding from what `Encoding.to_json` gives.

    Raises
    ------
    ValueError
        Says what is wrong.
    """
    if not (isinstance(value, dict) and set(value) == {"options", "columns"}):
        raise ValueError("expected options and columns of an encoding")
    options = _checked_options(value["options"])
    columns = value["columns"]
    if not (isinstance(columns, list) and columns):
        raise ValueError("expected the columns of an encoding, got none")
    found = [_checked_column(column) for column in columns]
    if len({column.name for column in found}) < len(found):
        raise ValueError("expected every column of an encoding once")
    return Encoding(found, options)


def _checked_options(value: Any) -> Options:
    if not (isinstance(value, dict) and set(value) == set(Options._fields)):
        raise ValueError("expected the options of an encoding")
    for name in ("categorical", "na_values"):
        if not _is_texts(value[name]):
            raise ValueError(f"expected the {name} of an encoding to be a list of text")
    most = value["max_categories"]
    if type(most) is not int or most < 1:
        raise ValueError(f"expected max_categories of at least 1, got {most!r}")
    if value["text"] not in TEXT or value["missing"] not in ("impute", "error"):
        raise ValueError(f"unknown options of an encoding {value['text']!r}, {value['missing']!r}")
    lists = {name: tuple(value[name]) for name in ("categorical", "na_values")}
    return Options(**(value | lists))


def _checked_column(value: Any) -> Column:
    kinds = ({"name", "missing", "mean"}, {"name", "missing", "levels", "other"})
    if not (isinstance(value, dict) and set(value) in kinds and isinstance(value["name"], str)):
        raise ValueError("expected a column of an encoding to be of numbers or of text")
    name, missing, other = value["name"], value["missing"], value.get("other", False)
    if not (type(missing) is bool and type(other) is bool):
        raise ValueError(f"expected true or false of column {name!r}")
    if "mean" in value:
        mean = value["mean"]
        if type(mean) is not float or not math.isfinite(mean):
            raise ValueError(f"expected a finite mean of column {name!r}, got {mean!r}")
        return Column(name, mean, missing=missing)
    levels = value["levels"]
    if not (_is_texts(levels) and levels and len({*levels}) == len(levels)):
        raise ValueError(f"expected different values of column {name!r}")
    return Column(name, None, tuple(levels), other, missing)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
