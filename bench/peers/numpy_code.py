"""gdnet as its users call it, and the lecture's code on whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from bench import lecture
from bench.peers import Candidate, UnavailableError, precision
from bench.problems import Problem
from gdnet.backends import get_backend
from gdnet.descent import descend
from gdnet.errors import DataError


def gdnet_candidate(problem: Problem, device: str, engine: str = "auto") -> Candidate:
    backend = get_backend(device, precision=precision(), engine=engine)
    gradient = problem.full_batch(backend)

    def run(iterations: int) -> list[float]:
        # A descent ends with the cost of its last parameters, which no other candidate computes.
        done = descend(
            gradient,
            problem.parameters,
            learning_rate=problem.learning_rate,
            iterations=iterations,
        )
        return [float(J) for J in done.costs]

    columns = gradient.grid.columns
    about = f"{backend.describe()}, {gradient.engine}, blocks of {columns} columns"
    if device == "cpu":
        return Candidate(run, about, setup_is_foreign=True)

    def device_bytes() -> int:
        # The pool gives nothing back by itself, so its size is its peak.
        pool: Any = backend.xp.get_default_memory_pool()
        return int(pool.total_bytes() - pool.used_bytes())

    return Candidate(run, about, device_bytes, setup_is_foreign=True)


def gdnet_reference(problem: Problem, device: str) -> Candidate:
    return gdnet_candidate(problem, device, engine="reference")


def gdnet_fused(problem: Problem, device: str) -> Candidate:
    try:
        return gdnet_candidate(problem, device, engine="fused")
    except DataError as not_made_for_it:
        raise UnavailableError(str(not_made_for_it)) from None


def blas_threads() -> int:
    """Return how many threads the BLAS of NumPy uses for one product."""
    return max((each["num_threads"] for each in threadpool_info()), default=1)


def lecture_candidate(problem: Problem, device: str) -> Candidate:
    X, Y = np.ascontiguousarray(problem.rows.T), problem.Y()
    parameters, learning_rate = problem.parameters, problem.learning_rate
    if device == "cpu":
        about = f"NumPy {np.__version__}, {blas_threads()} BLAS threads"
        return Candidate(
            lambda iterations: lecture.descend(parameters, X, Y, learning_rate, iterations), about
        )
    import cupy

    # NumPy's functions hand CuPy's arrays on to CuPy: the lecture's code runs as it is.
    start: Any = tuple(map(cupy.asarray, parameters))
    inputs, labels = cupy.asarray(X), cupy.asarray(Y)
    pool = cupy.get_default_memory_pool()
    return Candidate(
        lambda iterations: lecture.descend(start, inputs, labels, learning_rate, iterations),
        f"CuPy {cupy.__version__} through NumPy's functions",
        lambda: int(pool.total_bytes() - pool.used_bytes()),
    )
