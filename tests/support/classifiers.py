"""A problem with two classes for GDClassifier, and quick settings of it."""

from __future__ import annotations

from typing import Any

from tests.support.labelled_problems import problem

QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 30, "tol": 0, "random_state": 0}
X, y = problem("binary")
X.flags.writeable = False
