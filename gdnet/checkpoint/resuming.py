"""Resuming a run from what is saved of it: whether it is the same run, and where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gdnet.checkpoint.file import Saved
from gdnet.descent.fingerprint import difference
from gdnet.descent.solvers import SolverState
from gdnet.descent.state import DescentSetup
from gdnet.errors import CheckpointError, DataError


def take_engine(saved: Saved, path: Path | None, setup: DescentSetup) -> None:
    """Resume with the engine of the checkpoint, where "auto" would take another one.

    Raises
    ------
    CheckpointError
        If it cannot be used here.
    """
    was, now = saved.identity.get("settings", {}).get("engine"), setup.objective.engine
    if was not in (None, now) and setup.objective.backend.engine == "auto":
        try:
            setup.objective.choose_engine(was)
            if setup.validation is not None:
                setup.validation.choose_engine(was)
        except DataError as error:
            raise CheckpointError(
                f"{path}: was computed by the engine {was!r}, which cannot resume here: {error}"
            ) from None


def check_same_run(
    saved: Saved, path: Path | None, identity: dict[str, Any], iterations: int
) -> None:
    """Check that what is saved is of a run of this identity, and of no more iterations.

    Raises
    ------
    CheckpointError
        If it is not.
    """
    problem = difference(saved.identity, identity)
    if problem:
        raise CheckpointError(
            f"{path}: the checkpoint is of another run: {problem}; resume with what "
            "it was started with, or start from the beginning, without resuming"
        )
    made = saved.state.iteration
    if made > iterations:
        raise CheckpointError(
            f"{path}: expected at least {made} iterations, which have been made already, got "
            f"{iterations}"
        )


def solver_state(saved: Saved, path: Path | None, setup: DescentSetup) -> SolverState:
    """Return where the solver stands: the parameters, and the memory that it makes of its arrays.

    Raises
    ------
    CheckpointError
        If they are not what the solver saves.
    """
    parameters, arrays = saved.state.solver_state
    try:
        return SolverState(parameters, setup.solver.from_arrays(setup.objective, arrays))
    except (LookupError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"{path}: expected what the solver has saved, got something else: {error}"
        ) from None
