"""What the tests of arrays of other libraries share."""

from __future__ import annotations

from typing import Any

import numpy as np

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 20, "tol": 0, "random_state": 0}


def get(a: Any) -> Any:
    return a.get() if hasattr(a, "get") else np.asarray(a)
