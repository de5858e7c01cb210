"""Descending from first parameters: the arguments are checked, and the loop is run."""

from __future__ import annotations

from collections.abc import Sequence

from gdnet.descent.arguments import check_arguments, chosen_solver
from gdnet.descent.callbacks import Callback
from gdnet.descent.loop import Loop
from gdnet.descent.solvers import Solver
from gdnet.descent.state import (
    DescentResult,
    DescentSetup,
)
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters


def descend(
    objective: FullBatch,
    parameters: Parameters,
    *,
    learning_rate: float | None = None,
    solver: Solver | str = "gd",
    iterations: int,
    tol: float = 0.0,
    patience: int = 10,
    validation: FullBatch | None = None,
    callbacks: Sequence[Callback] = (),
) -> DescentResult:
    """Repeat the update of the lecture, or a solver's, until there are enough or the cost stalls.

    Parameters
    ----------
    objective : FullBatch
        The cost and the gradient.
    parameters : Parameters
        Where to start, for example from `gdnet.parameters.initialise`; not written to.
    learning_rate : float, optional
        The lecture's alpha, above 0; for "gd" alone, which needs it.
    solver : Solver or {"gd", "lbfgs"}, default "gd"
        How parameters are changed: "gd" is the update of the lecture, "lbfgs" `gdnet.LBFGS`, which
        needs no learning rate.
    iterations : int
        Most updates to make, at least 1.
    tol : float, default 0
        Stop when over `patience` iterations the cost has not fallen by this fraction of it; 0
        makes exactly `iterations` updates, unless the solver comes to its end.
    patience : int, default 10
        See `tol`.
    validation : FullBatch, optional
        Other examples, whose cost is recorded too; of the same shapes, activations, dtype and
        backend.
    callbacks : sequence of callables
        Each is called with a `DescentState`, in order: after the first iteration, whenever it wants
        to be called next, and after the last, see `gdnet.descent.Callback`. A `gdnet.Checkpoint`
        is one: the run is saved in it, and resumed from it, bitwise identical.

    Returns
    -------
    DescentResult
        The parameters after the last update, and every cost.

    Raises
    ------
    DataError
        For a setting out of its range or of another kind, parameters of other shapes than the data
        need, or validation data that do not fit.
    CheckpointError
        If the checkpoint to resume is of other data, parameters or settings; both are named.
    Diverged
        If the cost becomes NaN or infinite, or at the end or for 100 iterations is above 10 times
        that of the start or of guessing; the exception carries the run up to the last parameters
        whose cost was sound, if there are any.
    RankFailed
        If another rank of MPI has failed, or is given other data, parameters or settings.
    BaseException
        What a callback raises, and `KeyboardInterrupt`; the `DescentState` up to the last finished
        iteration is in its attribute `state`.
    """
    check_arguments(objective, iterations, tol, patience, validation, callbacks)
    chosen = chosen_solver(solver, learning_rate)
    name = {"solver": type(chosen).__name__}
    settings = name | dict(chosen.settings) | {"tol": tol, "patience": patience}
    with objective.backend.activate():
        start = objective.place(parameters)
        setup = DescentSetup(objective, validation, start, chosen, settings, iterations, callbacks)
        return Loop(setup).run()
