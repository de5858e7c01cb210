"""``gdnet train --history``: the costs of a training, written while it runs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, BinaryIO

from gdnet.descent import DescentState, Next
from gdnet.errors import DataError

# To format lines takes longer than an iteration of a small network.
WRITE_INTERVAL_SECONDS = 0.25
# A resumed run writes those before it too, which may be millions.
LINES_AT_A_TIME = 8192


class HistoryFile:
    """A callback that writes a JSON object an iteration: iteration, costs, passes, seconds.

    An existing file is overwritten when the first iteration has been made. If that is not iteration
    0, because the training is resumed from a checkpoint, those before it are written first.

    Parameters
    ----------
    path : str
        Where to.

    Raises
    ------
    DataError
        If the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        # Iterations and bytes written. One tuple, so that lines whose writing a signal interrupts
        # are written again at the same place, and not twice.
        self._written = 0, 0

    def __call__(self, state: DescentState) -> Next:
        """Write the lines of the iterations that are not written yet."""
        if self._file is None:
            self._begin()
        self._write(state)
        return Next(seconds=WRITE_INTERVAL_SECONDS)

    def end(self, state: DescentState, error: BaseException | None) -> None:
        """Write what is missing; an error before the first iteration leaves the file as it was.

        Raises
        ------
        DataError, OSError
            If the file cannot be written.
        """
        if self._file is None and error is None:
            self._begin()
        if self._file is not None:
            try:
                self._write(state)
                self._file.close()
                self._file = None
            except OSError as failure:
                failure.filename = self._path
                raise

    def _begin(self) -> None:
        try:
            self._file = Path(self._path).open("wb")  # noqa: SIM115 - see `end`
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written: {error.strerror or error}") from None

    def _write(self, state: DescentState) -> None:
        while self._written[0] < state.iteration:
            self._write_some(state)

    def _write_some(self, state: DescentState) -> None:
        assert self._file is not None
        iterations, size = self._written
        new = slice(iterations, min(iterations + LINES_AT_A_TIME, state.iteration))
        columns: dict[str, list[Any]] = {
            "cost": state.costs[new].tolist(),
            "passes": state.passes[new].tolist(),
        }
        if state.validation_costs is not None:
            # JSON knows no infinity, which unscaled validation data may give.
            others = state.validation_costs[new].tolist()
            columns["validation_cost"] = [J if math.isfinite(J) else None for J in others]
        columns["seconds"] = state.seconds[new].round(6).tolist()
        lines = "".join(
            json.dumps(dict(zip(("iteration", *columns), values, strict=True)), allow_nan=False)
            + "\n"
            for values in zip(range(new.start, new.stop), *columns.values(), strict=True)
        ).encode()
        try:
            if self._file.seekable():
                self._file.seek(size)
            self._file.write(lines)
            self._written = new.stop, size + len(lines)
        except OSError as error:
            error.filename = self._path
            raise
