"""The state of a descent, its history of costs, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters

Numbers = npt.NDArray[np.float64]

_INITIAL_CAPACITY = 64


class DescentState(NamedTuple):
    """How far a descent has come: all that it needs to continue, bitwise identical.

    Attributes
    ----------
    parameters : Parameters
        After as many updates as there are costs; arrays of the backend, never written to again.
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
    converged : bool
        Whether `tol` or a callback's `StopDescent` has ended the descent.
    sound : (Parameters, int) or None
        The last parameters whose cost is sound, and after how many updates they were: what a
        checkpoint saves. None before a cost is known.
    """

    parameters: Parameters
    previous_parameters: Parameters
    costs: Numbers
    validation_costs: Numbers | None
    seconds: Numbers
    converged: bool = False
    sound: tuple[Parameters, int] | None = None

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
        Whether `tol` or a callback's `StopDescent` ended the descent.
    seconds : float
        Wall-clock time of the loop.
    """

    parameters: Parameters
    costs: Numbers
    final_cost: float
    validation_costs: Numbers | None
    converged: bool
    seconds: float

    @property
    def iterations(self) -> int:
        """Number of updates made."""
        return len(self.costs)


class DescentSetup(NamedTuple):
    """What a descent is of, for callbacks that have a method `begin`.

    Attributes
    ----------
    objective, validation : FullBatch
        What is descended, and what is validated on, or None.
    start : Parameters
        The first parameters; arrays of the backend.
    settings : dict
        What decides on the costs: learning rate, tol and patience.
    iterations : int
        How many there are to be at most.
    callbacks : sequence
        All that are called.
    """

    objective: FullBatch
    validation: FullBatch | None
    start: Parameters
    settings: dict[str, Any]
    iterations: int
    callbacks: Sequence[Any]


class History:
    """Costs, times and validation costs of the iterations made, in arrays that grow.

    Parameters
    ----------
    validates : bool
        Whether there are validation costs.
    """

    def __init__(self, validates: bool) -> None:
        self._arrays = [np.empty(_INITIAL_CAPACITY) for _ in range(2 + validates)]
        self._length = 0

    def update(
        self,
        costs: Sequence[float] | Numbers,
        seconds: npt.ArrayLike,
        validation_costs: npt.ArrayLike | None,
    ) -> None:
        """Append what some iterations have given."""
        begin = self._length
        end = self._length = begin + len(costs)
        if end > len(self._arrays[0]):
            # Not in place: views of the arrays before are in use.
            self._arrays = [np.concatenate([a[:begin], np.empty(end)]) for a in self._arrays]
        self._arrays[0][begin:end] = costs
        self._arrays[1][begin:end] = seconds
        if validation_costs is not None:
            self._arrays[2][begin:end] = validation_costs

    def state(
        self,
        parameters: Parameters,
        previous: Parameters,
        *,
        converged: bool = False,
        sound: tuple[Parameters, int] | None = None,
    ) -> DescentState:
        """Return the state after the iterations so far."""
        costs, seconds, *others = [a[: self._length] for a in self._arrays]
        return DescentState(
            parameters, previous, costs, others[0] if others else None, seconds, converged, sound
        )


def result_of(
    state: DescentState, objective: FullBatch, final_cost: float | None = None
) -> DescentResult:
    """Return a state as a result, by default after computing the cost of its parameters."""
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
    )
