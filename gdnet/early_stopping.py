"""Early stopping: end the descent when the validation cost stalls, and keep the best parameters."""

from __future__ import annotations

import math

from gdnet.descent import Iteration, StopDescent
from gdnet.parameters import Parameters


class EarlyStopping:
    """An observer that ends the descent when the validation cost stalls.

    The rule is that of `gdnet.descent.descend` for `tol` and `patience`, on the validation cost.

    Parameters
    ----------
    start : Parameters
        Where the descent starts.
    tol : float, default 0
        The fraction of the best validation cost so far by which it has to fall.
    patience : int, default 10
        After how many iterations in a row without such a fall the descent ends.

    Attributes
    ----------
    best_parameters : Parameters
        Those of the lowest validation cost that the observer was told of; arrays of the backend.
    best_cost : float
        That cost; infinite before the first iteration.
    """

    def __init__(self, start: Parameters, tol: float = 0.0, patience: int = 10) -> None:
        self.best_parameters = start
        self.best_cost = math.inf
        self._tol, self._patience = tol, patience
        self._stalled = 0
        self._before = start

    def __call__(self, told: Iteration) -> None:
        """Compare one iteration; raise StopDescent if the cost has stalled.

        Raises
        ------
        StopDescent
            After `patience` iterations without an improvement.
        ValueError
            If the descent has no validation data.
        """
        if told.validation_cost is None:
            raise ValueError("early stopping needs the validation data of descend(validation=...)")
        improved = told.validation_cost < self.best_cost * (1 - self._tol)
        self._stalled = 0 if improved else self._stalled + 1
        # The cost is that of the parameters before the update.
        self.consider(self._before, told.validation_cost)
        self._before = told.parameters
        if self._stalled >= self._patience:
            raise StopDescent

    def consider(self, parameters: Parameters, cost: float) -> None:
        """Keep parameters of that validation cost if they are the best so far."""
        if cost < self.best_cost:
            self.best_parameters, self.best_cost = parameters, cost
