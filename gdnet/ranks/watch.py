"""The end of a job of which one rank stands still, or cannot finish an exchange."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from gdnet.ranks.mpi import Communicator

# EX_TEMPFAIL of sysexits.h: a scheduler may start the job again.
EXIT_CODE_OF_DEADLINE = 75
SECONDS_OF_ABORT = 5.0


class Watch:
    """Ends the job when this rank has waited for another until the deadline."""

    def __init__(self, comm: Communicator, rank: int, deadline: float) -> None:
        self._comm, self._rank, self._deadline = comm, rank, deadline
        self._since: tuple[float, str] | None = None
        threading.Thread(target=self._watch, name="gdnet-ranks", daemon=True).start()

    @contextlib.contextmanager
    def waiting(self, what: str | None) -> Iterator[None]:
        """Watch the time of what is done here; None for what may take any."""
        self._since = None if what is None else (time.monotonic(), what)
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, self._deadline / 4))
            since = self._since
            if since is not None and time.monotonic() - since[0] > self._deadline:
                self.end_job(
                    f"has waited {self._deadline:g} seconds for another rank, in {since[1]}: one "
                    "of them stands still or has lost its connection",
                    EXIT_CODE_OF_DEADLINE,
                )

    def end_job(self, why: str, code: int) -> None:
        """End all ranks with an exit code, and say why."""
        # The real one: sys.stderr of all but the first rank may lead nowhere.
        stderr = sys.__stderr__ or sys.stderr
        host = socket.gethostname()
        stderr.write(f"gdnet: rank {self._rank} on {host} {why}; the job is ended\n")
        stderr.flush()
        # Abort may wait for the same rank.
        threading.Timer(SECONDS_OF_ABORT, os._exit, [code]).start()
        self._comm.Abort(code)
