"""The reference of every engine: what a block of examples contributes, by the equations."""

from __future__ import annotations

from gdnet._typing import Array, Namespace, Scalar
from gdnet.activations import Activation, Output
from gdnet.equations import backward, cost, forward
from gdnet.parameters import Gradients, Parameters


def block_gradient(
    parameters: Parameters,
    X: Array,
    Y: Array,
    g1: Activation,
    g2: Output,
    m: Scalar,
    xp: Namespace,
    weights: Array | None = None,
) -> tuple[Gradients, Array]:
    """Return what one block of examples contributes to the gradient and to the cost.

    These are the equations in the order of the lecture.

    Parameters
    ----------
    parameters : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    X : array of shape (n0, b)
        Inputs of the block, one example a column.
    Y : array of shape (n2, b)
        Labels, 0 or 1, or numbers to be predicted.
    g1 : Activation
        The hidden activation.
    g2 : Output
        The output activation.
    m : float or 0-d array
        The number of examples of the full batch, or the sum of all their weights.
    xp : module
        The array module that owns the arrays.
    weights : array of shape (1, b), optional
        Weight of each example.

    Returns
    -------
    gradients : Gradients
        The block's part of dW1 (n1, n0), db1 (n1, 1), dW2 (n2, n1), db2 (n2, 1).
    J : 0-d array
        Its part of the cost.
    """
    activations = forward(parameters, X, g1, g2, xp)
    J = cost(activations, Y, g2, m, xp, weights)
    if not g1.slope_needs_Z1:
        # Nobody reads Z1 any more: its memory, still in the cache, becomes that of dZ1.
        activations.Z1 = activations.A1
    return backward(parameters, X, Y, activations, g1, m, xp, weights), J
