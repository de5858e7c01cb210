"""What is called while a descent runs, and when."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from numbers import Integral, Real
from typing import NamedTuple

from gdnet.descent.state import DescentSetup, DescentState
from gdnet.errors import DataError


class Next(NamedTuple):
    """When a callback wants to be called next, whichever comes first; the end always counts.

    Attributes
    ----------
    iterations : int or None
        After so many more iterations, at least 1; None leaves it to the seconds.
    seconds : float or None
        When so many more seconds have passed, at the end of an iteration; None leaves it to the
        iterations.
    """

    iterations: int | None = None
    seconds: float | None = None


#: Called with the state after an iteration. It returns when it wants to be called next, or None
#: for after every iteration. `StopDescent` ends the descent; whatever else it raises is raised by
#: `descend`, with the state in its attribute `state`.
#:
#: It may have a method ``begin(setup)``, called with a `DescentSetup` before the first iteration,
#: which may return a `DescentState` to continue from; and a method ``end(state, error)``, called
#: after the last one, with None or what ends the descent.
Callback = Callable[[DescentState], Next | None]


class StopDescent(Exception):  # noqa: N818 - not an error
    """Raised by a callback to end the descent after the iteration that it was called with.

    Parameters
    ----------
    *reasons : object
        As of any exception; nobody reads them.
    converged : bool, default True
        Whether the descent has come to its end: a checkpoint of it is then finished. Otherwise it
        can be resumed.
    """

    def __init__(self, *reasons: object, converged: bool = True) -> None:
        super().__init__(*reasons)
        self.converged = converged


class TimeLimit:
    """A callback that ends the descent when its time is up; a checkpoint can be resumed then.

    Parameters
    ----------
    seconds : float
        Wall-clock time, above 0, from the beginning of this process's part of the descent.

    Attributes
    ----------
    reached : bool
        Whether it has ended the descent.

    Raises
    ------
    DataError
        If the time is not above 0.
    """

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise DataError(f"expected a time limit above 0 seconds, got {seconds}")
        self._seconds = seconds
        self._end = math.inf
        self.reached = False

    def begin(self, setup: DescentSetup) -> None:
        """Start the clock.

        Parameters
        ----------
        setup : DescentSetup
            Not read.
        """
        del setup
        self.reached = False
        self._end = time.perf_counter() + self._seconds

    def __call__(self, state: DescentState) -> Next:
        """Raise `StopDescent` if the time is up."""
        del state
        left = self._end - time.perf_counter()
        if left <= 0:
            self.reached = True
            raise StopDescent(converged=False)
        return Next(seconds=left)


class _Due:
    """A callback, the iteration it was called with last, and when it wants to be called next."""

    def __init__(self, callback: Callable[[DescentState], object]) -> None:
        self.callback = callback
        self.called = 0
        self.iteration: float = 0
        self.second = math.inf


def check_callbacks(callbacks: object) -> None:
    """Check that callbacks are a list of functions.

    Parameters
    ----------
    callbacks : object
        What a caller has given.

    Raises
    ------
    DataError
        If it is not a sequence, or an item cannot be called.
    """
    if not isinstance(callbacks, Sequence):
        raise DataError(
            f"callbacks: expected a list of functions, such as [print], got {callbacks!r}"
        )
    for callback in callbacks:
        if not callable(callback):
            raise DataError(f"callbacks: expected functions of the state, got {callback!r}")


class Schedule:
    """Calls callbacks when they want to be.

    Parameters
    ----------
    callbacks : sequence of callables
        See `Callback`.
    """

    def __init__(self, callbacks: Sequence[Callable[[DescentState], object]]) -> None:
        self._all = [_Due(callback) for callback in callbacks]

    def begin(self, setup: DescentSetup) -> DescentState | None:
        """Call the method `begin` of each callback that has one.

        Parameters
        ----------
        setup : DescentSetup
            What is going to be descended.

        Returns
        -------
        DescentState or None
            What one of them wants to continue from, if any does.

        Raises
        ------
        DataError
            If several want to.
        """
        found = [
            state
            for due in self._all
            if hasattr(due.callback, "begin") and (state := due.callback.begin(setup)) is not None
        ]
        if len(found) > 1:
            raise DataError("callbacks: expected one checkpoint to resume from, got several")
        for due in self._all:
            due.called = found[0].iteration if found else 0
        return found[0] if found else None

    def iterations(self, done: int, second: float, pace: float) -> float:
        """Return how many iterations nobody needs to see but the last.

        Parameters
        ----------
        done : int
            Iterations made.
        second : float
            Seconds since the loop began.
        pace : float
            Seconds an iteration takes.

        Returns
        -------
        float
            Iterations until the first callback wants to be called; infinite if none does.
        """
        least = math.inf
        for due in self._all:
            least = min(least, due.iteration - done, (due.second - second) / pace)
        return least

    def call(self, state: DescentState, second: float, *, last: bool) -> StopDescent | None:
        """Call those whose time has come.

        Parameters
        ----------
        state : DescentState
            After an iteration.
        second : float
            Seconds since the loop began.
        last : bool
            Whether there is no other iteration: then all are called that have not seen this one.

        Returns
        -------
        StopDescent or None
            What one of them has raised to end the descent: the one that says it has converged, if
            any does.

        Raises
        ------
        DataError
            If a callback returns something else than None and a `Next`.
        """
        stop, done = None, state.iteration
        for due in self._all:
            if due.called == done or not (done >= due.iteration or second >= due.second or last):
                continue
            due.called = done
            try:
                answer = due.callback(state)
            except StopDescent as raised:
                stop = raised if stop is None or raised.converged else stop
                continue
            if answer is None:
                due.iteration, due.second = done + 1, math.inf
                continue
            iterations, seconds = _checked(answer)
            due.iteration = math.inf if iterations is None else done + iterations
            due.second = math.inf if seconds is None else second + seconds
        return stop

    def end(self, state: DescentState, error: BaseException | None) -> None:
        """Call the method `end` of each callback that has one, in their order.

        Each is called, even if one before it raises.

        Parameters
        ----------
        state : DescentState
            After the last iteration.
        error : BaseException or None
            What ends the descent; None if nothing was raised.
        """
        with ExitStack() as stack:
            for due in reversed(self._all):
                if hasattr(due.callback, "end"):
                    stack.callback(due.callback.end, state, error)


def _checked(answer: object) -> Next:
    if not isinstance(answer, Next):
        raise DataError(
            f"callbacks: expected None or gdnet.Next(...) from a callback, got {answer!r}"
        )
    iterations: object = answer.iterations
    whole = iterations is None or (isinstance(iterations, Integral) and int(iterations) > 0)
    if not (whole and isinstance(answer.seconds, Real | None)):
        raise DataError(
            "callbacks: expected a Next of a whole number of iterations above 0 or None, and of "
            f"seconds or None, got {answer}"
        )
    return answer
