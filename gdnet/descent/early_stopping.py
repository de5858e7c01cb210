"""Early stopping: end the descent when the validation cost stalls, and keep the best parameters."""

from __future__ import annotations

import math
from typing import NamedTuple

from gdnet.descent import DescentSetup, DescentState, StopDescent
from gdnet.descent.convergence import StallDetector
from gdnet.errors import DataError
from gdnet.parameters import Parameters


class Best(NamedTuple):
    """The parameters of the lowest validation cost.

    Attributes
    ----------
    parameters : Parameters
        Arrays of the backend, or in a checkpoint of NumPy.
    cost : float
        Their validation cost.
    iteration : int
        After how many updates they were.
    """

    parameters: Parameters
    cost: float
    iteration: int


class EarlyStopping:
    """A callback that ends the descent when the validation cost stalls.

    The rule is that of `gdnet.descent.descend` for `tol` and `patience`, on the validation cost.
    Each run needs its own; what it knows is in the checkpoint of the run.

    Parameters
    ----------
    tol : float, default 0
        The fraction of the validation cost by which it has to fall, at least 0 and below 1.
    patience : int, default 10
        Over how many iterations, at least 1.

    Attributes
    ----------
    best_parameters : Parameters or None
        Those of the lowest validation cost so far; arrays of the backend. None before the first
        that is finite.
    best_cost : float
        That cost; infinite before the first one that is finite.
    best_iteration : int
        After how many updates they were.
    settings : dict
        tol and patience.

    Raises
    ------
    DataError
        For a tol or a patience out of its range.

    References
    ----------
    Prechelt (1998), Early stopping - but when?, in Neural Networks: Tricks of the Trade.
    """

    def __init__(self, tol: float = 0.0, patience: int = 10) -> None:
        if not (0 <= tol < 1 and patience >= 1):
            raise DataError(
                f"early stopping: expected a tol of at least 0 and below 1 and a patience of at "
                f"least 1 iteration, got {tol} and {patience}"
            )
        self.best_parameters: Parameters | None = None
        self.best_cost = math.inf
        self.best_iteration = 0
        self.settings = {"tol": tol, "patience": patience}
        self._stall = StallDetector(tol, patience)
        self._begun = False

    def begin(self, setup: DescentSetup) -> None:
        """Refuse another run: what is known is of the first.

        Parameters
        ----------
        setup : DescentSetup
            Not read.

        Raises
        ------
        DataError
            If it has served a run.
        """
        del setup
        if self._begun:
            raise DataError("expected an EarlyStopping that has not served another run: make one")
        self._begun = True

    def resume(self, best: Best, state: DescentState) -> None:
        """Take up the best parameters, and the validation costs of a state.

        Parameters
        ----------
        best : Best
            From a checkpoint; its parameters are arrays of the backend.
        state : DescentState
            Where the run is resumed from.
        """
        self.best_parameters, self.best_cost, self.best_iteration = best
        if state.validation_costs is not None:
            self._stall.first_stall(state.validation_costs.tolist())

    def __call__(self, state: DescentState) -> None:
        """Compare one iteration; raise StopDescent if the cost has stalled.

        Raises
        ------
        StopDescent
            After `patience` iterations without an improvement.
        ValueError
            If the descent has no validation data.
        """
        if state.validation_costs is None:
            raise ValueError(
                "early stopping needs the validation data of descend(validation=...), or the "
                "eval_set of a fit"
            )
        latest = float(state.validation_costs[-1])
        self.consider(state.previous_parameters, latest, state.iteration - 1)
        if self._stall.first_stall([latest]) is not None:
            raise StopDescent

    def consider(self, parameters: Parameters, cost: float, iteration: int) -> None:
        """Keep the parameters if they are the best so far.

        Parameters
        ----------
        parameters : Parameters
            Arrays of the backend.
        cost : float
            Their validation cost; NaN is never the best.
        iteration : int
            After how many updates they were.
        """
        if cost < self.best_cost:
            self.best_parameters, self.best_cost = parameters, cost
            self.best_iteration = iteration

    @property
    def best(self) -> Best | None:
        """Return what a checkpoint saves."""
        if self.best_parameters is None:
            return None
        return Best(self.best_parameters, self.best_cost, self.best_iteration)
