"""Arrays on a GPU go in, and arrays on that GPU come out: nothing passes through the host.

Without a GPU the same lines run on NumPy, and the first one printed says why.

    python examples/cupy_arrays.py
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from gdnet import GDClassifier
from gdnet.backends import choose_backend


def main(m: int = 200_000, iterations: int = 100) -> None:
    """Train on arrays where they are, and predict."""
    backend, why = choose_backend("auto")
    print(f"{backend.name}: {why}")

    rows = np.random.RandomState(0).randn(m, 8).astype(np.float32)
    X = backend.asarray(rows)  # cupy.ndarray, or numpy.ndarray
    y = backend.asarray((rows[:, 0] * rows[:, 1] > 0).astype(np.int32))

    classifier = GDClassifier(32, learning_rate=1.0, max_iter=iterations, tol=0, random_state=0)
    classifier.fit(X, y)
    probabilities = classifier.predict_proba(X)
    print(f"fitted on {classifier.device_}, accuracy {classifier.score(X, y):.3f}")
    print(f"in {name_of(X)}, out {name_of(probabilities)}")

    # A fitted model is at home everywhere: its parameters are on the host.
    print(f"on the CPU {classifier.set_params(device='cpu').predict(rows[:3])}")


def name_of(array: Any) -> str:
    """Return the library and the shape of an array."""
    return f"{type(array).__module__.partition('.')[0]} {array.shape}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--iterations", type=int, default=100)
    given = parser.parse_args()
    main(given.examples, given.iterations)
