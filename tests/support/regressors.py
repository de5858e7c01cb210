"""Numbers to be predicted by GDRegressor, and quick settings of it."""

from __future__ import annotations

from typing import Any

import numpy as np

Rows = np.ndarray[Any, Any]
QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 30, "tol": 0, "random_state": 0}


def problem(targets: int = 1, m: int = 150) -> tuple[Rows, Rows]:
    random = np.random.RandomState(3)
    X = random.randn(m, 5)
    y = np.sin(X @ random.randn(5, targets) / 2) + 0.3 * random.randn(m, targets) + 0.5
    return X, y[:, 0] if targets == 1 else y


X, y = problem()
X.flags.writeable = y.flags.writeable = False
