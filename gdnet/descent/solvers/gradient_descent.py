"""The lecture's gradient descent, alone and with momentum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gdnet._typing import Array
from gdnet.descent.solvers.base import Solver, SolverState, Step
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Gradients, Parameters


class GradientDescent(Solver):
    """The update of the lecture: W := W - alpha dW, b := b - alpha db.

    Parameters
    ----------
    learning_rate : float
        The lecture's alpha, above 0.
    """

    def __init__(self, learning_rate: float) -> None:
        self._rate = float(learning_rate)
        self.settings = {"solver": "gd", "learning_rate": self._rate}

    @classmethod
    def of_settings(cls, settings: Any) -> Solver:
        """Return one of the learning rate, and the momentum if there is any."""
        if settings.momentum:
            return Momentum(settings.learning_rate, settings.momentum, nesterov=settings.nesterov)
        return cls(settings.learning_rate)

    def init(self, objective: FullBatch, parameters: Parameters) -> SolverState:
        """Return the parameters.

        Raises
        ------
        DataError
            If the learning rate, in the dtype, is not finite or not above 0.
        """
        _check_rate(self._rate, objective)
        return SolverState(parameters)

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one update."""
        J, after = objective.step(state.parameters, objective.scalar(self._rate))
        return Step(J, SolverState(after))

    def steps(self, objective: FullBatch, state: SolverState) -> Iterator[Step]:
        """Yield what `step` returns, without end."""
        for J, after in objective.steps(state.parameters, objective.scalar(self._rate)):
            yield Step(J, SolverState(after))

    def descends(self, objective: FullBatch) -> bool:
        """Whether the engine makes many updates at a time."""
        return objective.descends

    def descend(
        self, objective: FullBatch, state: SolverState, k: int
    ) -> tuple[Array, SolverState]:
        """Make k updates in the engine."""
        costs, after = objective.descend(state.parameters, objective.scalar(self._rate), k)
        return costs, SolverState(after)


class Momentum(Solver):
    """Gradient descent with a velocity: v := mu v - alpha dW, W := W + v.

    With `nesterov` the update is W := W + mu v - alpha dW, with the new v: a step from where the
    velocity is going to lead. Both are those of scikit-learn's MLPClassifier.

    Parameters
    ----------
    learning_rate : float
        The lecture's alpha, above 0.
    momentum : float, default 0.9
        mu, at least 0 and below 1.
    nesterov : bool, default False
        Whether to look ahead.

    Raises
    ------
    DataError
        If the momentum is out of its range.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    Sutskever et al. (2013), On the importance of initialization and momentum in deep learning.
    """

    def __init__(
        self, learning_rate: float, momentum: float = 0.9, *, nesterov: bool = False
    ) -> None:
        if not 0 <= momentum < 1:
            raise DataError(f"expected a momentum of at least 0 and below 1, got {momentum}")
        self._rate, self._momentum = float(learning_rate), float(momentum)
        self._nesterov = bool(nesterov)
        self.settings = {
            "solver": "gd",
            "learning_rate": self._rate,
            "momentum": self._momentum,
            "nesterov": self._nesterov,
        }

    def init(self, objective: FullBatch, parameters: Parameters) -> SolverState:
        """Return the parameters, at rest.

        Raises
        ------
        DataError
            If the learning rate, in the dtype, is not finite or not above 0.
        """
        _check_rate(self._rate, objective)
        return SolverState(parameters, Gradients(*map(objective.backend.xp.zeros_like, parameters)))

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one update of the velocity and of the parameters."""
        alpha, mu = objective.scalar(self._rate), objective.scalar(self._momentum)
        J, gradients = objective.value_and_gradient(state.parameters)
        falls = [alpha * dW for dW in gradients]
        velocity = [mu * v - fall for v, fall in zip(state.memory, falls, strict=True)]
        moves = velocity
        if self._nesterov:
            moves = [mu * v - fall for v, fall in zip(velocity, falls, strict=True)]
        after = Parameters(*(W + move for W, move in zip(state.parameters, moves, strict=True)))
        return Step(J, SolverState(after, Gradients(*velocity)))

    def to_arrays(self, memory: Gradients) -> dict[str, Array]:
        """Return the velocity."""
        return dict(zip(Parameters._fields, memory, strict=True))

    def from_arrays(self, objective: FullBatch, arrays: dict[str, Array]) -> Gradients:
        """Return the velocity."""
        velocity = objective.place(Parameters(*(arrays[name] for name in Parameters._fields)))
        return Gradients(*velocity)


def _check_rate(rate: float, objective: FullBatch) -> None:
    with np.errstate(over="ignore"):
        alpha = np.array(rate).astype(objective.dtype)
    if not (np.isfinite(alpha) and alpha > 0):
        raise DataError(f"expected a finite learning rate above 0 in {objective.dtype}, got {rate}")
