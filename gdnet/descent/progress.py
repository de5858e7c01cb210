"""The progress bar on a terminal: that of a training, and those of what comes before and after."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from gdnet.descent import Callback, DescentState, Next
from gdnet.phases import Done

# An update costs more than an iteration of a small network.
UPDATE_INTERVAL_SECONDS = 0.1


@contextmanager
def bar(
    total: int | None, *, name: str = "", quiet: bool = False
) -> Iterator[Callable[..., object]]:
    """Show on stderr how many of a total are done; nothing where it is not a terminal.

    Parameters
    ----------
    total : int or None
        How many there are to be; None where that is not known.
    name : str, optional
        What is being done.
    quiet : bool, default False
        Whether to show none anyway.

    Yields
    ------
    callable ``(done, facts="") -> None``
        Shows how many are done, and a few words.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, facts="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    of_total = "" if total is None else "/{task.total:,}"
    progress = Progress(
        TextColumn(
            (f"{name} " if name else "") + "{task.completed:,}" + of_total,
            table_column=Column(no_wrap=True),
        ),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.fields[facts]}", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        expand=True,
        transient=True,
    )
    task = progress.add_task("", total=total, facts="")
    with progress:
        yield lambda done, facts="": progress.update(task, completed=done, facts=facts)


class ShownPhases:
    """Phases of a command, each with its bar on a terminal; see `gdnet.phases.Phases`.

    Parameters
    ----------
    quiet : bool, default False
        Whether to show no bars.
    ranks : int, default 1
        How many do as much as this process.

    Attributes
    ----------
    seconds : dict of str to float
        How long each has taken so far.
    """

    def __init__(self, *, quiet: bool = False, ranks: int = 1) -> None:
        self._quiet, self._ranks = quiet, ranks
        self.seconds: dict[str, float] = {}

    @property
    def facts(self) -> dict[str, float]:
        """The seconds of each phase, by names for a summary."""
        return {f"{name}_seconds": seconds for name, seconds in self.seconds.items()}

    @contextmanager
    def __call__(self, name: str, total: int | None) -> Iterator[Done]:
        """Show how many examples of a total are done, and take the time."""
        began, done, lock = time.perf_counter(), 0, threading.Lock()
        try:
            with bar(total, name=name, quiet=self._quiet) as show:

                def advance(count: int) -> None:
                    nonlocal done
                    with lock:
                        done += count * self._ranks
                        show(done if total is None else min(done, total))

                yield advance
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@contextmanager
def progress_bar(
    iterations: int, examples: int, *, quiet: bool = False
) -> Iterator[list[Callback]]:
    """Show how far a descent is; yields the callback, none where there is nothing to show it on.

    Parameters
    ----------
    iterations : int
        How many there are to make.
    examples : int
        How many there are.
    quiet : bool, default False
        Whether to show none anyway.
    """
    if quiet or not sys.stderr.isatty():
        yield []
        return
    with ExitStack() as stack:
        yield [_TrainingBar(stack, stack.enter_context(bar(iterations)), examples)]


class _TrainingBar:
    """A callback that shows the iterations, and takes its bar away after the last one."""

    def __init__(self, stack: ExitStack, show: Callable[..., object], examples: int) -> None:
        self._stack, self._show, self._examples = stack, show, examples

    def __call__(self, state: DescentState) -> Next:
        seconds = max(state.seconds[-1], 1e-9)
        how = f"{state.iteration / seconds:.4g} it/s"
        if state.step is not None:
            how = f"{state.passes[-1]} passes  step {state.step:.3g}"
        rate = _short(state.passes[-1] / seconds * self._examples)
        self._show(state.iteration, f"cost {state.cost:.6f}  {how}  {rate} examples/s")
        return Next(seconds=UPDATE_INTERVAL_SECONDS)

    def end(self, state: DescentState, error: BaseException | None) -> None:
        del state, error
        self._stack.close()


def _short(count: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.3g}"
