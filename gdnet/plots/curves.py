"""The costs of a run that are to be drawn, such as those that a history file has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gdnet._typing import Floats
from gdnet.errors import DataError


class HasCosts(Protocol):
    """A run that has costs: a `gdnet.descent.state.DescentResult`, or a `Curve`."""

    @property
    def costs(self) -> Floats:
        """Return the cost of every iteration, (iterations,)."""

    @property
    def validation_costs(self) -> Floats | None:
        """Return the same on validation data, or None."""

    @property
    def passes(self) -> npt.NDArray[np.int64] | None:
        """Return the passes made at the end of every iteration; None is one each."""


class Curve(NamedTuple):
    """The costs of a run.

    Attributes
    ----------
    costs : array of shape (iterations,)
        The cost of every iteration.
    validation_costs : array of shape (iterations,), or None
        The same on validation data; NaN where it was not finite.
    passes : array of shape (iterations,), or None
        The passes over the examples made at the end of every iteration; None is one each.
    """

    costs: Floats
    validation_costs: Floats | None = None
    passes: npt.NDArray[np.int64] | None = None


def read_history(path: str | Path) -> Curve:
    """Read the costs from a file that ``gdnet train --history`` has written, or is writing.

    Parameters
    ----------
    path : str or Path
        The file. A last line without a newline is not read: it may not be whole yet.

    Returns
    -------
    Curve
        Of all iterations in the file.

    Raises
    ------
    DataError
        If there is no such file, it has no iteration, or a line is not one of a history.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DataError(f"{path}: expected a history file, which cannot be read: {why}") from None
    lines = text.split("\n")[:-1]  # what follows the last newline is empty, or not yet whole
    read = [_cost_line(path, number, line) for number, line in enumerate(lines, 1)]
    if not read:
        raise DataError(f"{path}: expected the history of at least 1 iteration, got none")
    costs, validation, passes = np.array(read, np.float64).T
    return Curve(costs, None if np.isnan(validation).all() else validation, passes.astype(np.int64))


def _cost_line(path: str | Path, number: int, line: str) -> tuple[float, float, float]:
    try:
        record = json.loads(line)
        validation = record.get("validation_cost")
        return (
            float(record["cost"]),
            np.nan if validation is None else float(validation),
            int(record.get("passes", number)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise DataError(
            f'{path}, line {number}: expected an object such as {{"iteration": 0, "cost": 0.69}}, '
            f"as gdnet train --history writes it, got {line[:60]!r}"
        ) from None
