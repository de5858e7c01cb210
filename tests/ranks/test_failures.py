"""An end of all ranks, with the reason, whatever happens to one of them."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.descent import DescentState, StopDescent
from gdnet.errors import CheckpointError, DataError, RankFailed
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks, ranks_of
from gdnet.ranks.watch import EXIT_CODE_OF_DEADLINE
from tests.standins.fake_mpi import Board, FakeComm, on_ranks
from tests.support.rank_problems import SHAPE, full_batch, run, source


@pytest.mark.parametrize("who", [0, 1, 2])
def test_an_error_of_one_rank_ends_all_with_its_reason(who: int) -> None:
    def fails(comm: FakeComm) -> Any:
        return run(comm, of=source(fails_after=20 if comm.Get_rank() == who else None))

    found = on_ranks(3, fails)
    for rank, error in enumerate(found):
        assert error.state.iteration in (2, 3, 4)
        if rank == who:
            assert isinstance(error, OSError)
        else:
            assert isinstance(error, RankFailed)
            assert f"rank {who} on " in str(error)
            assert "has failed: OSError: [Errno 5] Input/output error: 'X.npy'" in str(error)


def test_an_error_between_exchanges_ends_all() -> None:
    def calls_back(comm: FakeComm) -> Any:
        def callback(state: DescentState) -> None:
            if state.iteration == 4 and comm.Get_rank() == 1:
                raise ValueError("a callback's")

        return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

    first, second = on_ranks(2, calls_back)
    assert isinstance(second, ValueError)
    assert isinstance(first, RankFailed)
    assert "rank 1 on " in str(first)
    assert "ValueError: a callback's" in str(first)


def test_what_is_wrong_with_the_data_is_raised_by_all_and_soon() -> None:
    def shares(comm: FakeComm) -> Any:
        ranks, done = Ranks(comm), []

        def work(blocks: range) -> None:
            for i in blocks:
                if i == 40:  # of the second of three ranks
                    raise DataError("X.npy: expected finite numbers, got nan in row 40")
                done.append(i)

        with pytest.raises(DataError, match=r"^X.npy: expected finite numbers, got nan in row 40$"):
            ranks.share(work, 100, 4)
        return done

    assert on_ranks(3, shares) == [list(range(8)), list(range(33, 40)), list(range(66, 74))]

    def not_of_the_data(comm: FakeComm) -> Any:
        return Ranks(comm).share(lambda blocks: 1 // (1 - comm.Get_rank()), 2)

    first, second = on_ranks(2, not_of_the_data)
    assert isinstance(first, RankFailed)
    assert first.kind == "ZeroDivisionError"
    assert isinstance(second, ZeroDivisionError)


def test_an_interrupted_rank_interrupts_all() -> None:
    def interrupted(comm: FakeComm) -> Any:
        def callback(state: DescentState) -> None:
            if state.iteration == 4 and comm.Get_rank() == 1:
                raise KeyboardInterrupt

        return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

    for error in on_ranks(3, interrupted):
        assert isinstance(error, KeyboardInterrupt)
        assert error.state.iteration in (4, 5)  # type: ignore[attr-defined]


def test_signals_wait_for_the_next_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = Ranks(FakeComm(0, Board(1)))
    handled: list[int] = []
    monkeypatch.setattr("signal.getsignal", lambda _: lambda number, _: handled.append(number))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def work() -> None:
        with ranks.signals_wait():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert handled == []
            ranks.gathered(lambda: [1])

    try:
        with pytest.raises(SystemExit) as ended:
            work()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 128 + signal.SIGTERM
    # The handler that was there has been asked once, by the exchange that all ranks made.
    assert handled == [signal.SIGTERM]
    assert not ranks.failed


def test_a_signal_that_no_exchange_has_spoken_of_is_not_lost() -> None:
    ranks = Ranks(FakeComm(0, Board(1)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def work() -> None:
        with ranks.signals_wait():
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(signal.SIGINT, before)


def test_after_a_failure_there_are_no_other_exchanges() -> None:
    def fails(comm: FakeComm) -> Any:
        ranks = ranks_of(comm)
        assert ranks is not None
        with contextlib.suppress(ZeroDivisionError, RankFailed):
            ranks.gathered(lambda: [1 // comm.Get_rank()])
        assert ranks.failed
        with pytest.raises(RankFailed, match="a rank has failed before"):
            ranks.gathered(lambda: [1])
        # The communicator can still be used: all take another duplicate of it.
        return ranks_of(comm) is ranks

    assert on_ranks(2, fails) == [False, False]


def test_an_error_of_mpi_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class MpiError(RuntimeError):
        __module__ = "mpi4py.MPI"

    def fails(*_: object) -> None:
        raise MpiError(
            "Other MPI error, error stack:\nMPID_Bcast: \n  message sizes do not match\n"
        )

    ranks = Ranks(FakeComm(0, Board(1)))
    monkeypatch.setattr(FakeComm, "bcast", fails)
    with pytest.raises(RankFailed, match=r"^MPI has failed in a try: message sizes do not match$"):
        ranks.of_first(lambda: 1, "a try")
    assert ranks.failed


def test_ranks_at_other_parameters_are_an_error() -> None:
    def differs(comm: FakeComm) -> Any:
        objective = full_batch(Ranks(comm))
        start = initialise(*SHAPE, random_state=1, dtype=objective.dtype)
        start.b1[0, 0] += comm.Get_rank() * 1e-12
        with objective.backend.activate():
            return objective.value_and_gradient(start)

    for error in on_ranks(2, differs):
        assert isinstance(error, RankFailed)
        assert "the ranks do not do the same" in str(error)


def test_callbacks_that_fail_at_the_beginning_or_the_end(tmp_path: Path) -> None:
    class Failing:
        def __init__(self, when: str, rank: int) -> None:
            self.when, self.fails = when, rank == 0

        def begin(self, setup: Any) -> None:
            del setup
            if self.fails and self.when == "begin":
                raise OSError(28, "No space left")

        def __call__(self, state: DescentState) -> None:
            if self.fails and self.when == "stop" and state.iteration == 3:
                raise StopDescent(threading.Lock())  # which cannot be pickled

        def end(self, state: DescentState, error: BaseException | None) -> None:
            del state
            if self.fails and self.when == "end" and error is None:
                raise OSError(28, "No space left")

    for when in ("begin", "end"):

        def fails(comm: FakeComm, when: str = when) -> Any:
            callback = Failing(when, comm.Get_rank())
            return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

        first, second = on_ranks(2, fails)
        assert isinstance(first, OSError)
        assert isinstance(second, RankFailed)
        assert "No space left" in str(second)

    def stops(comm: FakeComm) -> Any:
        callback = Failing("stop", comm.Get_rank())
        return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

    assert [found.iterations for found in on_ranks(2, stops)] == [3, 3]
    assert list(tmp_path.iterdir()) == []


def test_ranks_that_do_not_do_the_same_are_told_apart() -> None:
    def differs(comm: FakeComm) -> Any:
        ranks = Ranks(comm)
        if comm.Get_rank() == 0:
            return ranks.of_first(lambda: 1)
        objective = full_batch(ranks)
        start = initialise(*SHAPE, random_state=1, dtype=objective.dtype)
        with objective.backend.activate():
            return objective.value(start)

    for error in on_ranks(2, differs):
        assert isinstance(error, RankFailed)
        assert "expected the same data, settings and calls" in str(error)


def test_a_checkpoint_that_cannot_be_opened_is_an_error_of_all(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"nonsense")

    def opened(comm: FakeComm) -> Any:
        return Checkpoint(tmp_path / "c", resume=True, comm=Ranks(comm))

    first, second = on_ranks(2, opened)
    assert isinstance(first, CheckpointError)
    assert isinstance(second, RankFailed)
    assert "CheckpointError" in str(second)


def test_a_rank_that_stands_still_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gdnet.ranks.watch.os._exit", lambda code: None)
    board = Board(2)
    ranks = Ranks(FakeComm(0, board), deadline=0.2)
    with pytest.raises(RankFailed, match="MPI has failed in what rank 0 decides"):
        ranks.of_first(lambda: 1)
    assert board.aborted.wait(5)
    assert board.code == EXIT_CODE_OF_DEADLINE
    assert "rank 0 on " in (said := capfd.readouterr().err)
    assert "has waited 0.2 seconds for another rank, in what rank 0 decides" in said


def test_other_data_on_a_rank_are_an_error() -> None:
    def differs(comm: FakeComm) -> Any:
        of = source()
        if comm.Get_rank() == 1:
            of.labels[0, 7] ^= 1
        return run(comm, of=of)

    first, second = on_ranks(2, differs)
    assert isinstance(second, DataError)
    assert "expected the same data and settings on every rank: content (hash) of the data" in str(
        second
    )
    assert isinstance(first, RankFailed)

    def other_settings(comm: FakeComm) -> Any:
        return run(comm, settings={"learning_rate": 0.5 + 0.1 * comm.Get_rank()})

    first, second = on_ranks(2, other_settings)
    assert "learning_rate is 0.5 on rank 0 and 0.6 here" in str(second)
