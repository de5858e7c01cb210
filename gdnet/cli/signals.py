"""Ctrl-C and SIGTERM end a command by an exception, so that it saves what it has and cleans up."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# So long after an exception was lost the signal is given again.
RETRY_SECONDS = 0.01


class Terminated(BaseException):
    """SIGTERM has come."""


EXCEPTIONS: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}


# What has been raised and has not ended the command yet.
received: list[type[BaseException]] = []


def raise_received() -> None:
    """Raise once more what has come: before a command's long part, after its imports.

    The import of a C extension may clear any exception.
    """
    if received:
        raise received[0]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt or Terminated when a signal comes, and nothing else in their place.

    A second SIGINT raises again; a second SIGTERM finds the command ending already.
    """
    received.clear()

    def handle(number: int, _frame: FrameType | None) -> None:
        if Terminated not in received:
            received.append(EXCEPTIONS[number])
            raise EXCEPTIONS[number]

    def give_again(lost: Any) -> None:
        # Python drops what is raised while an object is deleted, and an import deletes many.
        if lost.exc_type not in received:
            hook(lost)
            return
        received.remove(lost.exc_type)
        number = next(n for n, kind in EXCEPTIONS.items() if kind is lost.exc_type)
        threading.Timer(RETRY_SECONDS, _thread.interrupt_main, (number,)).start()

    before: dict[int, Any] = {}
    hook, sys.unraisablehook = sys.unraisablehook, give_again
    try:
        if threading.current_thread() is threading.main_thread():  # signals belong to it
            for number in EXCEPTIONS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or in the background
                    before[number] = signal.signal(number, handle)
        yield
    except Exception:
        if received:  # foreign code, such as an import, has made another error of it
            raise received[0] from None
        raise
    finally:
        sys.unraisablehook = hook
        received.clear()
        for number, old in before.items():
            signal.signal(number, old)
