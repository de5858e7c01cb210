"""Threads in place of the ranks of MPI: the calls that `gdnet.ranks` makes, and nothing else."""

from __future__ import annotations

import functools
import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

COMM_TYPE_SHARED = 1


class FakeComm:
    """One rank of several, each in a thread of its own."""

    def __init__(self, rank: int, board: Board) -> None:
        self._rank, self._board = rank, board

    def Dup(self) -> FakeComm:
        return self

    def Get_rank(self) -> int:
        return self._rank

    def Get_size(self) -> int:
        return self._board.size

    def Abort(self, code: int) -> None:
        self._board.abort(code)

    def Allgather(self, sent: Any, received: Any) -> None:
        received[...] = self._exchanged(np.array(sent))

    def bcast(self, value: Any, source: int) -> Any:
        return self._exchanged(value)[source]

    def allgather(self, value: Any) -> list[Any]:
        return self._exchanged(value)

    def gather(self, value: Any, root: int) -> list[Any] | None:
        found = list(map(pickle.loads, self._exchanged(pickle.dumps(value))))
        return found if self._rank == root else None

    def Split_type(self, kind: int) -> FakeComm:
        assert kind == COMM_TYPE_SHARED
        machines = self._board.machines
        same = [rank for rank, each in enumerate(machines) if each == machines[self._rank]]
        return FakeComm(same.index(self._rank), Board(len(same)))

    def Free(self) -> None:
        pass

    def allreduce(self, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
        # As the messages are, so that no rank writes to what another one has.
        sent = self._exchanged(pickle.dumps(value))
        return functools.reduce(combine, map(pickle.loads, sent))

    def Alltoallv(self, sent: Any, received: Any) -> None:
        buffer, counts = sent
        parts = np.split(buffer.copy(), np.cumsum(counts)[:-1])
        assert sum(counts) == buffer.size
        mine = [each[self._rank] for each in self._exchanged(parts)]
        assert [part.size for part in mine] == list(received[1])
        received[0][...] = np.concatenate(mine)

    def Allgatherv(self, sent: Any, received: Any) -> None:
        parts = self._exchanged(sent.copy())
        assert [part.size for part in parts] == list(received[1])
        received[0][...] = np.concatenate(parts)

    def _exchanged(self, value: Any) -> list[Any]:
        return self._board.exchange(self._rank, value)


class MPIError(RuntimeError):
    """An error of mpi4py's, which raises its own."""


MPIError.__module__ = "mpi4py.MPI"


class Board:
    """Where the ranks leave what they send; `machines` says on which each of them runs."""

    def __init__(self, size: int, machines: Sequence[int] | None = None) -> None:
        self.size, self.aborted = size, threading.Event()
        self.machines = list(machines or [0] * size)
        self.code: int | None = None
        self._barrier = threading.Barrier(size)
        self._left: list[Any] = [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self._left[rank] = value
        try:
            self._barrier.wait(60)
            found = list(self._left)
            self._barrier.wait(60)
        except threading.BrokenBarrierError:
            raise MPIError("the job is ended") from None
        return found

    def abort(self, code: int) -> None:
        self.code = code
        self.aborted.set()
        self._barrier.abort()


def fake_mpi4py(comm: FakeComm | None = None) -> SimpleNamespace:
    """Return what gdnet asks of the module mpi4py."""
    version = "Open MPI v5.0.11, package"
    mpi = SimpleNamespace(
        COMM_WORLD=comm,
        COMM_TYPE_SHARED=COMM_TYPE_SHARED,
        Get_library_version=lambda: version,
        Is_finalized=lambda: False,
        Finalize=lambda: None,
    )
    return SimpleNamespace(MPI=mpi)


def on_ranks(
    size: int, work: Callable[[FakeComm], Any], machines: Sequence[int] | None = None
) -> list[Any]:
    """Call `work` on so many ranks at a time; return what each has returned or raised."""
    board = Board(size, machines)
    found: list[Any] = [None] * size

    def on_rank(rank: int) -> None:
        try:
            found[rank] = work(FakeComm(rank, board))
        except BaseException as error:
            found[rank] = error

    threads = [threading.Thread(target=on_rank, args=(rank,)) for rank in range(size)]
    with patch.dict(sys.modules, {"mpi4py": fake_mpi4py()}):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return found
