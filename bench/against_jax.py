"""Time gdnet, JAX and the plain NumPy code of the lecture side by side on the CPU.

The three take turns within one run, each for a few iterations, because on a shared machine the
speed drifts: only ratios of neighbouring turns mean anything. Parity comes first: all three must
reach the same costs. Run it from the repository root: python -m bench.against_jax
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import lecture
from bench.environment import environment
from bench.problems import Problem, lab, name_of, problem
from gdnet.backends import get_backend
from gdnet.descent import descend

# Runs so many iterations from the start and returns the cost before each update.
Contestant = Callable[[int], list[float]]

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
# The BLAS of NumPy and the pool of XLA keep spinning for a while after their last call.
PAUSE_SECONDS = 0.05


class Case(NamedTuple):
    """A problem, the iterations of a turn, and the ratios to reach."""

    problem: Problem
    iterations: int
    targets: dict[str, float]


def cases(dtype: str) -> dict[str, Case]:
    return {
        "28-128-1": Case(problem((28, 128, 1), 200_000, dtype), 5, {"jax": 1.5}),
        "2-16-1": Case(problem((2, 16, 1), 1_000_000, dtype), 5, {"jax": 1.5}),
        "lab": Case(lab(dtype), 500, {"lecture": 1.0}),
    }


def gdnet_contestant(case: Problem) -> Contestant:
    gradient = case.full_batch(get_backend("cpu"))

    def run(iterations: int) -> list[float]:
        done = descend(
            gradient, case.parameters, learning_rate=case.learning_rate, iterations=iterations
        )
        return list(map(float, done.costs))

    return run


def lecture_contestant(case: Problem) -> Contestant:
    X, Y = np.ascontiguousarray(case.rows.T), case.Y()
    return lambda n: lecture.descend(case.parameters, X, Y, case.learning_rate, n)


def jax_contestant(case: Problem) -> Contestant:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", case.rows.dtype == np.float64)

    def cost(parameters: Any, X: Any, Y: Any) -> Any:
        W1, b1, W2, b2 = parameters
        Z2 = W2 @ jnp.tanh(W1 @ X + b1) + b2
        return jnp.mean(jnp.maximum(Z2, 0) - Y * Z2 + jnp.log1p(jnp.exp(-jnp.abs(Z2))))

    def step(parameters: Any, X: Any, Y: Any) -> Any:
        J, gradients = jax.value_and_grad(cost)(parameters, X, Y)
        alpha = case.learning_rate
        return [p - alpha * dp for p, dp in zip(parameters, gradients, strict=True)], J

    step = jax.jit(step, donate_argnums=0)
    X, Y = jnp.asarray(case.rows.T), jnp.asarray(case.Y())

    def run(iterations: int) -> list[float]:
        parameters = [jnp.array(p) for p in case.parameters]
        costs = []
        for _ in range(iterations):
            parameters, J = step(parameters, X, Y)
            costs.append(J)  # read at the end, so that JAX may queue ahead
        jax.block_until_ready(parameters)
        return [float(J) for J in costs]

    return run


def check_parity(contestants: dict[str, Contestant], iterations: int, tolerance: float) -> float:
    """Return the largest relative difference of a cost from gdnet's; end the run if too large."""
    costs = {name: np.array(run(iterations)) for name, run in contestants.items()}
    worst = 0.0
    for name, theirs in costs.items():
        difference = float(np.max(np.abs(theirs / costs["gdnet"] - 1)))
        if not difference <= tolerance:
            sys.exit(f"no parity: the costs of {name} differ from gdnet's by {difference:.1e}")
        worst = max(worst, difference)
    return worst


def take_turns(
    contestants: dict[str, Contestant], iterations: int, rounds: int
) -> dict[str, list[float]]:
    """Return milliseconds per iteration of each turn; who begins a round changes."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for _ in range(rounds):
        for name in names:
            time.sleep(PAUSE_SECONDS)
            contestants[name](1)
            began = time.perf_counter()
            contestants[name](iterations)
            times[name].append((time.perf_counter() - began) / iterations * 1e3)
        names.append(names.pop(0))
    return times


def quartiles(values: Any) -> list[float]:
    return [float(q) for q in np.percentile(values, (25, 50, 75))]


def measure(case: Case, rounds: int, peers: list[str]) -> dict[str, Any]:
    make = {"gdnet": gdnet_contestant, "jax": jax_contestant, "lecture": lecture_contestant}
    contestants = {name: make[name](case.problem) for name in ("gdnet", *peers)}
    dtype = case.problem.rows.dtype.name
    parity = check_parity(contestants, max(case.iterations, 10), TOLERANCE[dtype])
    times = take_turns(contestants, case.iterations, rounds)
    return {
        "shape": name_of(case.problem.shape),
        "m": case.problem.m,
        "dtype": dtype,
        "iterations_a_turn": case.iterations,
        "rounds": rounds,
        "largest_relative_cost_difference": parity,
        "ms_per_iteration_quartiles": {name: quartiles(t) for name, t in times.items()},
        "ratio_to_gdnet_quartiles": {
            name: quartiles(np.divide(times[name], times["gdnet"])) for name in peers
        },
        "targets": case.targets,
        "ms_per_iteration": times,
    }


def print_result(result: dict[str, Any]) -> None:
    print(f"\n{result['shape']}, m = {result['m']}, {result['dtype']}")
    for name, (low, median, high) in result["ms_per_iteration_quartiles"].items():
        line = f"  {name:8} {median:9.4g} ms per iteration  [{low:.4g} .. {high:.4g}]"
        if name in result["ratio_to_gdnet_quartiles"]:
            low, median, high = result["ratio_to_gdnet_quartiles"][name]
            line += f"   {median:5.2f} x gdnet's  [{low:.2f} .. {high:.2f}]"
            target = result["targets"].get(name)
            if target is not None:
                line += f"  to reach {target}: {'yes' if round(median, 2) >= target else 'NO'}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=tuple(TOLERANCE), default="float32")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each (default 15)")
    parser.add_argument("--only", choices=("28-128-1", "2-16-1", "lab"), help="one case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here, too")
    options = parser.parse_args()

    peers, versions = ["lecture"], {}
    try:
        versions["jax"] = importlib.metadata.version("jax")
        peers.insert(0, "jax")
    except importlib.metadata.PackageNotFoundError:
        print("without JAX, which is not installed: pip install 'gdnet[peers]'", file=sys.stderr)

    described = environment() | versions
    print(f"{described['cpu']}, {described['cores']} cores, {get_backend('cpu').describe()}")
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    results = []
    for name, case in cases(options.dtype).items():
        if options.only in (None, name):
            results.append(measure(case, options.rounds, peers))
            print_result(results[-1])
    if options.json:
        text = json.dumps({"environment": described, "results": results}, indent=1)
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
