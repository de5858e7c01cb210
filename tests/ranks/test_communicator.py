"""Ranks that compute one descent: the bits of one process, and an end whatever happens to one."""

from __future__ import annotations

import contextlib
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.descent import DescentState, StopDescent, descend
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.errors import CheckpointError, DataError, RankFailed
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks, ranks_of
from gdnet.ranks.watch import EXIT_CODE_OF_DEADLINE
from tests.standins.fake_mpi import Board, FakeComm, on_ranks
from tests.support.rank_problems import SHAPE, M, Source, source


def full_batch(
    ranks: Any = None, *, of: Source | None = None, block: int = 64, **how: Any
) -> FullBatch:
    engine, threads = how.pop("engine", "auto"), how.pop("threads", 1)
    settings: dict[str, Any] = {"dtype": "float64", "l2": 0.1, **how}
    backend = get_backend("cpu", threads=threads, engine=engine)
    return FullBatch(
        of or source(), backend, n1=SHAPE[1], block_columns=block, comm=ranks, **settings
    )


def run(comm: FakeComm | None = None, *, iterations: int = 12, **how: Any) -> Any:
    settings = how.pop("settings", {"learning_rate": 0.5})
    ranks = None if comm is None else Ranks(comm)
    objective = full_batch(ranks, **how)
    start = initialise(*SHAPE, random_state=1, dtype=objective.dtype)
    return descend(objective, start, iterations=iterations, **settings)


def assert_same(one: Any, other: Any) -> None:
    for a, b in zip(one.parameters, other.parameters, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.costs, other.costs)
    assert one.final_cost == other.final_cost


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_the_bits_are_those_of_one_process(engine: str, solver: str) -> None:
    settings = {"learning_rate": 0.5} if solver == "gd" else {"solver": solver}
    for dtype, block in (("float32", 64), ("float64", 999), ("float64", 350), ("float32", M)):
        how: dict[str, Any] = {
            "dtype": dtype,
            "block": block,
            "engine": engine,
            "settings": settings,
        }
        alone = run(**how)
        for size in (1, 2, 3, 5):
            for found in on_ranks(size, partial(run, **how)):
                assert_same(found, alone)


def test_each_rank_reads_its_own_blocks_alone() -> None:
    def blocks(comm: FakeComm) -> set[int]:
        of = source()
        run(comm, of=of)
        return of.read_blocks

    found = on_ranks(3, blocks)
    assert sorted(lo for of in found for lo in of) == list(range(0, M, 64))
    assert [len(of) for of in found] == [5, 5, 6]


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


def test_each_rank_does_its_own_blocks_and_as_many_rounds_as_the_others() -> None:
    def shares(comm: FakeComm, count: int) -> Any:
        ranks = Ranks(comm)
        rounds: list[range] = []
        ranks.share(rounds.append, count, 2)
        assert ranks.to_first(comm.Get_rank, "the ranks") == (
            [0, 1, 2] if comm.Get_rank() == 0 else []
        )
        return rounds

    for count in (0, 1, 3, 7, 20):
        found = on_ranks(3, partial(shares, count=count))
        assert [i for of_rank in found for some in of_rank for i in some] == list(range(count))
        assert len({len(of_rank) for of_rank in found}) == 1


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


def test_the_first_rank_says_when_to_stop() -> None:
    def stops(comm: FakeComm) -> Any:
        def callback(state: DescentState) -> None:
            if state.iteration == (4 if comm.Get_rank() == 0 else 2):
                raise StopDescent

        return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

    assert [found.iterations for found in on_ranks(3, stops)] == [4, 4, 4]


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


def test_a_checkpoint_is_resumed_with_another_number_of_ranks(tmp_path: Path) -> None:
    def stopping(ranks: Ranks | None, iterations: int, *, resume: bool) -> Any:
        with Checkpoint(tmp_path / "c", resume=resume, comm=ranks) as checkpoint:
            objective = full_batch(ranks)
            start = initialise(*SHAPE, random_state=1, dtype=objective.dtype)
            early = EarlyStopping(patience=5)
            found = descend(
                objective,
                start,
                solver="lbfgs",
                iterations=iterations,
                validation=full_batch(ranks, l2=0.0),
                callbacks=[checkpoint, early],
            )
            return found, early.best_cost, checkpoint.same_bits

    whole, best, _ = stopping(None, 20, resume=False)
    on_ranks(3, lambda comm: stopping(Ranks(comm), 9, resume=False))
    resumed = on_ranks(2, lambda comm: stopping(Ranks(comm), 20, resume=True))
    for found, its_best, same_bits in resumed:
        assert_same(found, whole)
        assert its_best == best
        assert same_bits is not False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "c.previous"]


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


def test_what_is_no_communicator_is_refused() -> None:
    with pytest.raises(DataError, match=r"comm: expected a communicator of mpi4py, got 3"):
        Ranks(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="a deadline above 0 seconds, got 0"):
        Ranks(FakeComm(0, Board(1)), deadline=0)


def test_a_communicator_has_one_duplicate() -> None:
    comm = FakeComm(0, Board(1))
    assert ranks_of(comm) is ranks_of(comm)
    assert ranks_of(ranks := Ranks(comm)) is ranks
    assert ranks_of(None) is None
    assert full_batch(comm).ranks is ranks_of(comm)


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


def test_an_estimator_is_fitted_to_the_same_bits(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from gdnet import GDClassifier, GDRegressor

    random = np.random.RandomState(0)
    X = random.randn(500, 4)
    y = X[:, 0] * X[:, 1] + 0.1 * random.randn(500)

    def fitted(comm: Any, kind: Any, target: Any, **settings: Any) -> Any:
        settings = {"max_iter": 15, "tol": 0, "block_size": 64, "n_jobs": 1} | settings
        model = kind(5, device="cpu", **settings)
        checkpoint = None
        if settings.get("random_state") == 0:
            checkpoint = Checkpoint(tmp_path / kind.__name__, comm=comm)
        try:
            return model.fit(X, target, checkpoint=checkpoint, comm=comm)
        finally:
            if checkpoint is not None:
                checkpoint.close()

    stopping = {"early_stopping": True, "random_state": 0, "n_iter_no_change": 5}
    for kind, target in ((GDClassifier, y > 0), (GDRegressor, y)):
        alone = fitted(None, kind, target, **stopping)
        for size in (2, 3):
            for found in on_ranks(size, partial(fitted, kind=kind, target=target, **stopping)):
                assert_same_parameters(found, alone)
        # Without a seed all begin as the first rank does.
        one, other = on_ranks(2, partial(fitted, kind=kind, target=target, early_stopping=True))
        assert_same_parameters(one, other)

    def of_no_ranks(comm: FakeComm) -> Any:
        with Checkpoint(tmp_path / f"own {comm.Get_rank()}") as checkpoint:
            return GDClassifier(random_state=0).fit(X, y > 0, checkpoint=checkpoint, comm=comm)

    for error in on_ranks(2, of_no_ranks):
        assert isinstance(error, DataError)
        assert "expected one that was opened for the same comm" in str(error)


def assert_same_parameters(one: Any, other: Any) -> None:
    for a, b in zip(one.parameters_, other.parameters_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.loss_curve_ == other.loss_curve_
