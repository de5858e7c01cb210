"""A candidate, or the probe of the limits, in a process of its own.

Libraries disturb each other: their thread pools spin, gdnet changes what malloc gives back, and the
memory of one could not be told from that of another. So each has a process, and the parent says
whose turn it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

from bench import peers
from bench.cases import Case
from bench.limits import Probe
from gdnet.backends.host import resident_peak

PARITY_ITERATIONS = 6
MEMORY_ITERATIONS = 2
_MIB = 2**20


class Ready(NamedTuple):
    """The candidate has its data and has run.

    Attributes
    ----------
    about : str
        Version, threads, layout.
    costs : list of float
        Of the first iterations.
    peak_mib : float or None
        Peak memory of an iteration beyond what was there before it: libraries and data.
    """

    about: str
    costs: list[float]
    peak_mib: float | None


class Failed(NamedTuple):
    """The candidate does not take part."""

    reason: str


def serve_candidate(connection: Connection, maker: str, case: Case, device: str) -> None:
    """Prepare the candidate, report Ready or Failed, and then time what the parent asks for.

    The parent sends a number of iterations and gets the seconds of one; None ends it.
    """
    if device != "cpu":
        # JAX would take most of the memory of the GPU at once, and the others share it.
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    try:
        candidate = peers.make(maker, case.problem(), device)
        costs = candidate.run(PARITY_ITERATIONS)
        candidate.run(case.iterations)  # JAX compiles a loop for a number of iterations
        report = Ready(candidate.about, costs, _peak_mib(candidate))
    except Exception as error:
        connection.send(Failed(_first_line(error)))
        return
    _give_back()
    connection.send(report)
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent was ended
        while (iterations := connection.recv()) is not None:
            seconds = _seconds_an_iteration(candidate, iterations)
            _give_back()
            connection.send(seconds)


def serve_memory(connection: Connection, maker: str, case: Case, device: str) -> None:
    """Report the peak memory of an iteration in MiB, or Failed."""
    try:
        candidate = peers.make(maker, case.problem(), device)
        candidate.run(1)
        connection.send(_peak_mib(candidate))
    except Exception as error:
        connection.send(Failed(_first_line(error)))


def serve_probe(connection: Connection, case: Case, device: str) -> None:
    """Measure the rates each time the parent asks; None ends it."""
    probe = Probe(case, device)
    connection.send(None)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while connection.recv() is not None:
            connection.send(probe.rates())


def _give_back() -> None:
    """Let malloc give back what it keeps: the others need it, and an untimed run gets it again."""
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)


def _peak_mib(candidate: peers.Candidate) -> float | None:
    if candidate.device_bytes is None:
        peak = resident_peak(lambda: candidate.run(MEMORY_ITERATIONS))
    else:
        peak = candidate.device_bytes()
    return None if peak is None else peak / _MIB


def _first_line(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0]
    return line if isinstance(error, peers.UnavailableError) else f"{type(error).__name__}: {line}"


def _seconds_an_iteration(candidate: peers.Candidate, iterations: int) -> float:
    candidate.run(1)  # wakes threads up that the turns of others have sent to sleep
    if candidate.setup_is_foreign:
        setup = _time(candidate.run, 1)
        return (_time(candidate.run, 1 + iterations) - setup) / iterations
    return _time(candidate.run, iterations) / iterations


def _time(run: peers.Run, iterations: int) -> float:
    began = time.perf_counter()
    run(iterations)
    return time.perf_counter() - began
