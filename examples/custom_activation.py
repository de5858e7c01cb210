"""A hidden activation of one's own: the pair g1 and g1', checked by central differences first.

python examples/custom_activation.py
"""

from __future__ import annotations

import argparse

import numpy as np

from gdnet import (
    Activation,
    ArraySource,
    FullBatch,
    check_gradients,
    descend,
    get_backend,
    initialise,
)
from gdnet.activations import TANH
from gdnet.data.builtin import load_builtin

# Element by element, with the functions of `xp`, so that it runs on NumPy and on CuPy alike.
SINE = Activation(
    "sine",
    value=lambda Z, xp: xp.sin(Z),
    slope=lambda Z, xp: xp.cos(Z),
    slope_needs_Z1=True,  # cos(Z1) cannot be told from A1 = sin(Z1) alone
)


def main(iterations: int = 1000) -> None:
    """Check the pair, and train with it and with tanh."""
    table = load_builtin("planar", np.float64)
    assert table.target is not None
    X, Y = table.X.T, table.target.reshape(1, -1)
    start = initialise(2, 8, 1, random_state=2)

    check = check_gradients(start, X[:, :20], Y[:, :20], activation=SINE)
    print(check)
    assert check.passed

    for g1 in (TANH, SINE):
        gradient = FullBatch(ArraySource(X, Y), get_backend("cpu"), n1=8, activation=g1)
        run = descend(gradient, start, learning_rate=0.5, iterations=iterations)
        print(f"{g1.name:5} cost {run.costs[0]:.4f} -> {run.final_cost:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=1000)
    main(parser.parse_args().iterations)
