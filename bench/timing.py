"""How the pytest-benchmark suite times an iteration, gradient and update."""

from __future__ import annotations

import math
import time
from typing import Any

from bench.problems import Problem
from gdnet.equations import update
from gdnet.objective.full_batch import FullBatch

CASE_SECONDS = 2.0
ROUND_SECONDS = 0.01  # the clock and the call must not be seen


def time_iterations(benchmark: Any, gradient: FullBatch, case: Problem, **facts: Any) -> None:
    """Time iterations with the data in place, and write down what was timed."""
    backend = gradient.backend
    benchmark.extra_info.update(
        backend=backend.name,
        described=backend.describe(),
        shape="-".join(map(str, gradient.shape)),
        m=gradient.source.m,
        dtype=gradient.dtype.name,
        activation=gradient.g1.name,
        block_columns=gradient.grid.columns,
        **facts,
    )
    with backend.activate():
        alpha = backend.asarray(case.learning_rate, gradient.dtype)
        parameters = gradient.place(case.parameters)

        def iterate() -> None:
            nonlocal parameters
            _, gradients = gradient.value_and_gradient(parameters)
            parameters = update(parameters, gradients, alpha)
            backend.synchronize()

        iterate()
        began = time.perf_counter()
        iterate()
        seconds = time.perf_counter() - began
        iterations = math.ceil(ROUND_SECONDS / seconds)
        rounds = min(max(int(CASE_SECONDS / (iterations * seconds)), 5), 100)
        benchmark.pedantic(iterate, rounds=rounds, warmup_rounds=1, iterations=iterations)
    if benchmark.enabled:
        median = benchmark.stats.stats.median
        benchmark.extra_info["examples_per_second"] = gradient.source.m / median
