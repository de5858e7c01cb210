"""The cost and the gradient of the full batch, computed block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array
from gdnet.activations import Activation, Output
from gdnet.backends import Backend
from gdnet.blocks import TreeSum
from gdnet.data.source import Source
from gdnet.equations import cost, forward, update
from gdnet.errors import DataError
from gdnet.objective.engine import WithEngine
from gdnet.parameters import Gradients, Parameters
from gdnet.ranks.communicator import Ranks, ranks_of
from gdnet.ranks.mpi import Communicator


class FullBatch(WithEngine):
    """The cost J and its gradient over all examples of a source, exactly, at any m.

    Its methods are called inside ``backend.activate()``, and take and return arrays of
    ``backend.xp``. The bits of the result depend on the data, the parameters, the dtype
    and the block size, and not on threads, memory layout, or where the data are kept.

    Parameters
    ----------
    source : Source
        The examples.
    backend : Backend
        Where to compute.
    n1 : int
        Number of hidden units, at least 1.
    activation : str or Activation, default "tanh"
        The hidden activation g1.
    output : str or Output, default "sigmoid"
        The output activation g2.
    dtype : float32 or float64, default float32
        What to compute in.
    block_columns : int, optional
        Examples a block; None is the backend's choice from the shapes and the dtype.
    l2 : float, default 0
        Adds ``(l2 / 2m) (|W1|^2 + |W2|^2)`` to the cost.
    comm : mpi4py.MPI.Comm or Ranks, optional
        The processes of MPI that share the blocks; each has the same source, and computes its own
        blocks. Everything is called by all of them.

    Attributes
    ----------
    l2 : float
        The factor of ``(|W1|^2 + |W2|^2) / 2m`` in the cost.
    ranks : Ranks or None
        The processes that share the blocks.

    Raises
    ------
    DataError
        As `gdnet.objective.blocked.BlockedExamples`, for an l2 that is negative or not finite,
        and for weights whose sum the dtype does not hold.
    """

    def __init__(
        self,
        source: Source,
        backend: Backend,
        *,
        n1: int,
        activation: str | Activation = "tanh",
        output: str | Output = "sigmoid",
        dtype: npt.DTypeLike = np.float32,
        block_columns: int | None = None,
        l2: float = 0.0,
        comm: Communicator | Ranks | None = None,
    ) -> None:
        if not (math.isfinite(l2) and l2 >= 0):
            raise DataError(f"expected a finite l2 of at least 0, got {l2}")
        super().__init__(
            source,
            backend,
            n1=n1,
            activation=activation,
            output=output,
            dtype=dtype,
            block_columns=block_columns,
        )
        self.l2, self.ranks = l2, ranks_of(comm)
        if self.ranks is not None and self.ranks.size > 1:
            self._alone = False
        with np.errstate(over="ignore"):
            total = float(np.array(source.total_weight).astype(self.dtype))
        if not 0 < total < math.inf:
            raise DataError(
                f"weights: expected a sum that {self.dtype} can hold, got {source.total_weight:g}; "
                "scale the weights"
            )
        with backend.activate():
            # A 0-d array of the dtype: NumPy computes with it twice as fast as with a Python float.
            self._m = backend.asarray(source.total_weight, self.dtype)

    def value_and_gradient(self, parameters: Parameters) -> tuple[Array, Gradients]:
        """Return the cost and the gradients at these parameters.

        Parameters
        ----------
        parameters : Parameters
            Arrays of the backend, in the dtype: W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).

        Returns
        -------
        J : 0-d array
            The cost, with l2.
        gradients : Gradients
            The derivatives dW1, db1, dW2, db2, each of the shape of its parameter.

        Raises
        ------
        RankFailed
            With `comm`, if another rank has failed or computes at other parameters.
        """
        if self._alone:
            X, Y, weights = self._kept or self._only()
            found, J = self._block.single_block(parameters, X, Y, self._m, weights)
        else:
            sums = self._summed(lambda i: self._of_block(parameters, i), parameters)
            *found, J = self._block.unpack(sums)
        gradients = _as_gradients(found)
        return self._with_l2(parameters, J, gradients) if self.l2 else (J, gradients)

    def step(self, parameters: Parameters, alpha: Array) -> tuple[Array, Parameters]:
        """Make one update: W := W - alpha dW, b := b - alpha db.

        Parameters
        ----------
        parameters : Parameters
            Arrays of the backend, in the dtype.
        alpha : 0-d array
            The learning rate, from `scalar`.

        Returns
        -------
        J : 0-d array
            The cost before the update.
        parameters : Parameters
            New arrays, after it.

        Raises
        ------
        RankFailed
            As `value_and_gradient`.
        """
        if self._alone and self._block.has_step and not self.l2:
            X, Y, weights = self._kept or self._only()
            J, after = self._block.step(parameters, X, Y, self._m, weights, alpha)
            return J, Parameters(*after)
        J, gradients = self.value_and_gradient(parameters)
        return J, update(parameters, gradients, alpha)

    def steps(self, parameters: Parameters, alpha: Array) -> Iterator[tuple[Array, Parameters]]:
        """Make one update after the other, without end.

        Parameters
        ----------
        parameters : Parameters
            Where to begin; arrays of the backend, in the dtype.
        alpha : 0-d array
            The learning rate, from `scalar`.

        Yields
        ------
        J : 0-d array
            The cost before an update.
        parameters : Parameters
            New arrays, after it.

        Raises
        ------
        RankFailed
            As `value_and_gradient`.
        """
        if self._alone and not self._block.has_step and not self.l2:
            # The lecture's lab: nothing between the loop and the equations.
            X, Y, weights = self._only()
            gradient, m = self._block.single_block, self._m
            while True:
                found, J = gradient(parameters, X, Y, m, weights)
                parameters = update(parameters, _as_gradients(found), alpha)
                yield J, parameters
        while True:
            J, parameters = self.step(parameters, alpha)
            yield J, parameters

    @property
    def descends(self) -> bool:
        """Whether `descend` makes many updates in less time than as many calls of `step`."""
        return self._alone and not self.l2 and self._block.descends(self.source.m)

    def descend(self, parameters: Parameters, alpha: Array, k: int) -> tuple[Array, Parameters]:
        """Make k updates, bitwise identical to k calls of `step`.

        Parameters
        ----------
        parameters : Parameters
            Where to begin; arrays of the backend, in the dtype.
        alpha : 0-d array
            The learning rate, from `scalar`.
        k : int
            How many updates, at least 1.

        Returns
        -------
        costs : array of shape (k,)
            The cost before each update.
        parameters : Parameters
            New arrays, after the last.

        Raises
        ------
        DataError
            Where `descends` is false.
        """
        if not self.descends:
            raise DataError("expected an objective that descends, see `descends`")
        X, Y, weights = self._only()
        costs, after = self._block.descend(parameters, X, Y, self._m, weights, alpha, k)
        return costs, Parameters(*after)

    def value(self, parameters: Parameters) -> Array:
        """Return the cost at these parameters, without the gradient.

        Parameters
        ----------
        parameters : Parameters
            Arrays of the backend, in the dtype: W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).

        Returns
        -------
        0-d array
            The cost J, with l2.

        Raises
        ------
        RankFailed
            With `comm`, if another rank has failed or computes at other parameters.
        """
        block = self._block

        def of_block(i: int) -> tuple[Array]:
            X, Y, weights = self.examples(i)
            if block.forward:
                return (block.cost(parameters, X, Y, self._m, weights),)
            activations = forward(parameters, X, self.g1, self.g2, self.backend.xp)
            return (cost(activations, Y, self.g2, self._m, self.backend.xp, weights),)

        J = self._summed(of_block, parameters)[0]
        return J + self._l2_cost(parameters) if self.l2 else J

    def _of_block(self, parameters: Parameters, i: int) -> tuple[Array, ...]:
        X, Y, weights = self._placed(i)
        return self._block.partial_sums(parameters, X, Y, self._m, weights)

    def _summed(
        self, of_block: Callable[[int], tuple[Array, ...]], parameters: Parameters
    ) -> tuple[Array, ...]:
        count = len(self.grid)

        def add(blocks: range, total: TreeSum) -> None:
            self.backend.run(lambda i: total.add(blocks[i], of_block(blocks[i])), len(blocks))

        if self.ranks is None:
            total: TreeSum = TreeSum(count)
            add(range(count), total)
            return total.total()
        own = self.ranks.own(count)
        return self.ranks.sum(lambda total: add(own, total), count, self.backend, parameters)

    def _with_l2(
        self, parameters: Parameters, J: Array, gradients: Gradients
    ) -> tuple[Array, Gradients]:
        decay = self.l2 / self.source.total_weight
        W1, _, W2, _ = parameters
        dW1, db1, dW2, db2 = gradients
        gradients = Gradients(dW1 + decay * W1, db1, dW2 + decay * W2, db2)
        return J + self._l2_cost(parameters), gradients

    def _l2_cost(self, parameters: Parameters) -> Array:
        xp, decay = self.backend.xp, self.l2 / self.source.total_weight
        return (decay / 2) * (xp.sum(parameters.W1**2) + xp.sum(parameters.W2**2))


def _as_gradients(found: Sequence[Array]) -> Gradients:
    return found if isinstance(found, Gradients) else Gradients(*found)
