"""The lecture's gradient descent, alone and with momentum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gdnet._typing import Array, HostArray
from gdnet.descent.solvers.base import Solver, SolverSettings, SolverState, Step
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
    def of_settings(cls, settings: SolverSettings) -> Solver:
        """Return gradient descent, or momentum, by the settings of a training.

        Parameters
        ----------
        settings : SolverSettings
            Of which the learning rate, `momentum` and `nesterov` are read.

        Returns
        -------
        Solver
            A `Momentum` where `momentum` is above 0.
        """
        if settings.momentum:
            return Momentum(settings.learning_rate, settings.momentum, nesterov=settings.nesterov)
        return cls(settings.learning_rate)

    def init(self, objective: FullBatch, parameters: Parameters) -> SolverState:
        """Return the state to begin with.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        parameters : Parameters
            Where to begin; arrays of the backend, in the dtype.

        Returns
        -------
        SolverState
            The parameters, and no memory.

        Raises
        ------
        DataError
            If the learning rate, in the dtype, is not finite or not above 0.
        """
        _check_rate(self._rate, objective)
        return SolverState(parameters)

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one update.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            After the update before.

        Returns
        -------
        Step
            The cost before the update, and the state after it.
        """
        J, after = objective.step(state.parameters, objective.scalar(self._rate))
        return Step(J, SolverState(after))

    def steps(self, objective: FullBatch, state: SolverState) -> Iterator[Step]:
        """Make one update after the other, without end.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            Where to begin.

        Yields
        ------
        Step
            What `step` returns, from the state after the last one.
        """
        for J, after in objective.steps(state.parameters, objective.scalar(self._rate)):
            yield Step(J, SolverState(after))

    def descends(self, objective: FullBatch) -> bool:
        """Return whether the engine makes many updates at a time.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.

        Returns
        -------
        bool
            That of the objective.
        """
        return objective.descends

    def descend(
        self, objective: FullBatch, state: SolverState, k: int
    ) -> tuple[Array, SolverState]:
        """Make k updates in the engine.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            Where to begin.
        k : int
            How many, at least 1.

        Returns
        -------
        costs : array of shape (k,)
            The cost before each update.
        state : SolverState
            After the last.

        Raises
        ------
        DataError
            If `descends` is false.
        """
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
        The part mu of the velocity that stays, at least 0 and below 1.
    nesterov : bool, default False
        Whether to look ahead.

    Raises
    ------
    DataError
        If the momentum is out of its range.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods, USSR
    Computational Mathematics and Mathematical Physics 4. Nesterov (1983), A method of solving a
    convex programming problem with convergence rate O(1/k^2), Soviet Mathematics Doklady 27.
    Sutskever et al. (2013), On the importance of initialization and momentum in deep learning,
    ICML.
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
        """Return the state to begin with, at rest.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        parameters : Parameters
            Where to begin; arrays of the backend, in the dtype.

        Returns
        -------
        SolverState
            The parameters, and as memory a velocity of zeros, a `Gradients`.

        Raises
        ------
        DataError
            If the learning rate, in the dtype, is not finite or not above 0.
        """
        _check_rate(self._rate, objective)
        return SolverState(parameters, Gradients(*map(objective.backend.xp.zeros_like, parameters)))

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one update of the velocity and of the parameters.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            After the update before.

        Returns
        -------
        Step
            The cost before the update, and the state after it.
        """
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
        """Return the velocity, for a checkpoint.

        Parameters
        ----------
        memory : Gradients
            The velocity.

        Returns
        -------
        dict of str to array
            The velocity of each parameter, by the name of the parameter: W1 (n1, n0), b1 (n1, 1),
            W2 (n2, n1), b2 (n2, 1).
        """
        return dict(zip(Parameters._fields, memory, strict=True))

    def from_arrays(self, objective: FullBatch, arrays: dict[str, HostArray]) -> Gradients:
        """Return the velocity that `to_arrays` was given.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        arrays : dict of str to ndarray
            What `to_arrays` returned.

        Returns
        -------
        Gradients
            Arrays of the backend, in the dtype.

        Raises
        ------
        LookupError, ValueError
            If an array is missing or of another shape.
        """
        velocity = objective.place(Parameters(*(arrays[name] for name in Parameters._fields)))
        return Gradients(*velocity)


def _check_rate(rate: float, objective: FullBatch) -> None:
    with np.errstate(over="ignore"):
        alpha = np.array(rate).astype(objective.dtype)
    if not (np.isfinite(alpha) and alpha > 0):
        raise DataError(f"expected a finite learning rate above 0 in {objective.dtype}, got {rate}")
