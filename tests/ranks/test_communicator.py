"""Ranks that compute one descent have the bits of one process."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.descent import DescentState, StopDescent, descend
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.errors import DataError
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks, ranks_of
from tests.standins.fake_mpi import Board, FakeComm, on_ranks
from tests.support.rank_problems import SHAPE, M, assert_same, full_batch, run, source


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


def test_the_first_rank_says_when_to_stop() -> None:
    def stops(comm: FakeComm) -> Any:
        def callback(state: DescentState) -> None:
            if state.iteration == (4 if comm.Get_rank() == 0 else 2):
                raise StopDescent

        return run(comm, settings={"learning_rate": 0.5, "callbacks": [callback]})

    assert [found.iterations for found in on_ranks(3, stops)] == [4, 4, 4]


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
