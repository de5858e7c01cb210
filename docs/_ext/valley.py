"""The directive ``valley``: what the pairs of L-BFGS know, drawn in two dimensions.

The steps are those of `gdnet.LBFGS`, and the ellipses are made from its own `direction`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from docutils import nodes
from pictures import in_both_themes
from sphinx.util.docutils import SphinxDirective

from gdnet._typing import HostArray
from gdnet.backends import get_backend
from gdnet.descent import LBFGS, SolverState
from gdnet.descent.solvers.two_loop import direction
from gdnet.parameters import Gradients, Parameters
from gdnet.plots.figure import Theme, new_figure, save_figure, style_axes, theme_of

Point = npt.NDArray[np.float64]

# A valley that is five times as long as it is wide, and not along an axis.
CURVATURE = np.array([[8.0, -6.0], [-6.0, 6.0]])
START = np.array([-0.4, -1.6])
STEPS = 4
NONE = np.zeros((0, 1))


class Valley:
    """A quadratic cost of two parameters, in the place of a `gdnet.FullBatch`."""

    dtype, backend, shape = np.dtype(np.float64), get_backend("cpu"), (2, 1, 0)

    def place(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        """Return them."""
        return parameters

    def value_and_gradient(self, parameters: Parameters[HostArray]) -> tuple[float, Gradients]:
        """Return the cost and the gradient."""
        x = parameters.W1.ravel()
        g = CURVATURE @ x
        return float(x @ g) / 2, Gradients(g[None], NONE, NONE, NONE)


def states_of_lbfgs() -> list[SolverState]:
    """Return where L-BFGS is after each step, the start included."""
    valley: Any = Valley()
    solver = LBFGS()
    states = [solver.init(valley, Parameters(START[None], NONE, NONE, NONE))]
    for _ in range(STEPS):
        states.append(solver.step(valley, states[-1]).state)
    return states


def believed(state: SolverState) -> Point:
    """Return the points (2, k) at which the believed quadratic has risen by 1, around 0."""
    pairs = () if state.memory is None else state.memory.pairs
    inverse = np.column_stack([-direction(e, pairs) for e in np.eye(2)])
    values, vectors = np.linalg.eigh((inverse + inverse.T) / 2)
    angles = np.linspace(0, 2 * np.pi, 200)
    ellipse: Point = vectors @ (np.sqrt(2 * values)[:, None] * [np.cos(angles), np.sin(angles)])
    return ellipse


def draw(theme: Theme) -> Any:
    """Draw a panel after each step."""
    states = states_of_lbfgs()
    figure = new_figure((9.6, 2.9), theme)
    grid = np.linspace(-3, 3, 200)
    points = np.stack(np.meshgrid(grid, grid))
    J = np.einsum("iab,ij,jab->ab", points, CURVATURE, points) / 2
    path = np.array([np.asarray(state.parameters.W1).ravel() for state in states])
    for k, axes in enumerate(figure.subplots(1, STEPS, sharey=True)):
        style_axes(axes, theme)
        axes.contour(grid, grid, J, np.geomspace(0.1, 60, 9), colors=theme.frame, linewidths=0.8)
        axes.plot(*path[: k + 1].T, "o-", color=theme.ink, lw=1.2, ms=4)
        axes.plot(*(path[k, :, None] + believed(states[k])), color=theme.lines[1], lw=1.8)
        axes.annotate(
            "",
            path[k + 1],
            path[k],
            arrowprops={"arrowstyle": "->", "color": theme.lines[0], "lw": 2},
        )
        axes.plot(0, 0, "+", color=theme.ink, ms=9)
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[])
        axes.set_title(f"{k} pair{'s' * (k != 1)}", color=theme.ink, fontsize=10)
    return figure


class ValleyPicture(SphinxDirective):
    """The picture, for light paper and for dark."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Draw both, and return them."""
        return in_both_themes(
            self, "valley", lambda theme, file: save_figure(draw(theme_of(theme)), file)
        )


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("valley", ValleyPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
