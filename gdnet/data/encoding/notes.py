"""What is said of the encoding of a table: rows left out, values and gaps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.named import explained
from gdnet.data.encoding.encoding import Encoding, Seen, counted
from gdnet.errors import DataError


def left_out_notes(
    path: Path, keep: npt.NDArray[np.bool_], counts: Counter[str]
) -> tuple[str, ...]:
    """Return a sentence on rows that are left out for the missing cells of columns.

    Raises
    ------
    DataError
        If no row is left.
    """
    left_out = len(keep) - int(np.count_nonzero(keep))
    if left_out == len(keep):
        raise DataError(
            f"{path}: expected rows without missing values, got none: they are missing in "
            f"{counted(counts)}; leave out columns, or have them filled in: missing='impute'"
        )
    if not left_out:
        return ()
    return (
        f"{left_out:,} of {len(keep):,} rows have missing values and are left out: "
        f"{counted(counts)}",
    )


def encoding_notes(encoding: Encoding, seen: Seen) -> tuple[str, ...]:
    """Return sentences on what became of text and of gaps."""
    texts = {c.name: f"{len(c.levels)}" for c in encoding.columns if c.is_text}
    with_gaps = {c.name for c in encoding.columns if c.missing}
    with_others = {c.name for c in encoding.columns if c.other}
    gaps = {name: count for name, count in seen.gaps.items() if name in with_gaps}
    others = {name: count for name, count in seen.others.items() if name in with_others}
    numbers = {name: count for name, count in gaps.items() if name not in texts}
    of_text = {name: count for name, count in gaps.items() if name in texts}
    found = [
        ("text becomes one feature a value: {}", explained(texts)),
        ("all rarer values of a column have one feature in common: {}", counted(others)),
        (
            "a missing number becomes the mean, and a feature says where it is missing: {}",
            counted(numbers),
        ),
        ("missing text is a value of its own: {}", counted(of_text)),
    ]
    return tuple(sentence.format(columns) for sentence, columns in found if columns)
