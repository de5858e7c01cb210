"""All candidates, their settings chosen, take turns, from start after start."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.interleave import Worker
from bench.peers import variables_of
from bench.to_cost.candidates import in_words
from bench.to_cost.serve import Order, Ran, Ready, serve
from bench.to_cost.tables import Plan, load
from bench.to_cost.tuning import Choice, RunFailed, ask, tuned
from bench.worker import Failed


class Entry(NamedTuple):
    """A candidate that takes part.

    Attributes
    ----------
    about : str
        Version and threads.
    choices : list of Choice
        One, or one for each target.
    runs : list of list of Ran
        Of each choice, one a round.
    """

    about: str
    choices: list[Choice]
    runs: list[list[Ran]]


def measure(
    table: str, names: Sequence[str], rounds: int, quick: bool, tell: Callable[[str], None]
) -> dict[str, Entry | Failed]:
    """Return what every candidate has come to on a table.

    Raises
    ------
    DataError
        If the package that ships the table is not installed.
    """
    plan = load(table, quick=quick).plan
    entries: dict[str, Entry | Failed] = {}
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name in names:
            worker = Worker(serve, name, table, quick, variables=variables_of(name, "cpu"))
            stack.callback(worker.end)
            workers[name] = worker
            entries[name] = entry = _entry(worker, plan)
            tell(f"{table}: {name}: {_in_words(entry)}")
        _take_turns(workers, entries, plan, rounds, tell)
    return entries


def _in_words(entry: Entry | Failed) -> str:
    if isinstance(entry, Failed):
        return entry.reason
    chosen = (f"{in_words(c.setting)} for {' and '.join(c.targets)}" for c in entry.choices)
    return "; ".join(chosen) if any(choice.setting for choice in entry.choices) else entry.about


def _entry(worker: Worker, plan: Plan) -> Entry | Failed:
    report: Ready | Failed = worker.receive()
    if isinstance(report, Failed):
        return report
    try:
        choices = tuned(worker, report.settings, plan)
    except RunFailed as failed:
        return Failed(str(failed))
    return Entry(report.about, choices, [[] for _ in choices])


def _take_turns(
    workers: dict[str, Worker],
    entries: dict[str, Entry | Failed],
    plan: Plan,
    rounds: int,
    tell: Callable[[str], None],
) -> None:
    """Fill in the runs, one of each choice a round; seeds are counted from 0."""
    turns = [
        (name, i)
        for name, entry in entries.items()
        if isinstance(entry, Entry)
        for i in range(len(entry.choices))
    ]
    orders = random.Random(0)
    for seed in range(rounds):
        orders.shuffle(turns)
        for name, i in turns:
            entry = entries[name]
            if isinstance(entry, Failed):
                continue
            choice = entry.choices[i]
            limits = dict.fromkeys(choice.targets, plan.budget)
            try:
                entry.runs[i].append(ask(workers[name], Order(choice.setting, seed, limits)))
            except RunFailed as failed:
                entries[name] = Failed(str(failed))
                tell(f"{name}: {failed}")
