"""Observers of a training: the progress bar and the history file."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.checkpoint import Checkpoint
    from gdnet.descent import Iteration

# An update costs more than an iteration of a small network.
SECONDS_BETWEEN_UPDATES = 0.1


@contextmanager
def progress_bar(iterations: int, examples: int) -> Iterator[Callable[[Iteration], None] | None]:
    """Show a progress bar on stderr; None where stderr is not a terminal.

    Parameters
    ----------
    iterations : int
        How many there are to make.
    examples : int
        How many each of them passes over.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    progress = Progress(
        TextColumn("{task.completed}/{task.total}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.fields[facts]}", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        expand=True,
        transient=True,
    )
    task = progress.add_task("", total=iterations, facts="")
    shown = -SECONDS_BETWEEN_UPDATES

    def update(told: Iteration) -> None:
        nonlocal shown
        done = told.iteration + 1
        if told.seconds - shown < SECONDS_BETWEEN_UPDATES and done < iterations:
            return
        shown = told.seconds
        rate = done / max(told.seconds, 1e-9)
        facts = f"cost {told.cost:.6f}  {rate:.4g} it/s  {_short(rate * examples)} examples/s"
        progress.update(task, completed=done, facts=facts)

    with progress:
        yield update


def _short(count: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.3g}"


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
