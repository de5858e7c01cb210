"""Files of named columns: what is asked of them, and messages on columns."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gdnet.data.labels.coded import LabelPieces
from gdnet.data.labels.types import PREDICT_IT, Typed
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.data.parts import Parts

# A message says of so many columns why they are not features.
MAX_EXPLAINED = 5

# A reason to refuse a column that has a remedy.
WITH_COMMAS = "numbers with commas"
WITHOUT_COMMAS = "save the numbers with decimal points and without commas"

# A reason to leave a column out.
NO_VALUES = "no value in any row"


class NotNumbers(Exception):  # noqa: N818 - never seen by a user
    """Some cell of some feature is not a finite number; which ones, a survey finds."""


class BadCells(NamedTuple):
    """The cells of a column that are not finite numbers.

    Attributes
    ----------
    first : int
        The row of the first of them, counted from 0.
    total : int
        How many there are.
    """

    first: int
    total: int


Survey = dict[str, BadCells]


class ColumnFile(Protocol):
    """A file of named columns.

    A format whose columns are Arrow's has all of this by `gdnet.data.columns.arrow_file.ArrowFile`.
    It is made of the file or several of the same columns (`parts`), of whether the first line
    names the columns, where that is a question (`header`: "auto", "yes" or "no"), and of more
    spellings of a missing cell (`na_values`).

    Attributes
    ----------
    knows_rows : bool
        Whether `most_rows` is their number, and `batches` takes ``rows``, a range of them.
    path : Path
        The file.
    names : tuple of str
        All columns, in the order of the file.
    refused : dict of str to str
        The columns that cannot be features, and why.
    texts : dict of str to str
        The columns of text, which are features where they are encoded.
    left_out : dict of str to str
        The columns that are features only where they are asked for, and why.
    notes : tuple of str
        What was guessed, in sentences for the user.
    """

    knows_rows: ClassVar[bool]
    path: Path
    names: tuple[str, ...]
    refused: dict[str, str]
    texts: dict[str, str]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    def __init__(
        self, parts: Parts, header: str = "auto", na_values: Collection[str] = ()
    ) -> None: ...

    @property
    def most_rows(self) -> int:
        """Return an upper bound of the number of rows."""

    def settle(self, but: Collection[str]) -> None:
        """Look for the values of columns that begin without one, and refuse those without any.

        Columns in `but` are not looked at.
        """

    def has_gaps(self, features: Collection[str]) -> bool:
        """Return whether it is known, without reading all rows, that cells are missing."""

    def check_target(self, target: str) -> None:
        """Raise DataError if the column cannot be a target."""

    def batches(
        self,
        features: Sequence[str],
        target: str | None,
        *,
        continuous: bool = False,
        texts: Collection[str] = (),
        gaps: bool = False,
    ) -> Iterator[Any]:
        """Yield Arrow record batches: the features in this order, then the target.

        With `continuous` that comes as numbers, like a feature. Features that are `texts` come as
        codes into a dictionary of text, or as numbers. With `gaps` missing numbers come as null or
        NaN, whatever spells them.

        Raises
        ------
        NotNumbers
            For a cell of a feature that is not a number.
        """

    def as_they_are(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield Arrow record batches of columns, of text or of the types of the file."""

    def survey(
        self,
        features: Sequence[str],
        dtype: npt.DTypeLike,
        *,
        texts: Collection[str] = (),
        gaps: bool = False,
    ) -> Survey:
        """Return for each feature that has them the cells that are not finite in a type.

        Of `texts` those that are missing; with `gaps` nothing that is missing.
        """

    def missing_labels(self, pieces: LabelPieces, *, typed: bool) -> npt.NDArray[np.bool_]:
        """Return which rows have no label, (m,), or nothing where all have one."""

    def labels(self, target: str, pieces: LabelPieces, first_row: int, *, typed: bool) -> Typed:
        """Return the target from its pieces, text without blanks around it.

        `typed` tells that the pieces are all of the file, and that text which stands for integers
        or booleans becomes such; among the classes of a model it is found as it is written.
        """

    def cells(self, places: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
        """Return where cells, of a row from 0 and a column, are and what they hold, in words."""


def import_pyarrow(path: Path) -> Any:
    """Return the module pyarrow.

    Raises
    ------
    DataError
        If it is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{path}: {path.suffix} files need pyarrow, which is not installed: pip install pyarrow"
        ) from None
    return pyarrow


def check_names(path: Path, names: Sequence[str], *, if_data: str = "") -> None:
    """Check that no two columns have the same name.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        Of its columns.
    if_data : str, default ""
        What to do if these are not names.

    Raises
    ------
    DataError
        If two have the same one.
    """
    double = [repr(name) for name, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(
            f"{path}: expected every column name once, got more than one {', '.join(double)}; "
            "rename or remove the others"
            + (f"; if that line is data: {if_data}" if if_data else "")
        )


def remedy_for_labels(typed: bool, *, are_numbers: bool) -> str:
    """Return what to do about missing labels.

    `typed` tells that they may be of a training, and `are_numbers` that the others look like a
    quantity.
    """
    if not typed:
        return "remove such rows"
    remedy = "remove such rows, or leave them out of a training: missing='drop'"
    return f"{remedy}; {PREDICT_IT}" if are_numbers else remedy


def explained(refused: Mapping[str, str]) -> str:
    """Return columns and why they are not features, for a message; shortened when many."""
    columns = [f"{name} ({why})" for name, why in refused.items()]
    shown = ", ".join(columns[:MAX_EXPLAINED])
    more = len(columns) - MAX_EXPLAINED
    return shown + (f" and {more} more" if more > 0 else "") + _remedy(refused.values())


def _remedy(reasons: Iterable[str]) -> str:
    return f"; {WITHOUT_COMMAS}" if any(why.startswith(WITH_COMMAS) for why in reasons) else ""


def listed(names: Sequence[str]) -> str:
    """Return names for a message, shortened when there are many."""
    shown = ", ".join(repr(name) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def ignoring(names: Iterable[str]) -> str:
    """Return the argument that leaves columns out."""
    return f"ignore={list(names)}"


def check_known(file: ColumnFile, names: Sequence[str], what: str) -> None:
    """Check that a file has such columns.

    Parameters
    ----------
    file : ColumnFile
        The file.
    names : sequence of str
        The columns.
    what : str
        How messages call one of them.

    Raises
    ------
    DataError
        If one is not there; names those that are.
    """
    known = set(file.names)
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    by_lower_case = {name.lower(): name for name in file.names}
    close = difflib.get_close_matches(unknown[0].lower(), by_lower_case, n=1)
    hint = f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""
    raise DataError(
        f"{file.path}: expected a {what} {unknown[0]!r}"
        + (f" and {len(unknown) - 1} more: {listed(unknown[1:])}" if unknown[1:] else "")
        + f", got columns {listed(file.names)}{hint}"
    )
