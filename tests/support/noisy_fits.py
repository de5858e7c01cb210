"""What the tests of the pipeline have in common: noisy labels, and settings that learn them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet import GDClassifier
from gdnet.descent import DescentState

ITERATIONS = 60
# It rises soon where labels are noise, so that early stopping has something to stop.
NOISY: dict[str, Any] = {"hidden": 8, "learning_rate": 3.0, "iterations": ITERATIONS, "seed": 3}


def classifier(**settings: Any) -> GDClassifier:
    return GDClassifier(
        8, learning_rate=3.0, max_iter=ITERATIONS, random_state=3, tol=0, n_jobs=1, **settings
    )


def noise(y: Any) -> Any:
    return np.random.RandomState(0).permutation(y)


class Interrupt:
    """A callback that is Ctrl-C."""

    def __init__(self, iteration: int) -> None:
        self._iteration = iteration

    def __call__(self, state: DescentState) -> None:
        if state.iteration == self._iteration:
            raise KeyboardInterrupt
