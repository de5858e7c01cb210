"""What a solver is: how parameters are changed from iteration to iteration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from gdnet._typing import Array, HostArray, Scalar
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters


class SolverState(NamedTuple):
    """What a solver continues from; never written to again.

    Attributes
    ----------
    parameters : Parameters
        Arrays of the backend, in the dtype.
    memory : object
        What else the solver remembers, such as a velocity; None if it remembers nothing.
    """

    parameters: Parameters
    memory: Any = None


class Step(NamedTuple):
    """What one iteration has given.

    Attributes
    ----------
    cost : 0-d array or float
        J of the parameters before it.
    state : SolverState
        After it.
    passes : int, default 1
        How often it has gone over all examples for a cost and a gradient.
    length : float or None
        How far it went, as a multiple of the direction it took; None where that is constant.
    end : str or None
        Why there can be no other iteration: the descent has converged.
    """

    cost: Scalar
    state: SolverState
    passes: int = 1
    length: float | None = None
    end: str | None = None


class SolverSettings(Protocol):
    """What solvers read of how a training is set: `gdnet.training.options.Settings` has it."""

    @property
    def learning_rate(self) -> float:
        """Return the lecture's alpha."""

    @property
    def momentum(self) -> float:
        """Return the part of the velocity that stays."""

    @property
    def nesterov(self) -> bool:
        """Return whether momentum looks ahead."""


class Solver(ABC):
    """How parameters are changed from iteration to iteration.

    A custom solver needs `step`; if it remembers anything, `init`, and for checkpoints `to_arrays`
    and `from_arrays`; and if its steps depend on numbers, `settings`. Its methods are called inside
    ``backend.activate()``; the same state must give the same step, bitwise, for a run to be
    resumed.

    Attributes
    ----------
    settings : dict
        What decides on its steps, as JSON can hold it: it must be the same when a run is resumed.
    """

    settings: Mapping[str, object] = MappingProxyType({})

    @classmethod
    def of_settings(cls, settings: SolverSettings) -> Solver:
        """Return one for a training.

        Parameters
        ----------
        settings : SolverSettings
            How it trains.

        Returns
        -------
        Solver
            One that takes from the settings what it reads.
        """
        del settings
        return cls()

    def init(self, objective: FullBatch, parameters: Parameters) -> SolverState:
        """Return the state to begin with.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        parameters : Parameters
            Where to begin; arrays of the backend, in the dtype, not written to.

        Returns
        -------
        SolverState
            By default the parameters, and no memory.
        """
        del objective
        return SolverState(parameters)

    @abstractmethod
    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one iteration.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            After the iteration before; not written to.

        Returns
        -------
        Step
            The cost of ``state.parameters``, and the state after the iteration.
        """

    def steps(self, objective: FullBatch, state: SolverState) -> Iterator[Step]:
        """Make one iteration after the other.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            Where to begin; not written to.

        Yields
        ------
        Step
            What `step` returns, from the state after the last one; nothing after a step that has an
            `end`.
        """
        while True:
            step = self.step(objective, state)
            state = step.state
            yield step
            if step.end is not None:
                return

    def descends(self, objective: FullBatch) -> bool:
        """Return whether `descend` makes many iterations in less time than as many calls of `step`.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.

        Returns
        -------
        bool
            False by default.
        """
        del objective
        return False

    def descend(
        self, objective: FullBatch, state: SolverState, k: int
    ) -> tuple[Array, SolverState]:
        """Make k iterations, bitwise identical to k calls of `step`.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            Where to begin; not written to.
        k : int
            How many iterations, at least 1.

        Returns
        -------
        costs : array of shape (k,)
            The cost before each iteration.
        state : SolverState
            After the last.

        Raises
        ------
        NotImplementedError
            If `descends` is false.
        """
        raise NotImplementedError

    def to_arrays(self, memory: Any) -> Mapping[str, Array]:
        """Return what the solver remembers, for a checkpoint.

        Parameters
        ----------
        memory : object
            That of a `SolverState`.

        Returns
        -------
        dict of str to array
            Arrays of the backend or of NumPy by name; none by default.

        Raises
        ------
        DataError
            If `memory` is not None, and the solver does not say how to save it.
        """
        if memory is not None:
            raise DataError(
                f"{type(self).__name__}: expected to_arrays and from_arrays of a solver that "
                "remembers anything, for a checkpoint"
            )
        return {}

    def from_arrays(self, objective: FullBatch, arrays: dict[str, HostArray]) -> Any:
        """Return the memory that `to_arrays` was given.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        arrays : dict of str to ndarray
            What `to_arrays` returned, as NumPy arrays; maybe of a damaged or foreign checkpoint.

        Returns
        -------
        object
            The memory of a `SolverState`; None by default.

        Raises
        ------
        LookupError, ValueError
            If the arrays are not of such a run; the default raises nothing.
        """
        del objective, arrays
        return None
