"""``gdnet train --history``: the costs of a training, written while it goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.checkpoint import Checkpoint
    from gdnet.descent import Iteration


class HistoryFile:
    """Writes one JSON object an iteration: iteration, cost, validation_cost, seconds.

    An existing file is overwritten when the first iteration is told. If that is not iteration 0,
    because the training goes on from a checkpoint, those before it are written first.

    Parameters
    ----------
    path : str
        Where to.
    checkpoint : Checkpoint, optional
        What the training may go on from.

    Raises
    ------
    DataError
        If the file cannot be written.
    """

    def __init__(self, path: str, checkpoint: Checkpoint | None = None) -> None:
        self._path = path
        self._checkpoint = checkpoint
        self._file: TextIO | None = None

    def __enter__(self) -> HistoryFile:
        return self

    def __call__(self, told: Iteration) -> None:
        """Write the line of one iteration."""
        if self._file is None:
            self._begin()
        self._write(told.iteration, told.cost, told.validation_cost, told.seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file; what was told before an error is in it."""
        if self._file is None and error is None:  # a finished training had nothing more to tell
            self._begin()
        if self._file is not None:
            try:
                self._file.close()
            except OSError as failure:
                failure.filename = self._path
                raise

    def _begin(self) -> None:
        try:
            self._file = Path(self._path).open("w", encoding="utf-8")  # noqa: SIM115 - see __exit__
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written: {error.strerror or error}") from None
        earlier = None if self._checkpoint is None else self._checkpoint.progress
        if earlier is not None:
            costs, seconds = earlier.costs.tolist(), earlier.seconds.tolist()
            validation_costs: list[float | None] = [None] * len(costs)
            if earlier.validation_costs is not None:
                validation_costs = earlier.validation_costs.tolist()
            for i, line in enumerate(zip(costs, validation_costs, seconds, strict=True)):
                self._write(i, *line)

    def _write(
        self, iteration: int, cost: float, validation_cost: float | None, seconds: float
    ) -> None:
        assert self._file is not None
        line: dict[str, float | None] = {"iteration": iteration, "cost": cost}
        if validation_cost is not None:
            # JSON knows no infinity, which unscaled validation data may give.
            line["validation_cost"] = validation_cost if math.isfinite(validation_cost) else None
        line["seconds"] = round(seconds, 6)
        try:
            self._file.write(json.dumps(line, allow_nan=False) + "\n")
        except OSError as error:
            error.filename = self._path
            raise
