"""Early stopping: end the descent when the validation cost stalls, and keep the best parameters."""

from __future__ import annotations

import math

from gdnet.descent import Iteration, StopDescent
from gdnet.parameters import Parameters
from gdnet.patience import Patience


class EarlyStopping:
    """An observer that ends the descent when the validation cost stalls.

    The rule is that of `gdnet.descent.descend` for `tol` and `patience`, on the validation cost. A
    run that goes on from a checkpoint needs a new one, which knows nothing of what was before.

    Parameters
    ----------
    tol : float, default 0
        The fraction of the validation cost by which it has to fall.
    patience : int, default 10
        Over how many iterations.

    Attributes
    ----------
    best_parameters : Parameters or None
        Those of the lowest validation cost that the observer was told of; arrays of the backend.
        None before the first iteration.
    best_cost : float
        That cost; infinite before the first iteration.
    """

    def __init__(self, tol: float = 0.0, patience: int = 10) -> None:
        self.best_parameters: Parameters | None = None
        self.best_cost = math.inf
        self._patience = Patience(tol, patience)

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
        self.consider(told.before, told.validation_cost)
        if self._patience.has_stalled(told.validation_cost):
            raise StopDescent

    def consider(self, parameters: Parameters, cost: float) -> None:
        """Keep parameters of that validation cost if they are the best so far."""
        if self.best_parameters is None or cost < self.best_cost:
            self.best_parameters, self.best_cost = parameters, cost
