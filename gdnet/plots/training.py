"""One training: its costs and, for two features, its decision boundary beside them."""

from __future__ import annotations

from typing import Any

from gdnet.plots.boundary import Boundary, can_be_drawn, draw_boundary
from gdnet.plots.costs import draw_costs, lines_of
from gdnet.plots.curves import HasCosts
from gdnet.plots.figure import new_figure, style_axes, theme_of


def plot_training(
    run: HasCosts, *, title: str = "", boundary: Boundary | None = None, theme: str = "light"
) -> Any:
    """Draw a training.

    Parameters
    ----------
    run : DescentResult or Curve
        Costs (iterations,), and those of the validation data where there are any.
    title : str
        Stands above the picture.
    boundary : Boundary, optional
        Drawn beside the costs; not for multi-label models or those of other than two features.
    theme : {"light", "dark"}
        The colours.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.

    Raises
    ------
    DataError
        For a run without iterations, for an unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    lines = lines_of(run, ("train", "validation"), (colours.lines[0], colours.lines[1]))
    if boundary and not can_be_drawn(boundary.model):
        boundary = None
    figure = new_figure((11, 4.4) if boundary else (6.4, 4), colours, title)
    panels = figure.subplots(1, 2 if boundary else 1, squeeze=False)[0]
    for axes in panels:
        style_axes(axes, colours)
    draw_costs(panels[0], lines, colours)
    if boundary:
        draw_boundary(panels[1], boundary, colours)
    return figure
