"""``gdnet train``: every option of a descent has its effect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet as package
from gdnet.parameters import initialise
from tests.support.command import Rows, here, train
from tests.support.small_trainings import N0, N1, QUICK, M, X, costs, model, same_arrays, y


def test_class_weight_is_that_of_explicit_weights(small_table: Path) -> None:
    # With l2, whose share in the cost tells that the weights add up to m.
    options = ["--dtype", "float64", "--no-standardize", "--l2", 3]
    balanced = costs(small_table, "--class-weight", "balanced", *options)
    weights = np.where(y == 1, M / (2 * y.sum()), M / (2 * (M - y.sum())))
    source = package.ArraySource(X.T, y[None, :], weights[None, :])
    cpu = package.get_backend("cpu")
    gradient = package.FullBatch(source, cpu, n1=N1, dtype="float64", l2=3)
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    by_hand = package.descend(gradient, start, learning_rate=0.5, iterations=25)
    np.testing.assert_allclose(balanced, by_hand.costs, rtol=1e-12)
    assert abs(balanced[-1] - costs(small_table, *options)[-1]) > 0.01


def test_threads_do_not_change_the_model(small_table: Path) -> None:
    for threads in (1, 4):
        options = ["--threads", threads, "--block-size", 16]
        train(small_table, "d.npz", *QUICK, *options, "--validation", 0.2, out=f"m{threads}")
    assert (small_table / "m1").read_bytes() == (small_table / "m4").read_bytes()


def test_seed(small_table: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(small_table, "d.npz", *QUICK, "--seed", seed, out=name)
    assert same_arrays(model(small_table, "a"), model(small_table, "b"))
    assert not same_arrays(model(small_table, "a"), model(small_table, "c"))


@pytest.mark.parametrize("patience", [1, 4])
def test_tol_and_patience_stop_where_the_cost_stalls(small_table: Path, patience: int) -> None:
    tol, iterations = 0.01, ["--iterations", 300]
    every = costs(small_table, *iterations)
    options = ["--tol", tol, "--patience", patience]
    stopped = costs(small_table, *iterations, *options)
    assert stopped == every[: len(stopped)]
    stalled, reference = 0, np.inf
    for i, cost in enumerate(every):  # noqa: B007 - used after the loop
        if cost < reference * (1 - tol):
            stalled, reference = 0, cost
        else:
            stalled += 1
        if stalled == patience:
            break
    assert len(stopped) == i + 1 < 300
    assert model(small_table).training["converged"] is True
    text = here("train", "d.npz", *QUICK, *iterations, *options, "--quiet", cwd=small_table).out
    assert "where the cost had stalled" in text


def test_l2_is_in_the_cost_and_holds_the_weights_down(small_table: Path) -> None:
    exact = ["--dtype", "float64", "--iterations", 200, "--no-standardize"]
    plain = costs(small_table, *exact)
    free = model(small_table).parameters
    held_costs = costs(small_table, *exact, "--l2", 12)
    held = model(small_table).parameters
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    squares = (start.W1**2).sum() + (start.W2**2).sum()
    assert held_costs[0] - plain[0] == pytest.approx(12 / (2 * M) * squares, rel=1e-9)
    assert (held.W1**2).sum() < (free.W1**2).sum()


def test_init_scale(small_table: Path) -> None:
    options = ["--iterations", 1, "--learning-rate", 1e-30, "--no-standardize"]
    train(small_table, "d.npz", *QUICK, *options, "--init-scale", 0.01, "--seed", 2)
    random = np.random.RandomState(2)
    W1, W2 = random.randn(N1, N0) * 0.01, random.randn(1, N1) * 0.01
    np.testing.assert_array_equal(model(small_table).parameters.W1, W1.astype(np.float32))
    np.testing.assert_array_equal(model(small_table).parameters.W2, W2.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(small_table: Path, dtype: str) -> None:
    train(small_table, "d.npz", *QUICK, "--dtype", dtype, "--no-standardize")
    assert {p.dtype for p in model(small_table).parameters} == {np.dtype(dtype)}


def test_dtype_is_what_it_is_computed_in(small_table: Path) -> None:
    single, double = costs(small_table), costs(small_table, "--dtype", "float64")
    assert single != double
    np.testing.assert_allclose(single, double, rtol=1e-4)


def test_standardizing_is_what_it_says(small_table: Path) -> None:
    skewed = X * [1, 100, 0.01] + [5, -300, 2]
    np.savez(small_table / "skewed.npz", X=skewed, y=y)
    by_hand = (skewed - skewed.mean(axis=0)) / skewed.std(axis=0)
    np.savez(small_table / "by_hand.npz", X=by_hand, y=y)
    facts: list[dict[str, Any]] = [
        train(small_table, name, *QUICK, "--dtype", "float64", option)
        for name, option in [("skewed.npz", "--standardize"), ("by_hand.npz", "--no-standardize")]
    ]
    for key in ("first_cost", "cost", "train_log_loss", "train_auc"):
        assert facts[0][key] == pytest.approx(facts[1][key], rel=1e-9)
    raw = train(small_table, "skewed.npz", *QUICK, "--dtype", "float64", "--no-standardize")
    assert abs(raw["cost"] - facts[0]["cost"]) > 0.01
    # On by default for files, off for planar.
    for name, default in (("d.npz", True), ("planar", False)):
        train(small_table, name, *QUICK)
        assert model(small_table).settings["standardize"] is default


def test_block_size(small_table: Path) -> None:
    whole = costs(small_table, "--dtype", "float64")
    blocks = costs(small_table, "--dtype", "float64", "--block-size", 7)
    assert model(small_table).training["block_size"] == 7
    assert blocks != whole
    np.testing.assert_allclose(blocks, whole, rtol=1e-12)


ACTIVATIONS: dict[str, Callable[[Rows], Rows]] = {
    "tanh": np.tanh,
    "sigmoid": lambda Z: 1 / (1 + np.exp(-Z)),
    "relu": lambda Z: np.maximum(Z, 0),
    "identity": lambda Z: Z,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(small_table: Path, name: str) -> None:
    options = ["--activation", name, "--dtype", "float64", "--no-standardize"]
    found = costs(small_table, *options)
    start = initialise(N0, N1, 1, random_state=0, dtype="float64")
    A2 = 1 / (1 + np.exp(-(start.W2 @ ACTIVATIONS[name](start.W1 @ X.T))))[0]
    by_hand = -np.mean(np.where(y == 1, np.log(A2), np.log(1 - A2)))
    assert found[0] == pytest.approx(by_hand, rel=1e-12)
    assert found[-1] < found[0]
    assert model(small_table).activation == name
