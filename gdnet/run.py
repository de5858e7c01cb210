"""A run of gradient descent: what it tells on its way, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.parameters import Parameters


class Iteration(NamedTuple):
    """What the loop tells an observer after each iteration.

    Attributes
    ----------
    iteration : int
        Counted from 0.
    cost : float
        J of the parameters before this update.
    validation_cost : float or None
        The same on the validation data.
    seconds : float
        Since the loop began.
    parameters : Parameters
        After this update; arrays of the backend, never written to again.
    before : Parameters
        Before this update: those whose costs these are.
    """

    iteration: int
    cost: float
    validation_cost: float | None
    seconds: float
    parameters: Parameters
    before: Parameters


Observer = Callable[[Iteration], object]


class StopDescent(Exception):  # noqa: N818 - no error
    """Raised by an observer to end the run after the iteration it was told of.

    The run is finished then, and a checkpoint of it does not go on; to interrupt one, raise
    anything else.
    """


class Progress(NamedTuple):
    """How far a run has come: all that it needs to go on to the same bits.

    Attributes
    ----------
    parameters : Parameters
        After as many updates as there are costs; NumPy arrays.
    costs : ndarray of shape (iterations,), float64
        ``costs[i]`` is J before update i + 1.
    validation_costs : ndarray of shape (iterations,), float64, or None
        The same on the validation data.
    seconds : ndarray of shape (iterations,), float64
        Since the loop began, when each iteration was recorded.
    converged : bool
        Whether the run has ended of itself.
    """

    parameters: Parameters
    costs: npt.NDArray[np.float64]
    validation_costs: npt.NDArray[np.float64] | None
    seconds: npt.NDArray[np.float64]
    converged: bool

    @property
    def iterations(self) -> int:
        """Number of updates made."""
        return len(self.costs)


class Descent(NamedTuple):
    """A run of gradient descent.

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
        Whether `tol` or an observer's `StopDescent` ended the run.
    seconds : float
        Wall-clock time of the loop.
    """

    parameters: Parameters
    costs: npt.NDArray[np.float64]
    final_cost: float
    validation_costs: npt.NDArray[np.float64] | None
    converged: bool
    seconds: float

    @property
    def iterations(self) -> int:
        """Number of updates made."""
        return len(self.costs)
