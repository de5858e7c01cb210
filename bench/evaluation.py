"""What an evaluation costs, compared with an iteration: accuracy, log loss, AUC and F1.

    python -m bench.evaluation --json FILE

The AUC of more than two classes, or of labels, is that of each against the rest, so that it takes
time in proportion to their number. Each network is iterated and evaluated in turns, in the type of
the training and in float64, in which a standardised model is evaluated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from gdnet import initialise
from gdnet.backends import get_backend
from gdnet.data.source import RowSource
from gdnet.objective.full_batch import FullBatch
from gdnet.scores.evaluation import evaluate
from gdnet.scores.examples import examples_to_evaluate

# Features, hidden units, outputs, and what they mean.
NETWORKS = (
    (28, 128, 1, "binary"),
    (28, 128, 3, "multiclass"),
    (28, 128, 10, "multiclass"),
    (28, 128, 32, "multiclass"),
    (28, 128, 33, "multiclass"),
    (28, 128, 10, "multilabel"),
    (28, 32, 10, "multiclass"),
    (784, 128, 10, "multiclass"),
)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    options = parser.parse_args()
    rows = [measured(*network, options.examples, options.rounds) for network in NETWORKS]
    if options.json:
        options.json.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=1))


def measured(n0: int, n1: int, n2: int, kind: Any, m: int, rounds: int) -> dict[str, Any]:
    """Return the median seconds of an iteration and of evaluations, and print them."""
    random = np.random.RandomState(0)
    X = random.randn(m, n0).astype(np.float32)
    labels = random.randint(0, max(n2, 2), (1, m)).astype(np.uint8)
    if kind == "multilabel":
        labels = (random.rand(n2, m) < 0.3).astype(np.uint8)
    source = RowSource(X, labels, n_classes=n2 if kind == "multiclass" else None)
    network: dict[str, Any] = {
        "n1": n1,
        "activation": "tanh",
        "output": "softmax" if kind == "multiclass" else "sigmoid",
    }
    backend = get_backend("cpu")
    batch = FullBatch(source, backend, dtype="float32", **network)
    start = batch.place(initialise(n0, n1, n2, random_state=0, dtype="float32"))
    seconds: dict[str, list[float]] = {"iteration": [], "float32": [], "float64": []}
    for _ in range(rounds):
        for name, times in seconds.items():
            began = time.perf_counter()
            if name == "iteration":
                batch.value_and_gradient(start)
            else:
                parameters = initialise(n0, n1, n2, random_state=0, dtype=name)
                data = examples_to_evaluate(source, backend, dtype=name, **network)
                evaluate(data, parameters, kind)
            times.append(time.perf_counter() - began)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    ratios = [median[name] / median["iteration"] for name in ("float32", "float64")]
    print(
        f"{n0}-{n1}-{n2} {kind:10} iteration {median['iteration']:.3f} s, evaluation "
        f"{ratios[0]:.2f} iterations in float32, {ratios[1]:.2f} in float64",
        flush=True,
    )
    return {"network": [n0, n1, n2], "kind": kind, "examples": m, "seconds": seconds}


if __name__ == "__main__":
    main()
