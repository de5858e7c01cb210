"""Several processes of MPI, ranks, that compute one descent: sums over the blocks of all of them.

Every rank holds the same parameters and makes the same decisions; what is shared out are the
blocks. A rank adds up its own in the fixed tree of `gdnet.blocks`, and what travels are nodes of
that tree: the order of additions is that of one process, so that the sums are bitwise the same for
any number of ranks and any MPI. Each rank adds up a part of every node and sends its part of the
sum to all.

No rank waits for ever. Before each exchange all say whether they have failed, and then all raise; a
rank that says nothing until a deadline has the job ended by those that wait for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from gdnet.backends import Backend
from gdnet.blocks import TreeSum
from gdnet.errors import DataError, RankFailed

T = TypeVar("T")
DEADLINE_SECONDS = 300.0
# EX_TEMPFAIL of sysexits.h: a scheduler may start the job again.
EXIT_CODE_OF_DEADLINE = 75
_SUM, _BROADCAST, _GATHER, _COMBINE, _LEAVE = range(1, 6)
_FINE, _FAILED, _INTERRUPTED = 0, 1, 2


class Ranks:
    """The ranks of a communicator of MPI, of which this process is one.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Whose ranks compute together; it is duplicated, so that messages of others do not mix in.
    deadline : float, default 300
        Seconds after which a rank that waits for another ends the job with exit code 75. It must be
        longer than the longest difference between ranks, such as a block of a slow disk.

    Attributes
    ----------
    rank, size : int
        Which one this is, from 0, and how many there are.

    Raises
    ------
    DataError
        For something else than a communicator, or a deadline that is not above 0.
    """

    def __init__(self, comm: Any, deadline: float = DEADLINE_SECONDS) -> None:
        if not all(hasattr(comm, name) for name in ("Dup", "Alltoallv", "Abort")):
            raise DataError(f"comm: expected a communicator of mpi4py, got {comm!r}")
        if not deadline > 0:
            raise DataError(f"expected a deadline above 0 seconds, got {deadline}")
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._watch = _Watch(comm, self.rank, deadline)
        with self._watch.waiting("the start"):
            self._comm = comm.Dup()
        self._calls = 0

    def own(self, count: int) -> range:
        """Return which of so many blocks are this rank's."""
        return _blocks_of(self.rank, self.size, count)

    def sum(
        self, add_own: Callable[[TreeSum], object], count: int, backend: Backend
    ) -> tuple[Any, ...]:
        """Return the sum over the blocks of all ranks, bitwise as one process adds them up.

        Parameters
        ----------
        add_own : callable ``(total) -> object``
            Adds what each of this rank's blocks contributes.
        count : int
            Number of all blocks.
        backend : Backend
            Which owns the arrays that are added.

        Raises
        ------
        RankFailed
            If another rank has failed; on that one what it has raised.
        KeyboardInterrupt
            If another rank was interrupted.
        """
        total = TreeSum(count)
        error = _error_of(lambda: add_own(total))
        with self._exchange("the sum over all examples"):
            self._agree(_SUM, error)
            return self._sum_of_nodes(sorted(total.nodes().items()), count, backend)

    def of_first(self, work: Callable[[], T]) -> T:
        """Return what `work` gives on rank 0, which alone does it, on every rank.

        Raises
        ------
        RankFailed
            If it raises something; on rank 0 that itself.
        """
        results: list[T] = []
        error = _error_of(lambda: results.append(work())) if self.rank == 0 else None
        with self._exchange("what rank 0 decides"):
            self._agree(_BROADCAST, error)
            value: T = self._comm.bcast(results[0] if results else None, 0)
            return value

    def gathered(self, work: Callable[[], list[T]]) -> list[T]:
        """Return the items that `work` gives on every rank, in the order of the ranks.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `sum`.
        """
        found: list[T] = []
        error = _error_of(lambda: found.extend(work()))
        with self._exchange("what all ranks have found"):
            self._agree(_GATHER, error)
            return [item for of_rank in self._comm.allgather(found) for item in of_rank]

    def combined(self, work: Callable[[], T], combine: Callable[[T, T], T]) -> T:
        """Return what `work` gives on every rank, combined two by two in any order.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `sum`.
        """
        found: list[T] = []
        error = _error_of(lambda: found.append(work()))
        with self._exchange("what all ranks have counted"):
            self._agree(_COMBINE, error)
            value: T = self._comm.allreduce(found[0], combine)
            return value

    def leave(self, error: BaseException) -> None:
        """Tell the others, who are about to exchange something, that this rank no longer will."""
        if not getattr(error, "agreed", False):
            with self._exchange("the end"), contextlib.suppress(BaseException):
                self._agree(_LEAVE, error)

    @contextlib.contextmanager
    def _exchange(self, what: str) -> Iterator[None]:
        """Watch the time, and let a signal wait: half an exchange would never end."""
        with _signals_after(), self._watch.waiting(what):
            yield

    def _agree(self, what: int, error: BaseException | None) -> None:
        """Raise on every rank if one has failed, or does something else."""
        self._calls += 1
        status = _FINE
        if error is not None:
            status = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else _FAILED
        mine = np.array([status, self._calls, what])
        everyone = np.empty((self.size, 3), mine.dtype)
        self._comm.Allgather(mine, everyone)
        failed = np.flatnonzero(everyone[:, 0])
        if len(failed):
            first = int(failed[0])
            described = f"{socket.gethostname()} has failed: {type(error).__name__}: {error}"
            described = self._comm.bcast(described, first)
            if error is None and (everyone[failed, 0] == _INTERRUPTED).all():
                error = KeyboardInterrupt()
            elif error is None:
                error = RankFailed(f"rank {first} on {described}")
        elif (everyone[:, 1:] != mine[1:]).any():
            error = RankFailed(
                "the ranks do not do the same: expected the same data, settings and calls on each"
            )
        if error is not None:
            error.agreed = True  # type: ignore[attr-defined]
            raise error

    def _sum_of_nodes(
        self, nodes: list[tuple[Any, tuple[Any, ...]]], count: int, backend: Backend
    ) -> tuple[Any, ...]:
        like = [_empty_like(array) for array in nodes[0][1]] if nodes else None
        if count < self.size:  # some have no block, and do not know what a sum looks like
            owner = next(r for r in range(self.size) if _blocks_of(r, self.size, count))
            like = self._comm.bcast(like, owner)
        assert like is not None
        host = [[np.ravel(backend.to_numpy(array)) for array in arrays] for _, arrays in nodes]
        shapes = [np.shape(array) for array in like]
        dtypes = [np.dtype(array.dtype) for array in like]
        found: list[Any] = [None] * len(like)
        for dtype in dict.fromkeys(dtypes):  # there is one, but a backend may have sums of several
            which = [i for i, each in enumerate(dtypes) if each == dtype]
            sizes = [int(np.prod(shapes[i])) for i in which]
            rows = np.empty((len(host), sum(sizes)), dtype)
            for row, arrays in zip(rows, host, strict=True):
                np.concatenate([arrays[i] for i in which], out=row)
            parts = np.split(self._folded(rows, count), np.cumsum(sizes)[:-1])
            for i, part in zip(which, parts, strict=True):
                found[i] = backend.asarray(part.reshape(shapes[i]))
        return tuple(found)

    def _folded(self, rows: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
        """Return the sum of the nodes of all ranks; those of this one are the rows."""
        length, size = rows.shape[1], self.size
        cuts = [length * rank // size for rank in range(size + 1)]
        widths = [hi - lo for lo, hi in pairwise(cuts)]
        mine = widths[self.rank]
        nodes = [_nodes_of(rank, size, count) for rank in range(size)]
        sent = np.concatenate([rows[:, lo:hi].ravel() for lo, hi in pairwise(cuts)])
        counts = [len(of_rank) * mine for of_rank in nodes]
        received = np.empty(sum(counts), rows.dtype)
        whole = np.empty(length, rows.dtype)
        self._comm.Alltoallv([sent, [len(rows) * width for width in widths]], [received, counts])
        total = TreeSum(count)
        parts = iter(received.reshape(sum(map(len, nodes)), mine))
        for of_rank in nodes:
            for level, index in of_rank:
                total.add(index, (next(parts),), level)
        self._comm.Allgatherv(total.total()[0], [whole, widths])
        return whole


def ranks_of(comm: Any) -> Ranks | None:
    """Return the ranks of a communicator of mpi4py, the same each time; None for None.

    Raises
    ------
    DataError
        As `Ranks`.
    """
    if comm is None or isinstance(comm, Ranks):
        return comm
    for known, ranks in _KNOWN:  # a communicator has no hash
        if known == comm:
            return ranks
    _KNOWN.append((comm, Ranks(comm)))
    return _KNOWN[-1][1]


# Each has a communicator of its own and a thread; of those there are to be few.
_KNOWN: list[tuple[Any, Ranks]] = []


def _blocks_of(rank: int, size: int, count: int) -> range:
    return range(count * rank // size, count * (rank + 1) // size)


@functools.lru_cache(maxsize=4096)
def _nodes_of(rank: int, size: int, count: int) -> tuple[tuple[int, int], ...]:
    """Return the nodes of the tree that a rank is left with, by level and index."""
    total = TreeSum(count)
    for i in _blocks_of(rank, size, count):
        total.add(i, ())
    return tuple(sorted(total.nodes()))


def _empty_like(array: Any) -> np.ndarray[Any, Any]:
    return np.empty(np.shape(array), array.dtype)


def _error_of(work: Callable[[], object]) -> BaseException | None:
    try:
        work()
    except BaseException as error:
        return error
    return None


@contextlib.contextmanager
def _signals_after() -> Iterator[None]:
    """Handle Ctrl-C and SIGTERM when this is over; only the main thread hears of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in caught:
            signal.raise_signal(number)


class _Watch:
    """Ends the job when this rank has waited for another until the deadline."""

    def __init__(self, comm: Any, rank: int, deadline: float) -> None:
        self._comm, self._rank, self._deadline = comm, rank, deadline
        self._since: tuple[float, str] | None = None
        threading.Thread(target=self._watch, name="gdnet-ranks", daemon=True).start()

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Watch the time of what is done here."""
        self._since = time.monotonic(), what
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, self._deadline / 4))
            since = self._since
            if since is not None and time.monotonic() - since[0] > self._deadline:
                sys.stderr.write(
                    f"gdnet: rank {self._rank} on {socket.gethostname()} has waited "
                    f"{self._deadline:g} seconds for another rank, in {since[1]}: one of them "
                    "stands still or has lost its connection; the job is ended\n"
                )
                sys.stderr.flush()
                # Abort may wait for the same rank.
                threading.Timer(5.0, os._exit, [EXIT_CODE_OF_DEADLINE]).start()
                self._comm.Abort(EXIT_CODE_OF_DEADLINE)
