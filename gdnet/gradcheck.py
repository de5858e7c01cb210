"""Are the six equations right? Central differences of the cost, side by side with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.activations import Activation, Output, get_activation, get_output
from gdnet.data.source import ArraySource
from gdnet.equations import cost, forward
from gdnet.objective.reference import block_gradient
from gdnet.parameters import Gradients, Parameters, check_shapes


class GradientCheck(NamedTuple):
    """The gradient by the equations compared with the gradient by central differences.

    ``str()`` of it is a report.

    Attributes
    ----------
    analytic : Gradients
        By backpropagation.
    numeric : Gradients
        By central differences of the cost.
    tolerance : float
        Largest relative error that passes.
    """

    analytic: Gradients[HostArray]
    numeric: Gradients[HostArray]
    tolerance: float

    @property
    def relative_errors(self) -> dict[str, float]:
        """Largest difference over largest entry, for each of dW1, db1, dW2, db2."""
        return {
            name: float(np.max(np.abs(a - n)) / max(np.max(np.abs(a)), np.max(np.abs(n)), 1e-300))
            for name, a, n in zip(Gradients._fields, self.analytic, self.numeric, strict=True)
        }

    @property
    def passed(self) -> bool:
        """Whether every relative error is within the tolerance."""
        return all(error <= self.tolerance for error in self.relative_errors.values())

    def __str__(self) -> str:
        """Return the report: for each gradient its worst entry, both values and the verdict."""
        lines = [
            f"{'':4} {'entry':>10} {'six equations':>22} {'central differences':>22} "
            f"{'relative error':>15}"
        ]
        errors = self.relative_errors
        for name, a, n in zip(Gradients._fields, self.analytic, self.numeric, strict=True):
            worst = np.unravel_index(np.argmax(np.abs(a - n)), a.shape)
            entry = f"[{worst[0]}, {worst[1]}]"
            verdict = "" if errors[name] <= self.tolerance else "  <- too large"
            lines.append(
                f"{name:4} {entry:>10} {a[worst]:22.15g} {n[worst]:22.15g} "
                f"{errors[name]:15.1e}{verdict}"
            )
        lines.append(
            f"{'passed' if self.passed else 'FAILED'}: largest relative error "
            f"{max(errors.values()):.1e}, allowed {self.tolerance:.0e}"
        )
        return "\n".join(lines)


def check_gradients(
    parameters: Parameters,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    *,
    activation: str | Activation = "tanh",
    output: str | Output = "sigmoid",
    weights: npt.ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> GradientCheck:
    """Compare the six backward equations with central differences of the cost, in float64.

    It costs two forward passes a parameter, so use a small network and a few examples.

    Parameters
    ----------
    parameters : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).
    X : array of shape (n0, m)
        Inputs, one example a column.
    Y : array of shape (n2, m)
        Labels, 0 or 1; for the output "identity" any numbers.
    activation : str or Activation, default "tanh"
        The hidden activation g1; one of your own is checked together with its derivative.
    output : str or Output, default "sigmoid"
        The output activation g2.
    weights : array of shape (1, m), optional
        Weight of each example.
    tolerance : float, default 1e-6
        Largest relative error that passes.

    Returns
    -------
    GradientCheck
        Both gradients, the errors, and a report as its ``str``.

    Raises
    ------
    DataError
        For shapes, labels or names that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from gdnet.gradcheck import check_gradients
    >>> from gdnet.parameters import initialise
    >>> X = np.random.RandomState(1).randn(2, 20)
    >>> Y = (X[:1] * X[1:] > 0).astype(float)
    >>> check_gradients(initialise(2, 4, 1, random_state=2), X, Y).passed
    True
    """
    g1, g2 = get_activation(activation), get_output(output)
    X, Y = np.asarray(X, np.float64), np.asarray(Y, np.float64)
    w = None if weights is None else np.asarray(weights, np.float64)
    source = ArraySource(X, Y, w, continuous=g2.name not in ("sigmoid", "softmax"))
    at = Parameters(*(np.array(p, np.float64) for p in parameters))
    check_shapes(at, source.n0, source.n2)
    m = source.total_weight

    def J() -> float:
        return float(cost(forward(at, X, g1, g2, np), Y, g2, m, np, w))

    def slope(array: HostArray) -> HostArray:
        differences = np.empty_like(array)
        for index in np.ndindex(array.shape):
            value = array[index]
            # The step that balances the error of the formula, h^2, against rounding, eps / h.
            h = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(value))
            array[index] = value + h
            above, right = J(), array[index]
            array[index] = value - h
            below, left = J(), array[index]
            array[index] = value
            differences[index] = (above - below) / (right - left)
        return differences

    found, _ = block_gradient(at, X, Y, g1, g2, m, np, w)
    analytic = Gradients(*map(np.asarray, found))
    return GradientCheck(analytic, Gradients(*map(slope, at)), tolerance)
