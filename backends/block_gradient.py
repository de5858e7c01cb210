"""How the gradient of a block is computed: the contract of an engine, and the reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gdnet._typing import Array
    from gdnet.parameters import Gradients, Parameters

#: ``(parameters, X, Y, m, weights) -> (gradients, J)``: what a block contributes to both, from
#: `gdnet.equations`.
Reference: TypeAlias = (
    "Callable[[Parameters, Array, Array, Array, Array | None], tuple[Gradients, Array]]"
)


class BlockGradient(ABC):
    """An engine: how gradient and cost of one block of examples are computed.

    Attributes
    ----------
    name : str
        That of the engine.
    arithmetic : int
        Version of its arithmetic: another one gives other last digits.
    has_step : bool
        Whether there is a `step`.
    forward : bool
        Whether there are `cost` and `outputs`: the forward pass alone, by the same arithmetic.
    """

    name: str
    arithmetic: int
    has_step = False
    forward = False

    @abstractmethod
    def partial_sums(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Array, ...]:
        """Return the arrays to be added up over the blocks.

        Parameters
        ----------
        parameters : Parameters
            W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
        X : array of shape (n0, b)
            Inputs of the block, one example a column.
        Y : array of shape (n2, b)
            Labels 0 or 1, or numbers to be predicted.
        m : 0-d array
            The number of all examples, or the sum of all their weights.
        weights : array of shape (1, b), or None
            Weight of each example.

        Returns
        -------
        tuple of arrays
            As many, and of the same shapes, for each block; who adds them up may write to them.
        """

    def unpack(self, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return the gradient and the cost from the sums over all blocks.

        Parameters
        ----------
        sums : tuple of arrays
            Each the sum, over all blocks, of what `partial_sums` returned.

        Returns
        -------
        tuple of arrays
            The gradients dW1 (n1, n0), db1 (n1, 1), dW2 (n2, n1), db2 (n2, 1), and J (0-d): by
            default `sums` as they are.
        """
        return sums

    @abstractmethod
    def single_block(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Sequence[Array], Array]:
        """Return the gradient and the cost of a block that holds all examples.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As for `partial_sums`, with b = m.

        Returns
        -------
        gradients : sequence of arrays
            The gradients dW1 (n1, n0), db1 (n1, 1), dW2 (n2, n1), db2 (n2, 1).
        J : 0-d array
            The cost.
        """

    def step(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Make one update with a block that holds all examples.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As for `partial_sums`, with b = m.
        alpha : 0-d array
            The learning rate.

        Returns
        -------
        J : 0-d array
            The cost before the update.
        parameters : tuple of arrays
            W1, b1, W2, b2 after it.

        Raises
        ------
        NotImplementedError
            If `has_step` is false.
        """
        raise NotImplementedError

    def descends(self, columns: int) -> bool:
        """Return whether there is a `descend` for a block of so many examples.

        Parameters
        ----------
        columns : int
            Number of examples of the block.

        Returns
        -------
        bool
            False by default.
        """
        del columns
        return False

    def descend(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
        k: int,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Make k updates with a block that holds all examples.

        Bitwise identical to k calls of `step`.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As for `partial_sums`, with b = m.
        alpha : 0-d array
            The learning rate.
        k : int
            How many updates, at least 1.

        Returns
        -------
        costs : array of shape (k,)
            The cost before each update.
        parameters : tuple of arrays
            W1, b1, W2, b2 after the last.

        Raises
        ------
        NotImplementedError
            If `descends` is false.
        """
        raise NotImplementedError

    def cost(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> Array:
        """Return what a block contributes to J.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As for `partial_sums`.

        Returns
        -------
        0-d array
            Its part of the sum.

        Raises
        ------
        NotImplementedError
            If `forward` is false.
        """
        raise NotImplementedError

    def outputs(self, parameters: Parameters, X: Array) -> Array:
        """Return Z2 of a block; that of an example does not depend on the others.

        Parameters
        ----------
        parameters : Parameters
            W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
        X : array of shape (n0, b)
            Inputs, one example a column.

        Returns
        -------
        array of shape (n2, b)
            The output pre-activations.

        Raises
        ------
        NotImplementedError
            If `forward` is false.
        """
        raise NotImplementedError


class ReferenceGradient(BlockGradient):
    """The equations as they stand, for a backend to improve on.

    Parameters
    ----------
    reference : callable
        See `Reference`.
    """

    name = "reference"
    arithmetic = 1

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def partial_sums(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Array, ...]:
        """Return dW1, db1, dW2, db2 and J of a block.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As of `BlockGradient`.

        Returns
        -------
        tuple of arrays
            The block's part of each.
        """
        gradients, J = self._reference(parameters, X, Y, m, weights)
        return (*gradients, J)

    def single_block(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Gradients, Array]:
        """Return the gradients and J of a block that holds all examples.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As of `BlockGradient`.

        Returns
        -------
        gradients : Gradients
            The derivatives dW1, db1, dW2, db2.
        J : 0-d array
            The cost.
        """
        return self._reference(parameters, X, Y, m, weights)
