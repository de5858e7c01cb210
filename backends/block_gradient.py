"""How the gradient of a block is computed: the reference, for a backend to improve on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class BlockGradient:
    """Gradient and cost of one block of examples: the reference, for a backend to improve on.

    Parameters
    ----------
    reference : callable ``(parameters, X, Y, m, weights) -> ((dW1, db1, dW2, db2), J)``, or None
        What the block contributes to both, from `gdnet.equations`; None where no gradient is asked
        for.

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

    name = "reference"
    arithmetic = 1
    has_step = False
    forward = False

    def __init__(self, reference: Callable[..., Any] | None) -> None:
        self._reference: Any = reference

    def partial_sums(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any
    ) -> tuple[Any, ...]:
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
        gradients, J = self._reference(parameters, X, Y, m, weights)
        return (*gradients, J)

    def unpack(self, sums: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the gradient and the cost from the sums over all blocks.

        Parameters
        ----------
        sums : tuple of arrays
            Each the sum, over all blocks, of what `partial_sums` returned.

        Returns
        -------
        tuple of arrays
            The gradients dW1 (n1, n0), db1 (n1, 1), dW2 (n2, n1), db2 (n2, 1), and J (0-d).
        """
        return sums

    def single_block(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any
    ) -> tuple[Any, Any]:
        """Return the gradient and the cost of a block that holds all examples.

        Parameters
        ----------
        parameters, X, Y, m, weights : arrays
            As for `partial_sums`, with b = m.

        Returns
        -------
        gradients : tuple of arrays
            The gradients dW1 (n1, n0), db1 (n1, 1), dW2 (n2, n1), db2 (n2, 1).
        J : 0-d array
            The cost.
        """
        found: tuple[Any, Any] = self._reference(parameters, X, Y, m, weights)
        return found

    def step(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any, alpha: Any
    ) -> tuple[Any, tuple[Any, ...]]:
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
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any, alpha: Any, k: int
    ) -> tuple[Any, tuple[Any, ...]]:
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

    def cost(self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any) -> Any:
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

    def outputs(self, parameters: Any, X: Any) -> Any:
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
