"""Ctrl-C and SIGTERM end a command by an exception, so that it saves what it has and cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """SIGTERM has come."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt or Terminated when a signal comes, and nothing else in their place.

    A second SIGINT raises again; a second SIGTERM finds the command ending already.
    """
    received: list[type[BaseException]] = []

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        received.append(KeyboardInterrupt)
        raise KeyboardInterrupt

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        if Terminated not in received:
            received.append(Terminated)
            raise Terminated

    before = {}
    try:
        for number, handler in ((signal.SIGINT, interrupt), (signal.SIGTERM, terminate)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background
                before[number] = signal.signal(number, handler)
    except ValueError:  # signals belong to the main thread
        pass
    try:
        yield
    except Exception:
        if received:  # foreign code, such as an import, has made another error of it
            raise received[0] from None
        raise
    finally:
        for number, old in before.items():
            signal.signal(number, old)
