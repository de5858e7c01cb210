"""Solvers: the lecture's gradient descent, with momentum, and L-BFGS."""

from __future__ import annotations

from gdnet.descent.solvers.base import Solver, SolverState, Step
from gdnet.descent.solvers.gradient_descent import GradientDescent, Momentum
from gdnet.descent.solvers.lbfgs import LBFGS
from gdnet.errors import DataError

__all__ = ["LBFGS", "GradientDescent", "Momentum", "Solver", "SolverState", "Step", "solver_named"]


def solver_named(
    name: str, learning_rate: float, momentum: float = 0.0, *, nesterov: bool = False
) -> Solver:
    """Return the solver of a name.

    Parameters
    ----------
    name : {"gd", "lbfgs"}
        The solver; "gd" with a momentum above 0 is `Momentum`.
    learning_rate : float
        The lecture's alpha, above 0; not read by "lbfgs".
    momentum : float, default 0
        At least 0 and below 1; not read by "lbfgs".
    nesterov : bool, default False
        Whether momentum looks ahead.

    Returns
    -------
    Solver
        A `GradientDescent`, `Momentum` or `LBFGS`.

    Raises
    ------
    DataError
        If there is none of this name, or the momentum is out of its range.
    """
    if name == "lbfgs":
        return LBFGS()
    if name != "gd":
        raise DataError(f"solver: expected 'gd' or 'lbfgs', or a Solver, got {name!r}")
    if momentum:
        return Momentum(learning_rate, momentum, nesterov=nesterov)
    return GradientDescent(learning_rate)
