"""Gradient descent: iterate, record the cost, tell the observers, stop."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from gdnet._typing import Array
from gdnet.checkpoint import Checkpoint
from gdnet.errors import DataError, Diverged
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters
from gdnet.record import Record
from gdnet.run import Descent, Iteration, Observer, StopDescent

__all__ = ["Descent", "Iteration", "Observer", "StopDescent", "descend"]


def descend(
    gradient: FullBatch,
    parameters: Parameters,
    *,
    learning_rate: float,
    iterations: int,
    tol: float = 0.0,
    patience: int = 10,
    validation: FullBatch | None = None,
    observers: Sequence[Observer] = (),
    checkpoint: Checkpoint | None = None,
) -> Descent:
    """Repeat the update of the lecture until `iterations` are done or the cost stalls.

    Parameters
    ----------
    gradient : FullBatch
        The cost and the gradient.
    parameters : Parameters
        Where to start, for example from `gdnet.parameters.initialise`; not written to.
    learning_rate : float
        The lecture's alpha, above 0.
    iterations : int
        Most updates to make, at least 1.
    tol : float, default 0
        Stop when over `patience` iterations the cost has not fallen by this fraction of it; 0
        makes exactly `iterations` updates.
    patience : int, default 10
        See `tol`.
    validation : FullBatch, optional
        Other examples, whose cost is recorded too; of the same shapes, activations, dtype and
        backend.
    observers : sequence of callables
        Each is called with an `Iteration` after every iteration, in order. `StopDescent` ends the
        run after that iteration; whatever else an observer raises is raised here. Of iterations
        before a `checkpoint` that the run goes on from they are not told.
    checkpoint : Checkpoint, optional
        Where the run is saved while it goes on, when it is interrupted or fails, and at its end;
        and, if it was opened to resume, what the run goes on from, to the same bits.

    Returns
    -------
    Descent
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
    """
    _check_kinds(iterations, validation, observers, checkpoint)
    with np.errstate(over="ignore"):
        alpha = np.array(learning_rate).astype(gradient.dtype)
    if not (np.isfinite(alpha) and alpha > 0):
        raise DataError(
            f"expected a finite learning rate above 0 in {gradient.dtype}, got {learning_rate}"
        )
    if iterations < 1:
        raise DataError(f"expected at least 1 iteration, got {iterations}")
    if not 0 <= tol < 1:
        raise DataError(f"expected a tol of at least 0 and below 1, got {tol}")
    if patience < 1:
        raise DataError(f"expected a patience of at least 1 iteration, got {patience}")
    if validation is not None:
        _check_alike(gradient, validation)

    with gradient.backend.activate():
        alpha = gradient.backend.asarray(alpha)
        parameters = gradient.place(parameters)
        if checkpoint is None:
            run = Record(gradient, learning_rate, tol, patience, observers)
            return _repeat(gradient, parameters, alpha, iterations, validation, run)
        settings = {"learning_rate": float(learning_rate), "tol": tol, "patience": patience}
        progress = checkpoint.begin(gradient, parameters, validation, settings, iterations)
        if progress is not None:
            parameters = gradient.place(progress.parameters)
        observers = [checkpoint.record, *observers]
        run = Record(gradient, learning_rate, tol, patience, observers, progress)
        try:
            descent = _repeat(gradient, parameters, alpha, iterations, validation, run)
            checkpoint.finish(descent)
        except Diverged:
            raise
        except BaseException:
            checkpoint.save()
            raise
        return descent


def _repeat(
    gradient: FullBatch,
    parameters: Parameters,
    alpha: Array,
    iterations: int,
    validation: FullBatch | None,
    run: Record,
) -> Descent:
    for i in range(run.iterations, 0 if run.converged else iterations):
        J, after = gradient.step(parameters, alpha)
        J_validation = None if validation is None else validation.cost(parameters)
        parameters = run.note(parameters, J, J_validation, after, last=i + 1 == iterations)
        if run.converged:
            break
    return run.finish(parameters)


def _check_kinds(
    iterations: object, validation: object, observers: object, checkpoint: object
) -> None:
    for name, given, kind, expected in (
        ("iterations", iterations, Integral, "a whole number"),
        ("validation", validation, FullBatch | None, "a FullBatch of the validation data"),
        ("observers", observers, Sequence, "a list of functions, such as [print]"),
        ("checkpoint", checkpoint, Checkpoint | None, 'a Checkpoint, such as Checkpoint("run")'),
    ):
        if not isinstance(given, kind):
            raise DataError(f"{name}: expected {expected}, got {given!r}")


def _check_alike(gradient: FullBatch, validation: FullBatch) -> None:
    for name, one, other in (
        ("shape (n0, n1, n2)", gradient.shape, validation.shape),
        ("dtype", gradient.dtype, validation.dtype),
        ("activation", gradient.g1.name, validation.g1.name),
        ("output", gradient.g2.name, validation.g2.name),
        ("backend", gradient.backend.name, validation.backend.name),
    ):
        if one != other:
            raise DataError(f"validation: expected the {name} of the training, {one}, got {other}")
