"""The clock of a run: it stops while gdnet finds the cost, the same measure for everybody."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bench.to_cost.tables import TARGETS, Task
from gdnet.backends import get_backend
from gdnet.parameters import Parameters


class Point(NamedTuple):
    """Where a run was.

    Attributes
    ----------
    seconds : float
        Since its start, those of looking at it left out.
    cost, validation : float
        The cost of the training rows, the log loss of those held out.
    passes : float
        How often it had gone over the training rows.
    """

    seconds: float
    cost: float
    validation: float
    passes: float


class Arrived(Exception):  # noqa: N818 - not an error
    """Ends a run: it has reached what it was to reach, or its time is up."""


class Judge:
    """Finds the cost and the log loss of parameters, with gdnet, on rows in float32."""

    def __init__(self, task: Task) -> None:
        self._backend = get_backend("cpu")
        self._sets = [each.full_batch(self._backend) for each in (task.training, task.held_out)]

    def __call__(self, parameters: Parameters) -> tuple[float, float]:
        """Return the cost of the training rows and the log loss of those held out."""
        with self._backend.activate():
            parameters = self._sets[0].place(parameters)
            cost, validation = (float(each.value(parameters)) for each in self._sets)
        return cost, validation


class Clock:
    """Runs while a candidate computes, and keeps what it has come to.

    Parameters
    ----------
    judge : callable ``parameters -> (cost, validation)``
        See `Judge`.
    targets : mapping of str to float
        For each of `TARGETS` how low it has to come.
    limits : mapping of str to float
        For each target that is waited for the seconds after which it is not.

    Attributes
    ----------
    points : list of Point
        One a tick.
    """

    def __init__(
        self, judge: Judge, targets: Mapping[str, float], limits: Mapping[str, float]
    ) -> None:
        self._judge, self._targets = judge, targets
        self._waiting = dict(limits)
        self._seconds, self._began = 0.0, math.nan
        self.points: list[Point] = []

    def start(self) -> None:
        """Let it run: data and parameters are in place."""
        self._began = time.perf_counter()

    def tick(self, parameters: Parameters, passes: Any) -> None:
        """Stop, look at the parameters, and go on.

        Parameters
        ----------
        parameters : Parameters
            NumPy arrays.
        passes : number
            How often the run has gone over the training rows; read while the clock stands.

        Raises
        ------
        Arrived
            If nothing is waited for any more, or the cost is no number.
        """
        self._seconds += time.perf_counter() - self._began
        with np.errstate(over="ignore", invalid="ignore"):
            point = Point(self._seconds, *self._judge(parameters), float(passes))
        if not math.isfinite(point.cost):
            raise Arrived
        self.points.append(point)
        for target in TARGETS:
            reached = getattr(point, target) <= self._targets[target]
            if target in self._waiting and (reached or self._seconds >= self._waiting[target]):
                del self._waiting[target]
        if not self._waiting:
            raise Arrived
        self._began = time.perf_counter()

    def check(self) -> None:
        """Raise Arrived if the time is up: for who has no better parameters to show."""
        seconds = self._seconds + time.perf_counter() - self._began
        if all(seconds >= limit for limit in self._waiting.values()):
            raise Arrived


def first_below(points: list[Point], target: str, value: float) -> Point | None:
    """Return the first point that has reached a target, if any has."""
    return next((point for point in points if getattr(point, target) <= value), None)
