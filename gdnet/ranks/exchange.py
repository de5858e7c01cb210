"""Exchanges of the ranks of MPI in which none waits for ever for another that has failed.

Before each exchange all say whether they have failed, or a signal has come, and what they are about
to do; then all go on, or all raise. A signal waits for the next exchange, so that all ranks hear of
it at the same iteration. A rank that says nothing until a deadline has the job ended by those that
wait for it.
"""

from __future__ import annotations

import contextlib
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np

from gdnet.errors import DataError, RankFailed
from gdnet.ranks.mpi import Communicator
from gdnet.ranks.signals import Signals
from gdnet.ranks.watch import Watch

# Of a job that is ended because a rank has failed in the midst of an exchange.
EXIT_CODE = 1
_FINE, _FAILED, _INTERRUPTED = 0, -1, -2  # or the number of a signal


class Exchanges:
    """What a rank does together with the others; see `gdnet.ranks.communicator.Ranks`.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Of the ranks.
    deadline : float
        Seconds after which a rank that waits for another ends the job.
    """

    def __init__(self, comm: Communicator, deadline: float) -> None:
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.failed = False
        self._raised_by_all: BaseException | None = None
        self._watch = Watch(comm, self.rank, deadline)
        self._signals = Signals()
        with self._watch.waiting("the start"):
            self._comm = comm.Dup()
        self._calls = 0

    def leave(self, error: BaseException) -> None:
        """Tell the others that this rank no longer exchanges anything.

        They raise `RankFailed` in the exchange that they are about to make. Nothing is done for a
        signal that all have heard of: they may continue together.

        Parameters
        ----------
        error : BaseException
            What has been raised here.
        """
        if error is self._raised_by_all:
            return

        def fail() -> None:
            raise error

        with contextlib.suppress(BaseException), self._exchange("the end", fail) as agree:
            agree()

    def signals_wait(self) -> AbstractContextManager[None]:
        """Return a context in which a signal waits for the next exchange.

        Returns
        -------
        context manager
            Without a value. At its end the signals that no exchange has told the others of are
            handled.
        """
        return self._signals.waiting(lambda: self.failed)

    @contextlib.contextmanager
    def _exchange(
        self,
        what: str,
        work: Callable[[], object],
        *,
        patient: bool = False,
        of_data: bool = False,
    ) -> Iterator[Callable[..., None]]:
        """Do this rank's work, and give what agrees with the others that all have done theirs."""
        if self.failed:
            raise RankFailed("a rank has failed before: expected no other exchange")
        with self._signals.waiting(lambda: self.failed):
            error = None
            try:
                work()
            except BaseException as raised:
                error = raised
            agreed = False

            def agree(bits: int = 0) -> None:
                nonlocal agreed
                self._agree(what, bits, error, of_data=of_data)
                agreed = True

            with self._watch.waiting(None if patient else what):
                try:
                    yield agree
                except BaseException as raised:
                    if type(raised).__module__.startswith("mpi4py"):
                        self.failed = True
                        reason = str(raised).strip().splitlines()[-1].strip()
                        raise RankFailed(f"MPI has failed in {what}: {reason}") from None
                    if agreed and self.size > 1:
                        # The others wait for the other half of the exchange, and would for ever.
                        self.failed = True
                        reason = ": ".join(filter(None, (type(raised).__name__, str(raised))))
                        self._watch.end_job(f"has failed in {what}: {reason}", EXIT_CODE)
                    raise

    def _agree(
        self, what: str, bits: int, error: BaseException | None, *, of_data: bool = False
    ) -> None:
        """Raise on every rank if one has failed, does something else, or has had a signal."""
        self._calls += 1
        status = self._signals.next_one() or _FINE
        if error is not None:
            status = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else _FAILED
        mine = np.array([status, self._calls, zlib.crc32(what.encode()), bits])
        everyone = np.empty((self.size, len(mine)), mine.dtype)
        self._comm.Allgather(mine, everyone)
        statuses = everyone[:, 0]
        which = np.flatnonzero(statuses < 0)
        if len(which):
            self.failed = True
            first = int(which[statuses[which].argmax()])  # an error before an interruption
            kind, message = type(error).__name__, str(error)
            of_data = of_data and isinstance(error, DataError)
            report = socket.gethostname(), kind, message, of_data
            host, kind, message, of_data = self._comm.bcast(report, first)
            if error is None and (statuses[which] == _INTERRUPTED).all():
                error = KeyboardInterrupt()
            if error is None and of_data:
                error = DataError(message)
            reason = ": ".join(filter(None, (kind, message)))
            raise error or RankFailed(f"rank {first} on {host} has failed: {reason}", kind)
        if (everyone[:, 1:] != mine[1:]).any():
            self.failed = True
            raise RankFailed(
                "the ranks do not do the same: expected the same data, settings and calls on each"
            )
        if statuses.any():
            self._raised_by_all = self._signals.exception_of(int(statuses.max()))
            raise self._raised_by_all
