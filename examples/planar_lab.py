"""The lecture's lab from the ten equations alone: no loop of gdnet's, no blocks, no command line.

python examples/planar_lab.py
"""

from __future__ import annotations

import argparse

import numpy as np

from gdnet.activations import ACTIVATIONS, OUTPUTS
from gdnet.data.builtin import load_builtin
from gdnet.equations import backward, cost, forward, update
from gdnet.parameters import Parameters, initialise


def main(iterations: int = 7001, alpha: float = 1.2) -> None:
    """Train the lab's network of 4 hidden units, and print the cost every 1000 iterations."""
    table = load_builtin("planar", np.float64)
    assert table.target is not None
    X = table.X.T  # (2, 400): examples are columns
    Y = table.target.reshape(1, -1)  # (1, 400)
    m = X.shape[1]
    g1, g2 = ACTIVATIONS["tanh"], OUTPUTS["sigmoid"]

    parameters: Parameters = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    for i in range(iterations):
        activations = forward(parameters, X, g1, g2, np)
        J = cost(activations, Y, g2, m, np)
        gradients = backward(parameters, X, Y, activations, g1, m, np)
        parameters = update(parameters, gradients, alpha)
        if i % 1000 == 0:
            print(f"iteration {i:5}: cost {J:.6f}")

    A2 = forward(parameters, X, g1, g2, np).A2
    print(f"accuracy {np.mean((A2 > 0.5) == Y):.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=7001)
    main(parser.parse_args().iterations)
