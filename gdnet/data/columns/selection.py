"""Which columns of a file are features, which the target, and why others are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gdnet.data.columns.named import (
    NO_VALUES,
    ColumnFile,
    check_known,
    explained,
)
from gdnet.data.labels.target_columns import target_columns
from gdnet.errors import DataError


class Selection(NamedTuple):
    """Which columns of a file are read, and which are ignored and why.

    Attributes
    ----------
    features : tuple of str
        The columns of features, in their order.
    target : str or None
        The target as it was asked for; None for none.
    ignored : mapping of str to str
        Columns that are not read, and why.
    by_name : bool
        Whether the features were asked for.
    continuous : bool
        Whether the target is a number to be predicted.
    targets : tuple of str
        The columns that `target` names.
    texts : frozenset of str
        Features that are taken as text, for an encoding.
    gaps : bool
        Whether other features may have missing cells, for an encoding.
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

    @property
    def numeric_target(self) -> bool:
        """Whether the target is numbers, in one column or several, and no labels."""
        return self.continuous or self.several


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
                f"{file.path}: expected columns to ignore besides the target, got {twice!r}, "
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
        raise DataError(f"{file.path}: expected a target that is not a feature, got {twice!r}")
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
