"""An end with a reason for a process that stands still while MPI starts, or ends.

Both hold Python's lock: neither a thread of Python nor a handler of a signal runs before it
is over. Timers of the system call functions of the C library, which need no lock.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
from collections.abc import Iterator
from typing import Any

from gdnet.ranks.watch import EXIT_CODE_OF_DEADLINE

# Of <signal.h> and <time.h> of Linux.
_SIGEV_THREAD, _CLOCK_MONOTONIC, _SIZE_OF_SIGEVENT = 2, 1, 64
# Between what is said and the end.
REPORT_SECONDS = 0.2
# What comes before the message; the C library keeps the pointer to it.
_NAME = b"gdnet"


class _Event(ctypes.Structure):
    """``struct sigevent``: call a function of one argument in a thread of its own."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("room", ctypes.c_char * (_SIZE_OF_SIGEVENT - 32)),
    )


class _Times(ctypes.Structure):
    """``struct itimerspec``: once, after some seconds and nanoseconds."""

    _fields_ = (
        ("again_s", ctypes.c_long),
        ("again_ns", ctypes.c_long),
        ("after_s", ctypes.c_long),
        ("after_ns", ctypes.c_long),
    )


@contextlib.contextmanager
def ended_after(seconds: float, message: str) -> Iterator[None]:
    """End the process with exit code 75 and a message on stderr if the block takes longer.

    Where the system has no such timers, SIGALRM ends it without a word (macOS), or nothing does
    (Windows).

    Raises
    ------
    OSError
        If the system gives no timer.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        functions = libc.timer_create, libc.timer_settime, libc.timer_delete
        say, leave = (ctypes.cast(f, ctypes.c_void_p) for f in (libc.warnx, libc._exit))
    except (OSError, AttributeError, TypeError):
        with _killed_after(seconds):
            yield
        return
    with contextlib.suppress(ValueError):  # another C library
        ctypes.c_char_p.in_dll(libc, "program_invocation_short_name").value = _NAME
    text = ctypes.create_string_buffer(message.replace("%", "%%").encode())
    timers = []
    try:
        for function, value, after in (
            (say, ctypes.addressof(text), seconds),
            (leave, EXIT_CODE_OF_DEADLINE, seconds + REPORT_SECONDS),
        ):
            timers.append(_started(functions, function, value, after))
        yield
    finally:
        for timer in timers:
            functions[2](timer)


def _started(
    functions: tuple[Any, Any, Any], function: ctypes.c_void_p, value: int, after: float
) -> ctypes.c_void_p:
    create, set_time, _ = functions
    timer = ctypes.c_void_p()
    event = _Event(value=value, notify=_SIGEV_THREAD, function=function)
    whole, part = divmod(after, 1)
    times = _Times(after_s=int(whole), after_ns=int(part * 1e9))
    if create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) or set_time(
        timer, 0, ctypes.byref(times), None
    ):
        raise OSError(ctypes.get_errno(), "no timer of the system")
    return timer


@contextlib.contextmanager
def _killed_after(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
