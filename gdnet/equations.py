"""The network of the lecture: four forward equations, the cost, six backward equations, the update.

Examples are columns: X is (n0, m), Y is (n2, m). Every function is pure, works on the arrays of
any module `xp` (NumPy, CuPy, ...), and keeps the biases and their gradients as columns.

Each of J, dW1, db1, dW2, db2 is a sum over examples divided by m. A block of columns therefore
contributes its share when `m` is the number of *all* examples (with sample weights: the sum of
all weights), and the shares of the blocks add up to the full batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from gdnet._typing import Array, Namespace, Scalar
from gdnet.activations import Activation, Output
from gdnet.losses import Parts
from gdnet.parameters import Gradients, Parameters


@dataclass(slots=True)
class Forward:
    """What one forward pass computes.

    Attributes
    ----------
    Z1, A1 : arrays of shape (n1, m)
        Hidden pre-activation and activation.
    Z2, A2 : arrays of shape (n2, m)
        Output pre-activation and the prediction.
    parts : tuple of arrays
        Parts of which A2 was made; the cost uses them again.
    """

    Z1: Array
    A1: Array
    Z2: Array
    A2: Array
    parts: Parts


def forward(parameters: Parameters, X: Array, g1: Activation, g2: Output, xp: Namespace) -> Forward:
    """Predict: the lecture's four forward equations.

    Parameters
    ----------
    parameters : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    X : array of shape (n0, m)
        Inputs, one example a column.
    g1 : Activation
        The hidden activation.
    g2 : Output
        The output activation: sigmoid, softmax or identity.
    xp : module
        The array module that owns every array above.

    Returns
    -------
    Forward
        Z1, A1, Z2, A2 and the parts of A2; A2 is the prediction.
    """
    W1, b1, W2, b2 = parameters
    Z1 = W1 @ X
    Z1 += b1                                        # 1. Z1 = W1 X + b1           (n1, m)
    A1 = g1.value(Z1, xp)                           # 2. A1 = g1(Z1)              (n1, m)
    Z2 = W2 @ A1
    Z2 += b2                                        # 3. Z2 = W2 A1 + b2          (n2, m)
    A2, parts = g2.value(Z2, xp)                    # 4. A2 = g2(Z2)              (n2, m)
    return Forward(Z1, A1, Z2, A2, parts)


def cost(
    activations: Forward,
    Y: Array,
    g2: Output,
    m: Scalar,
    xp: Namespace,
    weights: Array | None = None,
) -> Array:
    """Cross-entropy cost J = (1/m) sum of L(A2, Y) over the examples.

    The loss is computed from Z2 and not from A2, which in floating point reaches 0 or 1, where
    the logarithms of the textbook formula are infinite. It is accurate for any Z2.

    Parameters
    ----------
    activations : Forward
        What `forward` returned.
    Y : array of shape (n2, m)
        Labels, 0 or 1; for the identity numbers to be predicted.
    g2 : Output
        The output activation, which has its loss L: the cross-entropy, or half the squared error.
    m : float or 0-d array
        The number of examples of the full batch, or the sum of all their weights.
    xp : module
        The array module that owns the arrays.
    weights : array of shape (1, m), optional
        Weight of each example.

    Returns
    -------
    0-d array
        J; it stays on the device that owns Z2.
    """
    L = g2.loss(activations.Z2, activations.parts, Y, xp)      # the loss of each example    (1, m)
    return (L if weights is None else weights * L).sum() / m


def backward(
    parameters: Parameters,
    X: Array,
    Y: Array,
    activations: Forward,
    g1: Activation,
    m: Scalar,
    xp: Namespace,
    weights: Array | None = None,
) -> Gradients:
    """Backpropagate: the lecture's six backward equations, which give the gradients of the cost.

    Parameters
    ----------
    parameters : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    X : array of shape (n0, m)
        Inputs, one example a column.
    Y : array of shape (n2, m)
        Labels, 0 or 1; for the identity numbers to be predicted.
    activations : Forward
        What `forward` returned for the same parameters and X.
    g1 : Activation
        The hidden activation, which has its derivative.
    m : float or 0-d array
        The number of examples of the full batch, or the sum of all their weights.
    xp : module
        The array module that owns the arrays.
    weights : array of shape (1, m), optional
        Weight of each example.

    Returns
    -------
    Gradients
        The derivatives dW1, db1, dW2, db2, each of the shape of its parameter.
    """
    W2 = parameters.W2
    Z1, A1, A2 = activations.Z1, activations.A1, activations.A2
    dZ2 = A2 - Y                                    # 1. dZ2 = A2 - Y             (n2, m)
    if weights is not None:
        dZ2 *= weights                              #    each example as often as it counts
    dW2 = dZ2 @ A1.T / m                            # 2. dW2 = 1/m dZ2 A1'       (n2, n1)
    db2 = dZ2.sum(axis=1, keepdims=True) / m        # 3. db2 = 1/m sum of dZ2     (n2, 1)
    dZ1 = g1.derivative(Z1, A1, xp)
    dZ1 = _times_product(dZ1, W2.T, dZ2)            # 4. dZ1 = W2' dZ2 * g1'(Z1)  (n1, m)
    dW1 = dZ1 @ X.T / m                             # 5. dW1 = 1/m dZ1 X'        (n1, n0)
    db1 = dZ1.sum(axis=1, keepdims=True) / m        # 6. db1 = 1/m sum of dZ1     (n1, 1)
    return Gradients(dW1, db1, dW2, db2)


def update(parameters: Parameters, gradients: Gradients, alpha: Scalar) -> Parameters:
    """One step of gradient descent: W := W - alpha dW, b := b - alpha db.

    Parameters
    ----------
    parameters : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    gradients : Gradients
        The derivatives dW1, db1, dW2, db2, each of the shape of its parameter.
    alpha : float or 0-d array
        The learning rate.

    Returns
    -------
    gdnet.parameters.Parameters
        New arrays; the old ones are left as they are.
    """
    W1, b1, W2, b2 = parameters
    dW1, db1, dW2, db2 = gradients
    return Parameters(W1 - alpha * dW1, b1 - alpha * db1, W2 - alpha * dW2, b2 - alpha * db2)


def _times_product(D: Array, a: Array, b: Array) -> Array:
    """Return D * (a @ b) in the memory of D.

    With one output a @ b is a column times a row: multiplying by the one and then by the other is
    faster than BLAS, and the product needs no memory.
    """
    if a.shape[1] == 1:
        D *= a
        D *= b
    else:
        D *= a @ b
    return D
