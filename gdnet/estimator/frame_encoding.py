"""How the columns of a data frame are encoded: learnt from one, and the features of another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.arrow_types import is_numeric, is_string, storage, why_not
from gdnet.data.columns.named import NO_VALUES, NotNumbers, explained
from gdnet.data.encoding.encoding import Encoding, Options, Seen, counted
from gdnet.data.encoding.learner import Learner
from gdnet.errors import DataError
from gdnet.estimator.frames import FrameColumns


def learnt_encoding(table: FrameColumns, options: Options) -> tuple[Encoding, dict[str, str]]:
    """Return the encoding that a data frame teaches, and which columns it leaves out and why.

    Raises
    ------
    DataError
        For codes that are not among the columns, numbers that are not finite, columns of mixed
        types, missing values where they are an error, or if no column can be encoded.
    """
    from pyarrow import types

    unknown = [name for name in options.categorical if name not in table.names]
    if unknown:
        raise DataError(f"categorical: expected columns of X, got {unknown[0]!r}")
    left_out, names, texts = {}, [], set()
    for name in table.names:
        kind = storage(table.column(name).type)
        wanted = options.text == "encode" or name in options.categorical
        if name in options.categorical or is_string(kind):
            texts.add(name)
        if (is_string(kind) and wanted) or is_numeric(kind):
            names.append(name)
        else:
            left_out[name] = "text" if is_string(kind) else why_not(kind)
            if types.is_null(kind):
                left_out[name] = NO_VALUES
    learner = Learner(names, texts, options)
    for _, batch in table.batches(names, texts):
        try:
            learner.add(batch)
        except NotNumbers:
            raise _not_finite(names, texts, batch) from None
    encoding, more = learner.learnt()
    left_out |= more
    if encoding is None:
        raise DataError(
            "X: expected at least one column that can be encoded, got "
            f"{explained(left_out) or 'none'}"
        )
    if options.missing == "error":
        features_of(table, encoding)
    return encoding, left_out


def features_of(table: FrameColumns, encoding: Encoding) -> tuple[npt.NDArray[np.float64], Seen]:
    """Return the features (m, n0) of all rows, and what was met.

    Raises
    ------
    DataError
        For a column that is not there or of another type, numbers that are not finite, and missing
        values where they are an error.
    """
    names, seen = encoding.column_names, Seen()
    out = np.empty((table.rows, len(encoding.features)))
    for name in names:
        table.check(name, text=name in encoding.texts)
    for lo, batch in table.batches(names, encoding.texts):
        part = out[lo : lo + batch.num_rows]
        try:
            encoding.encode(batch, part, seen)
        except NotNumbers as error:
            raise DataError(
                f"X: expected a value in every cell, got missing ones in {error}"
            ) from None
        if not np.isfinite(part).all():
            raise _not_finite(names, encoding.texts, batch)
    return out, seen


def _not_finite(names: Sequence[str], texts: Collection[str], batch: Any) -> DataError:
    """Return the error that names the columns with infinite numbers."""
    counts = {}
    for name, column in zip(names, batch.columns, strict=True):
        if name not in texts:
            values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
            counts[name] = int(np.isinf(values).sum())
    found = {name: count for name, count in counts.items() if count}
    return DataError(f"X: expected finite numbers, got infinite ones in {counted(found)}")
