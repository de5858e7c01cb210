"""The progress bar of a training, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
