"""A short run with a checkpoint, and what stops it: for the tests of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gdnet.backends import Backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.source import ArraySource
from gdnet.descent import Callback, DescentResult, DescentState, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise
from tests.support.problems import classification

RATE: dict[str, Any] = {"learning_rate": 0.5}


def full_batch(backend: Backend, m: int = 300, **settings: Any) -> FullBatch:
    rows, Y = classification(1, m)
    given: dict[str, Any] = {"n1": 4, "dtype": "float64", "block_columns": 128}
    return FullBatch(ArraySource(rows.T, Y), backend, **given | settings)


def first() -> Parameters:
    return initialise(6, 4, 1, random_state=1)


def run(
    backend: Backend,
    iterations: int = 30,
    *,
    checkpoint: Checkpoint | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> DescentResult:
    settings = RATE | {"iterations": iterations} | settings
    settings["callbacks"] = [*([checkpoint] if checkpoint else []), *callbacks]
    return descend(full_batch(backend), first(), **settings)


class Stop:
    """A callback that interrupts the run."""

    def __init__(self, iteration: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self._iteration, self._error = iteration, error

    def __call__(self, state: DescentState) -> None:
        if state.iteration == self._iteration + 1:
            raise self._error


def assert_same(one: DescentResult, other: DescentResult) -> None:
    for a, b in zip(one.parameters, other.parameters, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.costs, other.costs)
    np.testing.assert_array_equal(one.validation_costs, other.validation_costs)
    assert (one.final_cost, one.converged) == (other.final_cost, other.converged)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def settings_of(solver: Any, **others: Any) -> dict[str, Any]:
    return {"learning_rate": None, "solver": solver} | others
