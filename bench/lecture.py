"""The lecture's code as a learner writes it: plain NumPy on whole arrays.

It shares nothing with gdnet, so that it can be both an opponent and a reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[Any]
Matrices = tuple[Matrix, Matrix, Matrix, Matrix]


def cost_and_gradients(parameters: Matrices, X: Matrix, Y: Matrix) -> tuple[Any, Matrices]:
    """Return J and (dW1, db1, dW2, db2) for X (n0, m) and Y (n2, m) of 0 and 1."""
    W1, b1, W2, b2 = parameters
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    if len(Y) == 1:
        A2 = 1 / (1 + np.exp(-Z2))
        J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    else:
        E = np.exp(Z2 - Z2.max(axis=0))
        A2 = E / E.sum(axis=0)
        J = -np.sum(Y * np.log(A2)) / m
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return J, (dW1, db1, dW2, db2)


def descend(
    parameters: Matrices, X: Matrix, Y: Matrix, learning_rate: float, iterations: int
) -> list[float]:
    """Return the cost before each update."""
    W1, b1, W2, b2 = parameters
    costs = []
    for _ in range(iterations):
        J, (dW1, db1, dW2, db2) = cost_and_gradients((W1, b1, W2, b2), X, Y)
        W1 = W1 - learning_rate * dW1
        b1 = b1 - learning_rate * db1
        W2 = W2 - learning_rate * dW2
        b2 = b2 - learning_rate * db2
        costs.append(float(J))
    return costs
