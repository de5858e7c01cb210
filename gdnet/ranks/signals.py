"""Signals that come to one rank of several: they wait until all can hear of them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Ctrl-C and SIGTERM, which wait for the next exchange; the main thread alone hears of them."""

    def __init__(self) -> None:
        self._come: list[int] = []
        self._spoken_of: set[int] = set()
        self._handlers: dict[int, Any] | None = None

    @contextlib.contextmanager
    def waiting(self, over: Callable[[], bool]) -> Iterator[None]:
        """Let signals wait; at the end handle those that no exchange has spoken of.

        Parameters
        ----------
        over : callable
            Whether the command is ending anyway.
        """
        in_main = threading.current_thread() is threading.main_thread()
        if self._handlers is not None or not in_main:
            yield
            return
        self._handlers = {each: signal.getsignal(each) for each in SIGNALS}
        for each, handler in self._handlers.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, lambda number, frame: self._come.append(number))
        try:
            yield
        finally:
            for each, handler in self._handlers.items():
                signal.signal(each, handler)
            self._handlers = None
            # One that came to all ranks has come to each in its time; and after a failure the
            # command is ending already.
            left = [number for number in self._come if number not in self._spoken_of]
            self._come, self._spoken_of = [], set()
            if not over():
                for number in left:
                    signal.raise_signal(number)

    def next_one(self) -> int | None:
        """Return the signal that waits, if any does."""
        return self._come.pop() if self._come else None

    def exception_of(self, number: int) -> BaseException:
        """Return what the handler that was there raises; without one the usual exception."""
        self._spoken_of.add(number)
        handler = (self._handlers or {}).get(number)
        if callable(handler):
            try:
                handler(number, None)
            except BaseException as raised:
                return raised
        return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
