"""The state of a descent, its history of costs, and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Floats, HostArray
from gdnet.descent.solvers import Solver, SolverState
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

Counts = npt.NDArray[np.int64]

_INITIAL_CAPACITY = 64


class DescentState(NamedTuple):
    """How far a descent has come: all that it needs to continue, bitwise identical.

    Attributes
    ----------
    solver_state : SolverState
        After as many updates as there are costs: `parameters`, and what the solver remembers.
    previous_parameters : Parameters
        Before the last update: those whose cost is ``costs[-1]``. Before the first update the same
        as `parameters`.
    costs : ndarray of shape (iteration,), float64
        ``costs[i]`` is J before update i + 1.
    validation_costs : ndarray of shape (iteration,), float64, or None
        The same on the validation data.
    seconds : ndarray of shape (iteration,), float64
        Since the loop began, at the end of each iteration; those that were made at a time share
        the time that they took evenly.
    passes : ndarray of shape (iteration,), int64
        How often the solver had gone over all examples at the end of each iteration.
    step : float or None
        The length of the last step, see `Step`.
    converged : bool
        Whether `tol`, the solver or a callback's `StopDescent` has ended the descent.
    end : str or None
        In words why the solver has.
    sound : (SolverState, int) or None
        The last state whose cost is sound, and after how many updates it was: what a checkpoint
        saves. None before a cost is known.
    """

    solver_state: SolverState
    previous_parameters: Parameters
    costs: Floats
    validation_costs: Floats | None
    seconds: Floats
    passes: Counts
    step: float | None = None
    converged: bool = False
    end: str | None = None
    sound: tuple[SolverState, int] | None = None

    @property
    def parameters(self) -> Parameters:
        """After the last update; arrays of the backend, never written to again."""
        return self.solver_state.parameters

    @property
    def iteration(self) -> int:
        """Number of updates made."""
        return len(self.costs)

    @property
    def cost(self) -> float:
        """The last cost, that of `previous_parameters`."""
        return float(self.costs[-1])

    @property
    def validation_cost(self) -> float | None:
        """The last cost on the validation data."""
        return None if self.validation_costs is None else float(self.validation_costs[-1])

    def up_to(self, iteration: int, solver_state: SolverState) -> DescentState:
        """Return the state after the first of its updates.

        Parameters
        ----------
        iteration : int
            After how many.
        solver_state : SolverState
            What the solver continued from then.

        Returns
        -------
        DescentState
            Not converged; of what it shares with this one the arrays are views.
        """
        others = self.validation_costs
        return self._replace(
            solver_state=solver_state,
            previous_parameters=solver_state.parameters,
            costs=self.costs[:iteration],
            validation_costs=None if others is None else others[:iteration],
            seconds=self.seconds[:iteration],
            passes=self.passes[:iteration],
            converged=False,
        )


class DescentResult(NamedTuple):
    """What a descent has come to.

    Attributes
    ----------
    parameters : Parameters
        After the last update, as NumPy arrays.
    costs : ndarray of shape (iterations,), float64
        ``costs[i]`` is J before update i + 1.
    final_cost : float
        J of `parameters`.
    validation_costs : ndarray of shape (iterations,), float64, or None
        The same on the validation data.
    converged : bool
        Whether `tol`, the solver or a callback's `StopDescent` ended the descent.
    seconds : float
        Wall-clock time of the loop.
    passes : ndarray of shape (iterations,), int64
        How often the solver had gone over all examples at the end of each iteration.
    end : str or None
        In words why the solver ended the descent.
    """

    parameters: Parameters[HostArray]
    costs: Floats
    final_cost: float
    validation_costs: Floats | None
    converged: bool
    seconds: float
    passes: Counts
    end: str | None = None

    @property
    def iterations(self) -> int:
        """Number of updates made."""
        return len(self.costs)

    @property
    def total_passes(self) -> int:
        """How often the solver went over all examples."""
        return int(self.passes[-1]) if len(self.passes) else 0


class DescentSetup(NamedTuple):
    """What a descent is of, for callbacks that have a method `begin`.

    Attributes
    ----------
    objective, validation : FullBatch
        What is descended, and what is validated on, or None.
    start : Parameters
        The first parameters; arrays of the backend.
    solver : Solver
        How the parameters are changed.
    settings : dict
        What decides on the costs: the solver's name and settings, tol and patience.
    iterations : int
        How many there are to be at most.
    callbacks : sequence of callables
        All that are called.
    """

    objective: FullBatch
    validation: FullBatch | None
    start: Parameters
    solver: Solver
    settings: dict[str, Any]
    iterations: int
    callbacks: Sequence[Callable[[DescentState], object]]


class History:
    """Costs, times, passes and validation costs of the iterations made, in arrays that grow.

    Parameters
    ----------
    validates : bool
        Whether there are validation costs.
    """

    def __init__(self, validates: bool) -> None:
        dtypes = (np.float64, np.float64, np.int64, *[np.float64] * validates)
        self._arrays: list[HostArray] = [np.empty(_INITIAL_CAPACITY, dtype) for dtype in dtypes]
        self._length = 0

    def update(
        self,
        costs: Sequence[float] | Floats,
        seconds: npt.ArrayLike,
        passes: npt.ArrayLike,
        validation_costs: npt.ArrayLike | None,
    ) -> None:
        """Append what some iterations have given.

        Parameters
        ----------
        costs : sequence of float, of length k
            The cost before each.
        seconds : array-like of shape (k,)
            Seconds since the loop began, at the end of each.
        passes : array-like of shape (k,)
            Passes over all examples so far, at the end of each.
        validation_costs : array-like of shape (k,), or None
            The costs on validation data; None without such data.
        """
        begin = self._length
        end = self._length = begin + len(costs)
        if end > len(self._arrays[0]):
            # Not in place: views of the arrays before are in use.
            self._arrays = [
                np.concatenate([a[:begin], np.empty(end, a.dtype)]) for a in self._arrays
            ]
        self._arrays[0][begin:end] = costs
        self._arrays[1][begin:end] = seconds
        self._arrays[2][begin:end] = passes
        if validation_costs is not None:
            self._arrays[3][begin:end] = validation_costs

    def state(self, solver_state: SolverState, previous: Parameters, **how: Any) -> DescentState:
        """Return the state after the iterations so far.

        Parameters
        ----------
        solver_state : SolverState
            After the last update.
        previous : Parameters
            Before the last update.
        **how : object
            Other attributes of `DescentState`, by name.

        Returns
        -------
        DescentState
            Its arrays are views, which later updates do not change.
        """
        costs, seconds, passes, *others = [a[: self._length] for a in self._arrays]
        validation_costs = others[0] if others else None
        return DescentState(solver_state, previous, costs, validation_costs, seconds, passes, **how)


def result_of(
    state: DescentState, objective: FullBatch, final_cost: float | None = None
) -> DescentResult:
    """Return a state as a result.

    Parameters
    ----------
    state : DescentState
        Where a descent has come to.
    objective : FullBatch
        What was descended.
    final_cost : float, optional
        The cost of ``state.parameters``; None computes it.

    Returns
    -------
    DescentResult
        On the host. Its seconds are those at the end of the last iteration.
    """
    backend = objective.backend
    with backend.activate():
        if final_cost is None:
            final_cost = float(objective.value(state.parameters))
        parameters = Parameters(*map(backend.to_numpy, state.parameters))
    validation_costs = state.validation_costs
    return DescentResult(
        parameters,
        state.costs.copy(),
        final_cost,
        None if validation_costs is None else validation_costs.copy(),
        state.converged,
        float(state.seconds[-1]) if state.iteration else 0.0,
        state.passes.copy(),
        state.end,
    )
