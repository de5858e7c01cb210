"""L-BFGS: a quasi-Newton method on the exact gradient, which needs no learning rate.

The last steps s and the changes of the gradient y = dJ(x + s) - dJ(x) along them say how the cost
bends. From these pairs the two-loop recursion makes the direction -H dJ, H being an estimate of the
inverse of the second derivatives, and a line search finds how far to go.

The parameters are one vector x of n numbers of the dtype, so that J is the cost of exactly what is
stored. The vectors are computed with on the host, in float64, and summed in a fixed order.

References
----------
Nocedal and Wright (2006), Numerical Optimization, chapter 7.2 and algorithm 7.4.
Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gdnet._typing import Array, Floats, HostArray
from gdnet.descent.solvers.base import Solver, SolverState, Step
from gdnet.descent.solvers.line_search import Trial, line_search
from gdnet.descent.solvers.two_loop import Pair, direction, dot, with_pair
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

# The rounding of J, in units of half the distance from 1 to the next number.
NOISE = 5.0
# After so many iterations without a fall above the rounding of J, and without a gradient smaller by
# this factor, there is no more to be had.
MAX_STALE, SMALLER = 10, 0.7

NO_STEP = "there was no step down above rounding"
NO_FALL = f"there was no fall above rounding in {MAX_STALE} iterations"


class Point(NamedTuple):
    """Parameters, also as one vector, and the cost and the gradient there.

    Attributes
    ----------
    parameters : Parameters
        Arrays of the backend, in the dtype.
    x : ndarray of shape (n,), float64
        The same numbers: W1, b1, W2, b2, each in C order; n = n1 (n0 + 1) + n2 (n1 + 1).
    J : float
        The cost.
    gradient : ndarray of shape (n,), float64
        The derivatives of J with respect to `x`.
    """

    parameters: Parameters
    x: Floats
    J: float
    gradient: Floats


class Memory(NamedTuple):
    """What L-BFGS remembers besides x.

    Attributes
    ----------
    J : float
        The cost at x.
    gradient : ndarray of shape (n,), float64
        The derivatives dJ at x.
    pairs : tuple of Pair
        The latest last.
    J_mark, gradient_mark : float
        The cost at the last fall above rounding, and the norm of the gradient when it was last
        smaller by a factor.
    stale : int
        Iterations since the later of both.
    """

    J: float
    gradient: Floats
    pairs: tuple[Pair, ...] = ()
    J_mark: float = math.inf
    gradient_mark: float = math.inf
    stale: int = 0


class LBFGS(Solver):
    """L-BFGS with a line search by Moré and Thuente; needs no learning rate.

    An iteration takes one pass over the examples, now and then more, and several at the end where
    the cost tends to 0. The descent ends by itself where rounding hides any further fall.

    Parameters
    ----------
    memory : int, default 20
        How many pairs of steps and changes of the gradient are kept, at least 1: 16 bytes for each
        parameter and pair.

    Raises
    ------
    DataError
        If the memory is not at least 1.

    References
    ----------
    Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization,
    Mathematical Programming 45. Nocedal and Wright (2006), Numerical Optimization, chapter 7.2.
    Moré and Thuente (1994), Line search algorithms with guaranteed sufficient decrease, ACM TOMS
    20.
    """

    def __init__(self, memory: int = 20) -> None:
        if memory < 1:
            raise DataError(f"expected a memory of at least 1 pair, got {memory}")
        self._memory = int(memory)
        self.settings = {"solver": "lbfgs", "memory": self._memory}

    def step(self, objective: FullBatch, state: SolverState) -> Step:
        """Make one iteration: a direction, a line search along it, and a new pair.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        state : SolverState
            After the iteration before.

        Returns
        -------
        Step
            The cost before the iteration, the state after it, the passes made, and the length of
            the step as a multiple of the direction. Its `end` says why there is no other iteration;
            its cost is NaN where the first cost or gradient is not finite.
        """
        line = _Line(objective, state.parameters)
        x, memory = line.start, state.memory
        if memory is None:
            _, _, J, gradient = line.evaluate(x)
            memory = Memory(J, gradient)
            if not math.isfinite(J + dot(gradient, gradient)):
                return Step(math.nan, state, line.passes)
        found = None
        while found is None:
            found = _search(line, memory)
            if found is None and not memory.pairs:
                return Step(
                    memory.J, SolverState(state.parameters, memory), line.passes, end=NO_STEP
                )
            if found is None:  # along the gradient itself
                memory = memory._replace(pairs=())
        point: Point = found.there
        J, memory = memory.J, _updated(memory, point, x, self._memory, line.noise(memory))
        after = SolverState(point.parameters, memory)
        end = NO_FALL if memory.stale >= MAX_STALE else None
        return Step(J, after, line.passes, found.t, end)

    def to_arrays(self, memory: Memory | None) -> dict[str, Floats]:
        """Return what is remembered, for a checkpoint.

        Parameters
        ----------
        memory : Memory or None
            None before the first iteration.

        Returns
        -------
        dict of str to ndarray
            In float64: `numbers` (4,), `gradient` (n,), and the pairs as two matrices `S` and `Y`
            (k, n). Empty for None.
        """
        if memory is None:
            return {}
        gradient, k = memory.gradient, len(memory.pairs)
        return {
            "numbers": np.array([memory.J, memory.J_mark, memory.gradient_mark, memory.stale]),
            "gradient": gradient,
            "S": np.array([pair.s for pair in memory.pairs]).reshape(k, len(gradient)),
            "Y": np.array([pair.y for pair in memory.pairs]).reshape(k, len(gradient)),
        }

    def from_arrays(self, objective: FullBatch, arrays: dict[str, HostArray]) -> Memory | None:
        """Return the memory that `to_arrays` was given.

        Parameters
        ----------
        objective : FullBatch
            The cost and its gradient.
        arrays : dict of str to ndarray
            What `to_arrays` returned.

        Returns
        -------
        Memory or None
            None for no arrays.

        Raises
        ------
        LookupError, ValueError
            If an array is missing, or of another shape or dtype.
        """
        if not arrays:
            return None
        gradient, S, Y, numbers = (arrays[name] for name in ("gradient", "S", "Y", "numbers"))
        n0, n1, n2 = objective.shape
        n = n1 * (n0 + 1) + n2 * (n1 + 1)
        if numbers.shape != (4,) or {a.dtype.name for a in arrays.values()} != {"float64"}:
            raise ValueError("expected four numbers, and all in float64")
        if gradient.shape != (n,) or S.shape != Y.shape or S.shape[1:] != (n,):
            raise ValueError("expected vectors of as many numbers as there are parameters")
        cost, cost_mark, gradient_mark, stale = numbers.tolist()
        pairs = tuple(Pair(s, y, dot(s, y)) for s, y in zip(S, Y, strict=True))
        return Memory(cost, gradient, pairs, cost_mark, gradient_mark, int(stale))


class _Line:
    """The cost and the gradient as functions of one vector; counts the passes."""

    def __init__(self, objective: FullBatch, start: Parameters) -> None:
        self._objective = objective
        self._shapes = [p.shape for p in start]
        self.start = self._vector(start)
        self.passes = 0

    def _vector(self, arrays: tuple[Array, ...]) -> Floats:
        to_numpy = self._objective.backend.to_numpy
        return np.concatenate([to_numpy(a).ravel() for a in arrays]).astype(np.float64)

    def _parameters(self, x: Floats) -> Parameters:
        ends = np.cumsum([math.prod(shape) for shape in self._shapes])[:-1]
        parts = np.split(x, ends)
        return self._objective.place(
            Parameters(*(p.reshape(s) for p, s in zip(parts, self._shapes, strict=True)))
        )

    def evaluate(self, x: Floats) -> Point:
        """Make a pass."""
        self.passes += 1
        parameters = self._parameters(x)
        J, gradients = self._objective.value_and_gradient(parameters)
        cost = float(self._objective.backend.to_numpy(J))
        return Point(parameters, x, cost, self._vector(gradients))

    def noise(self, memory: Memory) -> float:
        """Return the rounding of J."""
        return NOISE * float(np.finfo(self._objective.dtype).eps) / 2 * abs(memory.J)

    def rounded(self, x: Floats) -> Floats:
        """Return a point in numbers of the dtype."""
        return x.astype(self._objective.dtype).astype(np.float64)


def _search(line: _Line, memory: Memory) -> Trial | None:
    """Return a lower point along the direction, or None."""
    x, gradient = line.start, memory.gradient
    d = direction(gradient, memory.pairs)
    slope, noise = dot(d, gradient), line.noise(memory)
    if not -math.inf < slope < 0:
        return None
    seen: list[Trial] = []

    def at(t: float) -> Trial:
        there = line.evaluate(line.rounded(x + t * d))
        seen.append(Trial(t, there.J - memory.J, dot(d, there.gradient), there))
        return seen[-1]

    # Without pairs the slope is minus the square of the gradient.
    first = 1.0 if memory.pairs else 1 / math.sqrt(-slope)
    found = line_search(at, slope, first, noise)
    if found is None:
        sound = [trial for trial in seen if math.isfinite(trial.phi + trial.slope)]
        found = min(sound, key=lambda trial: trial.phi, default=None)
    if found is None:
        return None
    # Measured from the lowest cost, so that rounding cannot add up.
    rise = found.there.J - min(memory.J, memory.J_mark)
    return None if rise > noise or np.array_equal(found.there.x, x) else found


def _updated(memory: Memory, point: Point, x: Floats, most: int, noise: float) -> Memory:
    """Return the memory after a step to a point."""
    pairs = with_pair(memory.pairs, point.x - x, point.gradient - memory.gradient, most)
    norm = math.sqrt(dot(point.gradient, point.gradient))
    fell, flatter = memory.J_mark - point.J > noise, norm < SMALLER * memory.gradient_mark
    return Memory(
        point.J,
        point.gradient,
        pairs,
        point.J if fell else memory.J_mark,
        norm if flatter else memory.gradient_mark,
        0 if fell or flatter else memory.stale + 1,
    )
