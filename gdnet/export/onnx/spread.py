"""The unit in which differences of predicted numbers are measured."""

from __future__ import annotations

import numpy as np

from gdnet._typing import HostArray

# Rows that are alike have no deviation: the unit is at least so much of what hidden units add.
_LEAST = 1e-2
# Rounding to float32 costs a runtime half a step, and gdnet up to one where it computes in float32.
_STEPS = 2


class Spread:
    """The standard deviation of the predictions of each target, over blocks of rows.

    Parameters
    ----------
    b2 : array of shape (n2, 1)
        Of the network.
    """

    def __init__(self, b2: HostArray) -> None:
        self._b2 = b2[:, 0].astype(np.float64)
        self._count = 0
        self._centre: HostArray | None = None
        self._sum = self._squares = self._added = self._largest = np.zeros(len(b2))

    def add(self, predictions: HostArray) -> None:
        """Count predictions of shape (b, n2)."""
        predictions = predictions.astype(np.float64)
        if self._centre is None:
            self._centre = predictions.mean(axis=0)
        deviations = predictions - self._centre
        self._count += len(predictions)
        self._sum = self._sum + deviations.sum(axis=0)
        self._squares = self._squares + np.square(deviations).sum(axis=0)
        self._added = np.maximum(self._added, np.abs(predictions - self._b2).max(axis=0))
        self._largest = np.maximum(self._largest, np.abs(predictions).max(axis=0))

    def units(self) -> HostArray:
        """Return the deviations (n2,), or more where the rows are alike."""
        count = max(self._count, 1)
        variance = self._squares / count - np.square(self._sum / count)
        deviation = np.sqrt(np.maximum(variance, 0))
        units: HostArray = np.maximum(np.maximum(deviation, _LEAST * self._added), self._steps())
        return units

    def rounding(self) -> HostArray:
        """Return what float32 alone may make of the differences (n2,)."""
        return _STEPS * self._steps()

    def _steps(self) -> HostArray:
        held = np.minimum(self._largest, np.finfo(np.float32).max / 2).astype(np.float32)
        steps: HostArray = np.spacing(held).astype(np.float64)
        return steps
