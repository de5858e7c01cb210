"""How many passes gdnet's L-BFGS and SciPy's take to the same cost, on the same gradient.

    python -m bench.lbfgs_passes --json FILE

Ten problems in float64 with l2, five starts each, the same memory. Both get gdnet's cost and
gradient. From one start they may end in different minima, so a start is counted to the higher of
the two last costs, and the ratio of a problem is that of the medians over its starts.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.environment import environment
from bench.problems import lab, problem
from gdnet.backends import get_backend
from gdnet.data.builtin import load_builtin
from gdnet.data.labels.targets import encode_target
from gdnet.data.source import ArraySource
from gdnet.descent import LBFGS, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise

MEMORY, STARTS, L2, MAX_ITERATIONS = 20, 5, 1.0, 500
# A cost is reached to so many digits.
CLOSE = 1e-6


class Task(NamedTuple):
    """A table, standardised, and the network that learns it."""

    name: str
    rows: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]
    hidden: int
    activation: str

    @property
    def n2(self) -> int:
        """Number of outputs."""
        classes = int(self.labels.max()) + 1
        return 1 if classes == 2 else classes

    def full_batch(self) -> FullBatch:
        """Return cost and gradient with l2."""
        source = ArraySource(
            self.rows.T, self.labels[None, :], n_classes=self.n2 if self.n2 > 1 else None
        )
        return FullBatch(
            source,
            get_backend("cpu"),
            n1=self.hidden,
            activation=self.activation,
            output="softmax" if self.n2 > 1 else "sigmoid",
            dtype="float64",
            l2=L2,
        )

    def start(self, seed: int) -> Parameters:
        """Return random first parameters."""
        return initialise(self.rows.shape[1], self.hidden, self.n2, random_state=seed)


def tasks() -> Iterator[Task]:
    """Yield the ten problems."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine
    from sklearn.preprocessing import StandardScaler

    def scaled(rows: Any) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = StandardScaler().fit_transform(np.asarray(rows, float))
        return found

    for name, load, hidden, activations in (
        ("breast_cancer", load_breast_cancer, 16, ("tanh", "relu", "softplus")),
        ("digits", load_digits, 32, ("tanh", "relu")),
        ("wine", load_wine, 8, ("tanh",)),
    ):
        rows, labels = load(return_X_y=True)
        for activation in activations:
            yield Task(f"{name} {activation}", scaled(rows), labels, hidden, activation)
    flights = load_builtin("flights", "float64")
    some = slice(None, None, 20)
    labels = encode_target(flights.target).codes.reshape(-1)[some].astype(np.uint8)
    yield Task("flights tanh", scaled(flights.X[some]), labels, 16, "tanh")
    for activation in ("tanh", "sigmoid"):
        made = problem((28, 32, 1), 5000, np.float64)
        yield Task(f"made-up {activation}", made.rows, made.labels, 32, activation)
    planar = lab(np.float64)
    yield Task("planar tanh", planar.rows, planar.labels, 8, "tanh")


def costs_of_scipy(objective: FullBatch, start: Parameters) -> list[float]:
    """Return the lowest cost after each pass of SciPy's L-BFGS-B."""
    from scipy.optimize import minimize

    shapes = [p.shape for p in start]
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    costs: list[float] = []

    def fun(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        parts = zip(np.split(x, ends), shapes, strict=True)
        with objective.backend.activate():
            J, gradients = objective.value_and_gradient(
                Parameters(*(p.reshape(s) for p, s in parts))
            )
        costs.append(min(float(J), costs[-1] if costs else math.inf))
        return float(J), np.concatenate([np.ravel(np.asarray(g)) for g in gradients])

    options = {"maxcor": MEMORY, "maxiter": MAX_ITERATIONS, "maxfun": 10 * MAX_ITERATIONS}
    x = np.concatenate([np.ravel(np.asarray(p)) for p in start])
    minimize(fun, x, jac=True, method="L-BFGS-B", options=options)
    return costs


def passes_to(costs: npt.ArrayLike, passes: npt.ArrayLike, cost: float) -> int:
    """Return the passes after which a falling cost is low enough."""
    reached = np.asarray(costs) <= cost * (1 + CLOSE)
    return int(np.asarray(passes)[np.argmax(reached)])


def compare(task: Task) -> dict[str, Any]:
    """Return the passes of both from each start, and where they ended."""
    objective = task.full_batch()
    found: dict[str, list[float]] = {"gdnet": [], "scipy": [], "gdnet_end": [], "scipy_end": []}
    iterations = passes = 0
    for seed in range(STARTS):
        start = task.start(seed)
        run = descend(objective, start, solver=LBFGS(MEMORY), iterations=MAX_ITERATIONS)
        iterations, passes = iterations + run.iterations, passes + int(run.passes[-1])
        theirs = costs_of_scipy(objective, start)
        cost = max(run.final_cost, theirs[-1])
        # costs[i] was known when iteration i - 1 had ended, the first after one pass.
        known = [1, *run.passes]
        found["gdnet"].append(passes_to([*run.costs, run.final_cost], known, cost))
        found["scipy"].append(passes_to(theirs, range(1, len(theirs) + 1), cost))
        found["gdnet_end"].append(run.final_cost)
        found["scipy_end"].append(theirs[-1])
    ratio = statistics.median(found["gdnet"]) / statistics.median(found["scipy"])
    return {"task": task.name, "ratio": ratio, "passes_an_iteration": passes / iterations} | found


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results = []
    for task in tasks():
        found = compare(task)
        results.append(found)
        print(
            f"{found['task']:24} ratio {found['ratio']:.2f}  passes {found['gdnet']} and "
            f"{found['scipy']}, an iteration {found['passes_an_iteration']:.3f}"
        )
        print(
            "    ends",
            *(
                f"{a:.6f}/{b:.6f}"
                for a, b in zip(found["gdnet_end"], found["scipy_end"], strict=True)
            ),
        )
    mean = statistics.geometric_mean(found["ratio"] for found in results)
    print(
        f"geometric mean of the ratios {mean:.3f}, highest {max(f['ratio'] for f in results):.2f}"
    )
    if options.json:
        measured = {"environment": environment(), "memory": MEMORY, "mean": mean, "tasks": results}
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
