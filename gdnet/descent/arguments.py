"""What `gdnet.descent.descend` may be given."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from gdnet.descent.callbacks import Callback, check_callbacks
from gdnet.descent.solvers import LBFGS, GradientDescent, Solver
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch


def check_arguments(
    objective: FullBatch,
    iterations: int,
    tol: float,
    patience: int,
    validation: FullBatch | None,
    callbacks: Sequence[Callback],
) -> None:
    """Check the arguments of `gdnet.descent.entry.descend`.

    Parameters
    ----------
    objective : FullBatch
        The cost and the gradient.
    iterations : int
        Most updates to make.
    tol : float
        The fraction by which the cost has to fall.
    patience : int
        Over how many iterations.
    validation : FullBatch or None
        Other examples.
    callbacks : sequence of callables
        What is called.

    Raises
    ------
    DataError
        For what is out of its range, of another kind, or does not fit.
    """
    for name, given, kind, expected in (
        ("iterations", iterations, Integral, "a whole number"),
        ("validation", validation, FullBatch | None, "a FullBatch of the validation data"),
    ):
        if not isinstance(given, kind):
            raise DataError(f"{name}: expected {expected}, got {given!r}")
    check_callbacks(callbacks)
    if iterations < 1:
        raise DataError(f"expected at least 1 iteration, got {iterations}")
    if not 0 <= tol < 1:
        raise DataError(f"expected a tol of at least 0 and below 1, got {tol}")
    if patience < 1:
        raise DataError(f"expected a patience of at least 1 iteration, got {patience}")
    if validation is not None:
        _check_alike(objective, validation)


def _check_alike(objective: FullBatch, validation: FullBatch) -> None:
    for name, one, other in (
        ("shape (n0, n1, n2)", objective.shape, validation.shape),
        ("dtype", objective.dtype, validation.dtype),
        ("activation", objective.g1.name, validation.g1.name),
        ("output", objective.g2.name, validation.g2.name),
        ("backend", objective.backend.name, validation.backend.name),
    ):
        if one != other:
            raise DataError(f"validation: expected the {name} of the training, {one}, got {other}")


def chosen_solver(solver: Solver | str, learning_rate: float | None) -> Solver:
    """Return the solver of a name, or the user's own.

    Raises
    ------
    DataError
        For an unknown name, a learning rate that is missing, or one that has no use.
    """
    if solver == "gd":
        if learning_rate is None:
            raise DataError("expected a learning rate, such as learning_rate=0.5, got none")
        return GradientDescent(learning_rate)
    if not (solver == "lbfgs" or isinstance(solver, Solver)):
        raise DataError(f"solver: expected 'gd' or 'lbfgs', or a Solver, got {solver!r}")
    if learning_rate is not None:
        raise DataError(
            f"expected no learning rate with solver={solver!r}, got {learning_rate}: L-BFGS has "
            "none, and others have it as their argument, such as Momentum(0.5)"
        )
    return LBFGS() if isinstance(solver, str) else solver
