"""Numbers to be predicted: the identity output in the library, by every solver and in any place."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS
from gdnet.backends import Backend, get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.labels.numbers import encode_numbers
from gdnet.data.source import ArraySource
from gdnet.descent import descend
from gdnet.descent.divergence import cost_of_guessing
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.descent.fingerprint import fingerprint
from gdnet.errors import CheckpointError, DataError, Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.objective.reference import block_gradient
from gdnet.parameters import initialise
from tests.support.checkpoint_runs import Stop, assert_same
from tests.support.regression_problems import SOLVERS, first, full_batch, problem


@pytest.mark.parametrize("n2", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_give_the_gradient_of_the_whole(backend: Backend, n2: int, weighted: bool) -> None:
    batch = full_batch(backend, n2, weighted=weighted, block_columns=77)
    rows, Y, w = problem(n2)
    with backend.activate():
        J, gradients = batch.value_and_gradient(batch.place(first(n2)))
        alone = batch.value(batch.place(first(n2)))
    whole, whole_J = block_gradient(
        first(n2), rows.T, Y, batch.g1, batch.g2, float(w.sum()) if weighted else 300.0, np,
        w if weighted else None,
    )  # fmt: skip
    assert float(J) == pytest.approx(float(whole_J), rel=1e-13)
    assert float(alone) == pytest.approx(float(whole_J), rel=1e-13)
    for got, want in zip(gradients, whole, strict=True):
        np.testing.assert_allclose(backend.to_numpy(got), np.asarray(want), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_kernel_takes_the_output_for_another(backend: Backend, activation: str) -> None:
    batch = full_batch(backend, activation=activation, l2=0.7)
    rows, Y, _ = problem()
    with backend.activate():
        J, _ = batch.value_and_gradient(batch.place(first()))
    W1, b1, W2, b2 = first()
    A1 = ACTIVATIONS[activation].value(W1 @ rows.T + b1, np)
    want = ((W2 @ A1 + b2 - Y) ** 2).mean() / 2
    want += 0.7 / (2 * 300) * ((W1**2).sum() + (W2**2).sum())
    assert float(J) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n2", [1, 2])
def test_same_bits_for_any_threads_and_from_a_file(n2: int, dtype: str, tmp_path: Path) -> None:
    rows, Y, w = problem(n2, 3001, dtype)
    np.save(tmp_path / "X.npy", rows)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    runs = [
        descend(
            FullBatch(
                ArraySource(X, Y, w, continuous=True),
                get_backend("cpu", threads=threads),
                n1=4,
                output="identity",
                dtype=dtype,
                block_columns=256,
            ),
            initialise(6, 4, n2, random_state=0, dtype=dtype),
            learning_rate=0.1,
            iterations=5,
        )
        for X in (rows.T, mapped.T, np.ascontiguousarray(rows.T))
        for threads in (1, 3)
    ]
    for run in runs[1:]:
        assert_same(run, runs[0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n2", [1, 3])
def test_every_solver_learns(backend_for_long_runs: Backend, solver: str, n2: int) -> None:
    batch = full_batch(backend_for_long_runs, n2)
    run = descend(batch, first(n2), solver=SOLVERS[solver], iterations=60)
    guessing = ((problem(n2)[1].T - problem(n2)[1].mean(axis=1)) ** 2).sum() / 300 / 2
    assert run.final_cost < 0.75 * guessing
    # The last is of parameters that none of the others is of.
    assert run.final_cost not in run.costs


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_resumed_run_has_the_same_bits(solver: str, tmp_path: Path) -> None:
    batch, others = full_batch(get_backend("cpu"), 2), full_batch(get_backend("cpu"), 2, m=200)
    settings: dict[str, Any] = {"solver": SOLVERS[solver], "iterations": 30, "validation": others}
    whole = descend(batch, first(2), **settings, callbacks=[EarlyStopping(patience=40)])
    with Checkpoint(tmp_path / "c", every=1) as checkpoint:
        callbacks: list[Any] = [checkpoint, EarlyStopping(patience=40), Stop(12)]
        with pytest.raises(KeyboardInterrupt):
            descend(batch, first(2), **settings, callbacks=callbacks)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = descend(
            batch, first(2), **settings, callbacks=[checkpoint, EarlyStopping(patience=40)]
        )
        assert checkpoint.same_bits
    assert_same(resumed, whole)


def test_a_checkpoint_of_other_targets_is_refused(tmp_path: Path) -> None:
    rows, Y, _ = problem()
    settings: dict[str, Any] = {"learning_rate": 0.1, "iterations": 3}

    def batch(target: Any) -> FullBatch:
        source = ArraySource(rows.T, target, continuous=True)
        return FullBatch(source, get_backend("cpu"), n1=4, output="identity", dtype="float64")

    with Checkpoint(tmp_path / "c") as checkpoint:
        descend(batch(Y), first(), **settings, callbacks=[checkpoint])
    other = Y.copy()
    other[0, 17] += 1e-9  # as a whole number the same
    assert fingerprint(batch(Y).source, "float64") != fingerprint(batch(other).source, "float64")
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=r"content \(hash\) of the data"),
    ):
        descend(batch(other), first(), **settings, callbacks=[checkpoint])


@pytest.mark.parametrize("weighted", [False, True])
def test_a_cost_that_starts_low_may_rise_to_that_of_the_mean(weighted: bool) -> None:
    batch = full_batch(get_backend("cpu"), 2, weighted=weighted)
    Y = problem(2)[1]
    assert cost_of_guessing(batch) == pytest.approx(Y.var(axis=1).sum() / 2, rel=1e-12)
    far = ArraySource(problem()[0].T, 1e9 + problem()[1], continuous=True)
    batch = FullBatch(far, get_backend("cpu"), n1=4, output="identity", dtype="float64")
    assert cost_of_guessing(batch) == pytest.approx(problem()[1].var() / 2, rel=1e-6)


def test_a_descent_that_diverges_keeps_its_last_good_parameters() -> None:
    rows, Y, _ = problem()
    source = ArraySource(rows.T, 100 * Y, continuous=True)
    batch = FullBatch(source, get_backend("cpu"), n1=32, output="identity", dtype="float64")
    start = initialise(6, 32, 1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(Diverged, match=r"smaller learning rate, such as 0\.2") as found:
            descend(batch, start, learning_rate=2.0, iterations=500)
    assert np.isfinite(found.value.last_good.final_cost)


def test_zeros_stay_equal_here_too() -> None:
    batch = full_batch(get_backend("cpu"))
    start = initialise(6, 4, 1, random_state=0, init_scale=0)
    run = descend(batch, start, learning_rate=0.1, iterations=20)
    assert np.ptp(run.parameters.W1, axis=0).max() == 0
    assert run.parameters.b2[0, 0] != 0  # it has learnt the mean alone


# Refusals


def test_targets_and_outputs_that_do_not_go_together() -> None:
    rows, Y, _ = problem()
    cpu = get_backend("cpu")
    with pytest.raises(DataError, match="give continuous=True, and choose the output identity"):
        ArraySource(rows.T, Y)
    with pytest.raises(
        DataError, match="for the output sigmoid, got numbers to be predicted; choose"
    ):
        FullBatch(ArraySource(rows.T, Y, continuous=True), cpu, n1=4)
    with pytest.raises(
        DataError, match="for the output identity, got labels; choose a source with"
    ):
        FullBatch(ArraySource(rows.T, Y > 0), cpu, n1=4, output="identity")
    with pytest.raises(DataError, match="expected n_classes or continuous, got both"):
        ArraySource(rows.T, Y, n_classes=2, continuous=True)
    with pytest.raises(DataError, match=r"choose sigmoid .* or identity \(numbers\)"):
        FullBatch(ArraySource(rows.T, Y > 0), cpu, n1=4, output="linear")
    large = ArraySource(rows.T, 1e39 * Y, continuous=True)
    with pytest.raises(DataError, match="expected numbers that float32 can hold, got one of size"):
        FullBatch(large, cpu, n1=4, output="identity")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_named(value: float) -> None:
    rows, Y, _ = problem(2)
    Y[1, 17] = value
    with pytest.raises(DataError, match=f"expected finite numbers, got {value} in example 17"):
        ArraySource(rows.T, Y, continuous=True)


def test_whole_numbers_and_truth_values_are_numbers_too() -> None:
    rows, Y, _ = problem()
    for target in ((10 * Y).astype(int), Y > 0, (10 * Y).astype(np.uint8)):
        source = ArraySource(rows.T, target, continuous=True)
        batch = FullBatch(source, get_backend("cpu"), n1=4, output="identity", dtype="float64")
        zeros = initialise(6, 4, 1, init_scale=0, random_state=0)
        want = (target.astype(float) ** 2).mean() / 2
        assert float(batch.value(zeros)) == pytest.approx(want, rel=1e-13)


def test_a_number_beyond_float64_is_named() -> None:
    target = np.array([1, 10**400, 3], object)
    with pytest.raises(DataError, match=r"expected a finite number .* got inf in row 1"):
        encode_numbers(target)
