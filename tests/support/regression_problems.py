"""Numbers to be predicted, and the solvers that can do so."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.backends import Backend
from gdnet.data.source import ArraySource
from gdnet.descent import LBFGS, GradientDescent, Momentum
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise

SOLVERS: dict[str, Any] = {
    "gd": GradientDescent(0.1),
    "momentum": Momentum(0.05, 0.9),
    "nesterov": Momentum(0.05, 0.9, nesterov=True),
    "lbfgs": LBFGS(memory=6),
}


def problem(n2: int = 1, m: int = 300, dtype: str = "float64") -> tuple[Any, Any, Any]:
    random = np.random.RandomState(5)
    rows = random.randn(m, 6)
    Y = np.sin(rows @ random.randn(6, n2) / 2) + 0.1 * random.randn(m, n2)
    return rows.astype(dtype), Y.T, random.rand(1, m) + 0.1


def full_batch(backend: Backend, n2: int = 1, m: int = 300, **settings: Any) -> FullBatch:
    given: dict[str, Any] = {"n1": 4, "dtype": "float64", "block_columns": 128}
    given |= {"output": "identity"} | settings
    rows, Y, w = problem(n2, m, given["dtype"])
    weights = w if given.pop("weighted", False) else None
    return FullBatch(ArraySource(rows.T, Y, weights, continuous=True), backend, **given)


def first(n2: int = 1) -> Parameters:
    return initialise(6, 4, n2, random_state=1)
