"""An exchange that cannot be finished: the job ends at once, and says why."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gdnet.errors import RankFailed
from gdnet.ranks.communicator import Ranks
from tests.standins.fake_mpi import Board, FakeComm, on_ranks


def read_on_first_alone() -> str:
    if threading.current_thread().name != "first":
        raise MemoryError("no room for what has come")
    return "read"


class ForFirst:
    """What only the first rank has the memory for."""

    def __reduce__(self) -> Any:
        return read_on_first_alone, ()


def test_an_error_in_the_midst_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gdnet.ranks.watch.os._exit", lambda code: None)
    boards = []

    def work(comm: FakeComm) -> Any:
        if comm.Get_rank() == 0:
            boards.append(comm._board)
            threading.current_thread().name = "first"
        ranks = Ranks(comm)
        try:
            found = ranks.of_first(ForFirst)
        except MemoryError:
            with pytest.raises(RankFailed, match="a rank has failed before"):
                ranks.gathered(list)
            raise
        # Here the first would wait until the deadline of five minutes.
        return found, ranks.gathered(list)

    first, second = on_ranks(2, work)
    assert isinstance(first, threading.BrokenBarrierError)
    assert isinstance(second, MemoryError)
    assert boards[0].code == 1
    assert "gdnet: rank 1 on " in (said := capfd.readouterr().err)
    reason = "has failed in what rank 0 decides: MemoryError: no room for what has come; "
    assert f"{reason}the job is ended\n" in said


def test_one_rank_alone_has_an_error_like_any_other() -> None:
    board = Board(1)
    with pytest.raises(MemoryError, match="no room"):
        Ranks(FakeComm(0, board)).of_first(ForFirst)
    assert board.code is None
