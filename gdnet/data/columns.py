"""Reading named columns (CSV, Parquet) into one array of rows, batch by batch."""

from __future__ import annotations

import ast
import difflib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gdnet.data.arrays import MAX_BAD_COLUMNS, Rows, allocate, remedy_for
from gdnet.data.cells import has_commas, is_number
from gdnet.data.coded_labels import LabelPieces
from gdnet.data.label_types import PREDICT_IT, Typed
from gdnet.data.opening import changed
from gdnet.data.source import first_not_finite
from gdnet.data.target_columns import target_columns
from gdnet.data.target_pieces import target_pieces
from gdnet.errors import DataError
from gdnet.phases import Done, unseen

# A message says of so many columns why they are no features.
MOST_EXPLAINED = 5

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
#: Writes the features of an Arrow record batch into an array (rows, features).
Encode = Callable[[Any, Rows], None]


class ColumnFile(Protocol):
    """A file of named columns.

    Attributes
    ----------
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

    path: Path
    names: tuple[str, ...]
    refused: dict[str, str]
    texts: dict[str, str]
    left_out: dict[str, str]
    notes: tuple[str, ...]

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


class Selection(NamedTuple):
    """Which columns of a file are read, and which are ignored and why.

    `by_name` tells that the features were asked for, and `continuous` that the target is a number
    to be predicted. `targets` are the columns that it names. `texts` are the features that are
    taken as text, and with `gaps` others may have missing cells: both are for an encoding.
    """

    features: tuple[str, ...]
    target: str | None
    ignored: Mapping[str, str]
    by_name: bool
    continuous: bool = False
    targets: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    gaps: bool = False

    @property
    def several(self) -> bool:
        """Whether the target is of several columns, of numbers."""
        return len(self.targets) > 1


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
    """Raise DataError if two columns have the same name; `if_data` helps if these are no names."""
    double = [repr(name) for name, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(
            f"{path}: expected every column name once, got more than one {', '.join(double)}; "
            "rename or remove the others"
            + (f"; if that line is data: {if_data}" if if_data else "")
        )


def select(
    file: ColumnFile,
    target: str | None,
    features: Sequence[str] | None,
    ignore: Sequence[str] = (),
    *,
    continuous: bool = False,
    categorical: Sequence[str] = (),
    text: bool = False,
    texts: Collection[str] = (),
    gaps: bool = False,
) -> Selection:
    """Return the columns to read: the features asked for, or all usable ones but those to ignore.

    Parameters
    ----------
    file : ColumnFile
        The file.
    target : str or None
        The column that is to be predicted.
    features : sequence of str or None
        The columns asked for; None for all of numbers.
    ignore : sequence of str, optional
        The columns to leave out.
    continuous : bool, default False
        Whether the target has numbers to be predicted.
    categorical : sequence of str, optional
        Without `features`: columns of numbers to be taken as text.
    text : bool, default False
        Without `features`: whether columns of text are taken as well.
    texts : collection of str, optional
        Which of `features` are taken as text.
    gaps : bool, default False
        Whether the others may have missing cells.

    Raises
    ------
    DataError
        For a column that is missing or cannot be used, or when no feature is left.
    """
    targets = target_columns(target, file.names)
    check_known(file, targets, "target column")
    unusable = file.refused | file.texts
    for name in targets:
        file.check_target(name)
        if (continuous or len(targets) > 1) and name in unusable:
            raise DataError(
                f"{file.path}: expected a target column of numbers, got "
                f"{explained({name: unusable[name]})}"
            )
    if features is None:
        check_known(file, ignore, "column to ignore")
        check_known(file, categorical, "categorical column")
        for name in categorical:
            if name in targets or name in ignore:
                what = "the target" if name in targets else "to be ignored, too"
                raise DataError(
                    f"{file.path}: expected categorical columns that are features, got {name!r}, "
                    f"which is {what}"
                )
        twice = next((name for name in targets if name in ignore), None)
        if twice is not None:
            raise DataError(
                f"{file.path}: expected columns to ignore beside the target, got {twice!r}, "
                "which is the target; ignore others, or choose another target"
            )
        file.settle(but=[*ignore, *categorical, *targets])
        wrong = {name: file.refused[name] for name in categorical if name in file.refused}
        if wrong:
            raise DataError(
                f"{file.path}: expected categorical columns of numbers or text, got "
                f"{explained(wrong)}"
            )
        taken = {*categorical, *(file.texts if text else ())}
        refused = file.refused | {n: why for n, why in file.texts.items() if n not in taken}
        refused |= {n: why for n, why in file.left_out.items() if n not in categorical}
        refused |= dict.fromkeys(ignore, "as asked")
        others = [name for name in file.names if name not in targets]
        ignored = {name: refused[name] for name in others if name in refused}
        chosen = tuple(name for name in others if name not in ignored)
        if not chosen:
            raise DataError(
                f"{file.path}: expected at least 1 column of numbers besides the target, "
                f"got {explained(ignored) or 'no other column'}"
            )
        found = frozenset(taken.intersection(chosen))
        return Selection(chosen, target, ignored, False, continuous, targets, found)
    check_known(file, features, "feature column")
    twice = next((name for name in targets if name in features), None)
    if twice is not None:
        raise DataError(f"{file.path}: expected a target that is no feature, got {twice!r}")
    unusable = file.refused | {n: why for n, why in file.texts.items() if n not in texts}
    refused = {
        name: unusable[name]
        for name in features
        if name in unusable and not (gaps and unusable[name] == NO_VALUES)
    }
    if refused:
        raise DataError(f"{file.path}: expected columns of numbers, got {explained(refused)}")
    found = frozenset(texts)
    return Selection(tuple(features), target, {}, True, continuous, targets, found, gaps)


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
    """Return columns and why they are no features, for a message; shortened when there are many."""
    columns = [f"{name} ({why})" for name, why in refused.items()]
    shown = ", ".join(columns[:MOST_EXPLAINED])
    more = len(columns) - MOST_EXPLAINED
    return shown + (f" and {more} more" if more > 0 else "") + _remedy(refused.values())


def _remedy(reasons: Iterable[str]) -> str:
    return f"; {WITHOUT_COMMAS}" if any(why.startswith(WITH_COMMAS) for why in reasons) else ""


def listed(names: Sequence[str]) -> str:
    """Return names for a message, shortened when there are many."""
    shown = ", ".join(repr(name) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def blocks(
    file: ColumnFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    rows: int,
    *,
    labels: LabelPieces | None = None,
    done: Done = unseen,
    encode: Encode | None = None,
    width: int | None = None,
    keep: npt.NDArray[np.bool_] | None = None,
    explain: bool = True,
) -> Iterator[tuple[Rows, Any]]:
    """Yield arrays of `rows` rows (the last one fewer) with their target.

    Memory is the block, one batch and the target, however large the file.

    Parameters
    ----------
    file : ColumnFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the arrays; every number must be finite in it.
    rows : int
        How many are yielded at a time.
    labels : LabelPieces, optional
        Where the target of all blocks goes; by default each block has its own.
    done : callable, optional
        Called with the number of rows of each batch.
    encode : callable ``(batch, out) -> None``, optional
        Writes the features of some rows; by default they are the numbers as they are.
    width : int, optional
        The number of features, where that is not the number of columns.
    keep : bool array of shape (m,), optional
        Which rows of the file; by default all.
    explain : bool, default True
        Whether cells that are not finite numbers are looked for and named.

    Raises
    ------
    DataError
        Names all columns with cells that are missing or not finite, and the first of each.
    NotNumbers
        In its place, if not `explain`.
    """
    try:
        stream = selected_batches(file, selection)
        stream = stream if keep is None else _kept(file, stream, keep)
        width = len(selection.features) if width is None else width
        yield from _blocks(file, selection, stream, (rows, width), dtype, labels, done, encode)
    except NotNumbers as error:
        if not explain:
            raise
        raise bad_cells(file, selection, dtype, str(error)) from None


def selected_batches(file: ColumnFile, selection: Selection) -> Iterator[Any]:
    """Return the batches of a file: the features, then the target, or several as they are."""
    wanted, target = selection.features, selection.target
    if selection.several:
        wanted, target = (*wanted, *selection.targets), None
    return file.batches(
        wanted,
        target,
        continuous=selection.continuous,
        texts=selection.texts,
        gaps=selection.gaps,
    )


def _kept(file: ColumnFile, stream: Iterator[Any], keep: npt.NDArray[np.bool_]) -> Iterator[Any]:
    """Yield the batches without the rows that are not kept."""
    import pyarrow as pa

    lo = 0
    for batch in stream:
        part = keep[lo : lo + batch.num_rows]
        if len(part) < batch.num_rows:
            raise changed(file.path)
        yield batch if part.all() else batch.filter(pa.array(part))
        lo += batch.num_rows


def _blocks(
    file: ColumnFile,
    selection: Selection,
    stream: Iterator[Any],
    shape: tuple[int, int],
    dtype: npt.DTypeLike,
    given: Any,
    done_with: Done,
    encode: Encode | None,
) -> Iterator[tuple[Rows, Any]]:
    X: Rows | None = None
    filled, rows = 0, shape[0]
    numbers = selection.continuous or selection.several
    pieces = given or target_pieces(rows, continuous=numbers)
    for batch in stream:
        done = 0
        while done < batch.num_rows:
            if X is None:
                X = allocate(file.path, shape, dtype)
            part = batch.slice(done, min(rows - filled, batch.num_rows - done))
            out = X[filled : filled + part.num_rows]
            (encode or _copy)(part, out)
            if out.size and first_not_finite(out) is not None:
                raise NotNumbers
            if selection.target is not None:
                columns = part.columns[len(selection.features) :]
                if numbers and not all(map(all_finite, columns)):
                    raise NotNumbers
                pieces.append(
                    part.select(range(len(selection.features), part.num_columns))
                    if selection.several
                    else columns[0]
                )
            filled += part.num_rows
            done += part.num_rows
            done_with(part.num_rows)
            if filled == rows:
                yield X, pieces
                X, filled = None, 0
                pieces = given or target_pieces(rows, continuous=numbers)
    if X is not None:
        yield X[:filled], pieces


def all_finite(column: Any) -> bool:
    """Return whether all numbers of an Arrow array are there and finite."""
    if column.null_count:
        return False
    return bool(np.isfinite(column.to_numpy(zero_copy_only=False).astype(np.float64)).all())


def _copy(part: Any, out: Rows) -> None:
    import pyarrow as pa

    if not out.shape[1]:
        return
    features = part.select(range(out.shape[1]))
    with np.errstate(over="ignore"):
        if all(kind == pa.float64() for kind in features.schema.types):
            # In one call, which takes half the time of one for each column.
            out[:] = features.to_tensor(null_to_nan=True).to_numpy()
        else:
            for j, column in enumerate(features.columns):
                if column.null_count:
                    raise NotNumbers
                out[:, j] = column.to_numpy(zero_copy_only=False)


def bad_cells(
    file: ColumnFile, selection: Selection, dtype: npt.DTypeLike, reason: str
) -> DataError:
    """Return the error that names all columns with cells that are not finite numbers."""
    bad: Survey = {}
    if selection.features:
        bad = file.survey(selection.features, dtype, texts=selection.texts, gaps=selection.gaps)
    if selection.continuous or selection.several:
        bad |= file.survey(selection.targets, np.float64)
    if not bad:  # a cell that the parser alone does not take
        return DataError(f"{file.path}: expected finite {np.dtype(dtype)} numbers, got: {reason}")
    found, remedies, texts = [], set(), {}
    named = [*bad.items()][:MAX_BAD_COLUMNS]
    places = file.cells([(cells.first, name) for name, cells in named])
    for (name, cells), (place, content) in zip(named, places, strict=True):
        count = f" (the first of {cells.total:,})" if cells.total > 1 else ""
        found.append(f"{content} in {place}, column {name!r}{count}")
        is_text = content[0] in "'\"" and not content[1:-1].endswith("...")
        cell = ast.literal_eval(content).strip() if is_text else content.strip("'").strip()
        remedies.add(_remedy_for_cell(cell))
        if is_text and not (has_commas(cell) or is_number(cell)):
            texts[name] = cell
    more = len(bad) - MAX_BAD_COLUMNS
    remedy = "; ".join(sorted(remedies))
    features = [name for name in bad if name not in selection.targets]
    if features and not selection.by_name:
        if texts and selection.gaps:
            remedy += f", or take cells for missing ones: na_values={sorted({*texts.values()})}"
            remedy += f", or columns for codes: categorical={list(texts)}"
        remedy += f", or leave columns out: {ignoring(features)}"
    elif bad.keys() & {*selection.targets} and not selection.by_name:
        remedy += ", or leave rows without a number out of a training: missing='drop'"
    return DataError(
        f"{file.path}: expected finite {np.dtype(dtype)} numbers, got {', '.join(found)}"
        + (f" and such cells in {more} more columns" if more > 0 else "")
        + f"; {remedy}"
    )


def _remedy_for_cell(content: str) -> str:
    if has_commas(content):
        return WITHOUT_COMMAS
    return remedy_for(float(content) if is_number(content) else math.nan)


def ignoring(names: Iterable[str]) -> str:
    """Return the argument that leaves columns out."""
    return f"ignore={list(names)}"


def check_known(file: ColumnFile, names: Sequence[str], what: str) -> None:
    """Raise DataError, with the names that there are, if a file has no such column."""
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
