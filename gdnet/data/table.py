"""What the readers hand over: rows of features and, where asked for, a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gdnet.data.arrays.row_file import RowFile
from gdnet.data.encoding.encoding import Encoding


@dataclass(frozen=True)
class Table:
    """Rows of a data set, examples in rows.

    Attributes
    ----------
    X : array or RowFile of shape (m, n0)
        Features, C-ordered. An array in memory is float32 or float64; rows that are read from a
        file as they are needed keep its type, which may be an integer.
    target : array of shape (m,) or (m, k), CodedLabels of shape (m,), or None
        One label per row, of any type, strings as objects; or 0 and 1, one column per label; or
        numbers to be predicted; None where no target was asked for.
    feature_names : tuple of str or None
        Names of the columns of X, None where the file has none.
    target_name : str or None
        Name of the target, None where it has none.
    name : str
        How a summary calls the data.
    owned : bool
        Whether X is private memory of gdnet, which may be standardised in place.
    standardize_by_default : bool
        Whether training standardises the features by default.
    ignored : dict of str to str
        Columns of the file that are neither features nor target, and why.
    spellings : tuple of str or None
        How false and true are spelled in a target of booleans that were text.
    notes : tuple of str
        What was guessed, or looks as if it was not meant, in sentences for the user.
    task : {"classification", "regression"} or None
        What the target is for, where that is known.
    encoding : Encoding or None
        How the features were made of the columns of a file, where they are not just these.
    """

    X: Any
    target: Any
    feature_names: tuple[str, ...] | None
    target_name: str | None
    name: str
    owned: bool
    standardize_by_default: bool = True
    ignored: Mapping[str, str] = field(default_factory=dict)
    spellings: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    task: str | None = None
    encoding: Encoding | None = None

    @property
    def storage(self) -> str:
        """Where the rows are: in "memory", their "file", or a "temporary file"."""
        if getattr(self.X, "temporary", False):
            return "temporary file"
        return "file" if isinstance(self.X, RowFile) else "memory"
