"""How long `GDClassifier` takes to predict a few rows, beside MLPClassifier.

    python -m bench.predict_latency --json FILE

The two take turns call by call: only ratios of neighbouring calls mean anything.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from bench.environment import environment
from bench.interleave import Quartiles, quartiles
from gdnet import GDClassifier

HIDDEN = 32
WARM_UP = 50
METHODS = ("predict", "predict_proba", "decision_function")


def seconds(call: Callable[[Any], Any], rows: Any) -> float:
    """Return how long one call takes."""
    began = time.perf_counter()
    call(rows)
    return time.perf_counter() - began


def latency(ours: Any, theirs: Any, rows: Any, rounds: int) -> tuple[Quartiles, Quartiles | None]:
    """Return the microseconds of our call, and its time divided by that of their next one."""
    for _ in range(WARM_UP):
        ours(rows)
    if theirs is None:
        return quartiles([1e6 * seconds(ours, rows) for _ in range(rounds)]), None
    for _ in range(WARM_UP):
        theirs(rows)
    times = np.array([(seconds(ours, rows), seconds(theirs, rows)) for _ in range(rounds)])
    return quartiles(1e6 * times[:, 0]), quartiles(times[:, 0] / times[:, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=(1, 100))
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    results: list[dict[str, Any]] = []
    print("median microseconds a call, and the quartiles of its time divided by MLPClassifier's")
    for dtype in (np.float64, np.float32):
        data = X.astype(dtype)
        clf = GDClassifier(HIDDEN, max_iter=50, tol=0, random_state=0).fit(data, y)
        mlp = MLPClassifier(HIDDEN, activation="tanh", max_iter=50, random_state=0).fit(data, y)
        for m in options.rows:
            for method in METHODS:
                ours, theirs = getattr(clf, method), getattr(mlp, method, None)
                took, ratio = latency(ours, theirs, data[:m], options.rounds)
                shown = f"{dtype.__name__}  {m:5,} rows  {method:18}{took.median:8.0f} us"
                if ratio is not None:
                    shown += f"   {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
                print(shown)
                case = {"dtype": dtype.__name__, "rows": m, "method": method}
                results.append({**case, "us": took, "ratio": ratio})
    if options.json:
        facts = {"environment": environment(), "hidden": HIDDEN, "results": results}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
