"""The losses L(A2, Y) of the outputs, which the cost J adds up over the examples.

They are computed from Z2, and from the parts of which A2 was made, and not from A2, which in
floating point reaches 0 or 1. Each is accurate to a few units in the last place for any Z2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gdnet._typing import Array, Namespace

#: The parts of A2 that its loss uses again.
Parts: TypeAlias = "tuple[Array, Array]"


def sigmoid_loss(Z2: Array, parts: Parts, Y: Array, xp: Namespace) -> Array:
    """Return the cross-entropy -[Y log A2 + (1 - Y) log(1 - A2)] with A2 = sigmoid(Z2).

    Parameters
    ----------
    Z2 : array of shape (n2, m)
        Output pre-activations.
    parts : tuple of arrays of shape (n2, m)
        The larger of Z2 and 0, and ``exp(-|Z2|)``.
    Y : array of shape (n2, m)
        Labels, 0 or 1.
    xp : module
        The array module that owns the arrays.

    Returns
    -------
    array of shape (1, m)
        The loss of each example, summed over its outputs.
    """
    # Subtracting Y Z2 from max(Z2, 0) first leaves 0 or |Z2| without rounding, so that a tiny log1p
    # is not lost.
    positive, E = parts
    L = positive - Y * Z2 + xp.log1p(E)
    return L if L.shape[0] == 1 else xp.sum(L, axis=0, keepdims=True)


def softmax_loss(Z2: Array, parts: Parts, Y: Array, xp: Namespace) -> Array:
    """Return the cross-entropy -log A2 of the label's class with A2 = softmax(Z2).

    Parameters
    ----------
    Z2 : array of shape (n2, m)
        Output pre-activations.
    parts : tuple of arrays of shape (1, m) and (n2, m)
        The highest Z2 of each example, and exp(Z2 - highest).
    Y : array of shape (n2, m)
        Labels, one 1 in each column.
    xp : module
        The array module that owns the arrays.

    Returns
    -------
    array of shape (1, m)
        The loss of each example.
    """
    # log(sum of E) - (Z2 of the label - highest Z2). The largest E is exactly 1: leaving one such
    # term out of the sum, and in log1p, keeps the rest when it is tiny.
    highest, E = parts
    largest = xp.astype(E == 1, E.dtype)
    rest = xp.sum(E - largest, axis=0, keepdims=True)
    ties = xp.sum(largest, axis=0, keepdims=True) - 1
    return xp.log1p(rest + ties) + (highest - xp.sum(Y * Z2, axis=0, keepdims=True))


def squared_loss(Z2: Array, parts: Parts, Y: Array, xp: Namespace) -> Array:
    """Return half the squared error, (A2 - Y)^2 / 2, with A2 = Z2: its derivative is A2 - Y.

    Parameters
    ----------
    Z2 : array of shape (n2, m)
        The predictions.
    parts : tuple of arrays
        Not read.
    Y : array of shape (n2, m)
        Numbers to be predicted.
    xp : module
        The array module that owns the arrays.

    Returns
    -------
    array of shape (1, m)
        The loss of each example, summed over its outputs.
    """
    del parts
    L = Z2 - Y
    L *= L
    L *= 0.5
    return L if L.shape[0] == 1 else xp.sum(L, axis=0, keepdims=True)
