"""Problems with labels of every kind, and what scikit-learn calls the activations."""

from __future__ import annotations

from typing import Any

import numpy as np

Rows = np.ndarray[Any, Any]

ACTIVATIONS = {"tanh": "tanh", "relu": "relu", "sigmoid": "logistic", "identity": "identity"}


def problem(kind: str, m: int = 150) -> tuple[Rows, Rows]:
    random = np.random.RandomState(3)
    X = random.randn(m, 5)
    scores = X @ random.randn(5, 3) + 0.5 * random.randn(m, 3)
    if kind == "binary":
        return X, np.where(scores[:, 0] > 0, "yes", "no")
    if kind == "multiclass":
        return X, scores.argmax(axis=1) * 10
    return X, (scores > 0).astype(int)
