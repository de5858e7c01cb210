"""The lecture in scalars: plain Python loops over examples, units and features, tanh hidden."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def scalar_gradients(
    parameters: Any, X: Any, Y: Any, output: str, weights: Any = None
) -> tuple[list[Any], float]:
    """Return [dW1, db1, dW2, db2] and J, computed one number at a time."""
    W1, b1, W2, b2 = (np.asarray(p).tolist() for p in parameters)
    X, Y = np.asarray(X).tolist(), np.asarray(Y).tolist()
    n0, n1, n2, count = len(X), len(W1), len(W2), len(X[0])
    w = [1.0] * count if weights is None else np.asarray(weights)[0].tolist()
    m = sum(w)
    dW1 = [[0.0] * n0 for _ in range(n1)]
    db1 = [[0.0] for _ in range(n1)]
    dW2 = [[0.0] * n1 for _ in range(n2)]
    db2 = [[0.0] for _ in range(n2)]
    J = 0.0
    for i in range(count):
        a1 = [math.tanh(sum(W1[j][k] * X[k][i] for k in range(n0)) + b1[j][0]) for j in range(n1)]
        z2 = [sum(W2[o][j] * a1[j] for j in range(n1)) + b2[o][0] for o in range(n2)]
        if output == "softmax":
            total = sum(math.exp(z) for z in z2)
            a2 = [math.exp(z) / total for z in z2]
            loss = -sum(Y[o][i] * math.log(a2[o]) for o in range(n2))
        elif output == "identity":
            a2 = z2
            loss = sum((z2[o] - Y[o][i]) ** 2 / 2 for o in range(n2))
        else:
            a2 = [1 / (1 + math.exp(-z)) for z in z2]
            loss = -sum(
                Y[o][i] * math.log(a2[o]) + (1 - Y[o][i]) * math.log(1 - a2[o]) for o in range(n2)
            )
        J += w[i] * loss / m
        for o in range(n2):
            dz2 = w[i] * (a2[o] - Y[o][i])
            db2[o][0] += dz2 / m
            for j in range(n1):
                dW2[o][j] += dz2 * a1[j] / m
        for j in range(n1):
            dz1 = w[i] * sum(W2[o][j] * (a2[o] - Y[o][i]) for o in range(n2)) * (1 - a1[j] ** 2)
            db1[j][0] += dz1 / m
            for k in range(n0):
                dW1[j][k] += dz1 * X[k][i] / m
    return [dW1, db1, dW2, db2], J
