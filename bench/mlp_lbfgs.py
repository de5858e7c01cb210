"""Seconds of gdnet's L-BFGS to the cost at which MLPClassifier's L-BFGS ends.

    python -m bench.mlp_lbfgs --json FILE

A made-up table of 20,000 rows and 10 features in float64, that is used for nothing else. From each
of five starts MLPClassifier(solver="lbfgs", max_iter=300) is timed, with all threads and with one,
and gdnet until its cost is as low as that of MLPClassifier's end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from bench.environment import environment
from gdnet.backends import get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import DescentState, Next, StopDescent, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

ROWS, FEATURES, HIDDEN, STARTS, MAX_ITER = 20_000, 10, 16, 5, 300
# Costs are compared to so many digits: both sum in float64, in another order.
CLOSE = 1e-9

Rows = npt.NDArray[Any]


def table() -> tuple[Rows, Rows]:
    """Return standardised rows, and labels of which a tenth are wrong."""
    X, y = make_classification(
        ROWS, FEATURES, n_informative=6, n_clusters_per_class=4, flip_y=0.1, random_state=11
    )
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def of_mlp(X: Rows, y: Rows, seed: int, threads: int) -> tuple[float, Parameters, Parameters]:
    """Return the seconds of a fit, its first parameters, and its last."""
    settings: dict[str, Any] = {"activation": "tanh", "alpha": 0, "random_state": seed}
    first = MLPClassifier((HIDDEN,), solver="lbfgs", max_iter=MAX_ITER, **settings)
    starts: list[Parameters] = []
    initialize = first._initialize

    def remembering(*given: Any) -> None:
        initialize(*given)
        starts.append(_parameters(first))

    first._initialize = remembering
    with warnings.catch_warnings(), threadpool_limits(threads):
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        first.fit(X, y)
        seconds = time.perf_counter() - began
    return seconds, starts[0], _parameters(first)


def _parameters(mlp: MLPClassifier) -> Parameters:
    (W1, W2), (b1, b2) = mlp.coefs_, mlp.intercepts_
    return Parameters(W1.T.copy(), b1[:, None].copy(), W2.T.copy(), b2[:, None].copy())


def seconds_to(cost: float, objective: FullBatch, start: Parameters) -> float | None:
    """Return how long gdnet takes to a cost; None if it does not come there."""

    def until(state: DescentState) -> Next:
        if state.iteration and state.cost <= cost * (1 + CLOSE):
            raise StopDescent
        return Next(iterations=1)

    began = time.perf_counter()
    run = descend(objective, start, solver="lbfgs", iterations=3 * MAX_ITER, callbacks=[until])
    seconds = time.perf_counter() - began
    arrived = min(run.costs.min(), run.final_cost) <= cost * (1 + CLOSE)
    return seconds if arrived else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    X, y = table()
    source = ArraySource(X.T, y[None].astype(np.uint8))
    measured: dict[str, Any] = {"environment": environment()}
    for engine in ("reference", "auto"):
        backend = get_backend("cpu", engine=engine)
        objective = FullBatch(source, backend, n1=HIDDEN, dtype="float64")
        for threads in (backend.threads, 1):  # type: ignore[attr-defined] # of the CPU
            rounds: list[dict[str, Any]] = []
            for seed in range(STARTS):
                theirs, start, end = of_mlp(X, y, seed, threads)
                with backend.activate():
                    cost = float(objective.value(end))
                ours = seconds_to(cost, objective, start)
                rounds.append({"mlp": theirs, "gdnet": ours, "cost": cost})
            ratios = [r["mlp"] / r["gdnet"] if r["gdnet"] else 0.0 for r in rounds]
            name = f"{objective.engine}, MLPClassifier with {threads} threads"
            print(f"{name}: times faster {statistics.median(ratios):.2f}", ratios)
            measured[name] = rounds
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
