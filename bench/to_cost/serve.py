"""A candidate on a table in a process of its own: it runs when the parent asks for it."""

from __future__ import annotations

import contextlib
import time
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from bench.to_cost.candidates import Candidate, Setting, make
from bench.to_cost.clock import Arrived, Clock, Judge, Point
from bench.to_cost.tables import Task, load
from bench.worker import Failed
from gdnet.errors import DeviceUnavailable
from gdnet.parameters import Parameters


class Ready(NamedTuple):
    """The candidate has its data.

    Attributes
    ----------
    settings : list of Setting
        What it may choose from.
    about : str
        Version and threads.
    """

    settings: list[Setting]
    about: str


class Order(NamedTuple):
    """A run that is asked for.

    Attributes
    ----------
    setting : Setting
        One of the candidate's.
    seed : int
        Of the first parameters and of the batches.
    limits : dict of str to float
        See `Clock`.
    """

    setting: Setting
    seed: int
    limits: dict[str, float]


class Ran(NamedTuple):
    """A run.

    Attributes
    ----------
    points : list of Point
        Where it was.
    setup_seconds : float
        Before it: importing the library, placing the data, compiling, a first epoch.
    """

    points: list[Point]
    setup_seconds: float


class _Rehearsal(Clock):
    """Ends a run after an epoch: whatever is compiled, is, and threads are awake."""

    def __init__(self, judge: Judge, task: Task) -> None:
        super().__init__(judge, task.plan.targets, {})
        self._left = task.plan.ticks_an_epoch + 1

    def tick(self, parameters: Parameters, passes: Any) -> None:
        """Look at the parameters, so that this has been done once, too."""
        float(passes)
        self._judge(parameters)
        self._left -= 1
        if not self._left:
            raise Arrived


def serve(connection: Connection, name: str, table: str, quick: bool) -> None:
    """Report Ready or Failed, then answer each Order with Ran or Failed; None ends it."""
    try:
        task = load(table, quick=quick)
        judge = Judge(task)
        began = time.perf_counter()
        candidate = make(name, task)
        to_place = time.perf_counter() - began
    except ModuleNotFoundError as missing:
        connection.send(Failed(f"{missing.name} is not installed"))
        return
    except DeviceUnavailable as unavailable:
        connection.send(Failed(str(unavailable)))
        return
    connection.send(Ready(list(candidate.settings), candidate.about))
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent was ended
        while (order := connection.recv()) is not None:
            try:
                rehearsed = _seconds_to_rehearse(candidate, order, task, judge)
                clock = Clock(judge, task.plan.targets, order.limits)
                _run(candidate, order, task, clock)
                connection.send(Ran(clock.points, to_place + rehearsed))
            except Exception as error:
                line = str(error).strip().partition("\n")[0]
                connection.send(Failed(f"{type(error).__name__}: {line}"))


def _seconds_to_rehearse(candidate: Candidate, order: Order, task: Task, judge: Judge) -> float:
    began = time.perf_counter()
    _run(candidate, order, task, _Rehearsal(judge, task))
    return time.perf_counter() - began


def _run(candidate: Candidate, order: Order, task: Task, clock: Clock) -> None:
    with contextlib.suppress(Arrived):
        candidate.run(task.start(order.seed), order.setting, order.seed, clock)
