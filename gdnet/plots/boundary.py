"""The regions of the classes, for a model of two features."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import HostArray
from gdnet.backends import get_backend
from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.model.prediction import predict_outputs
from gdnet.plots.figure import Theme, new_figure, shown, style_axes, theme_of

MARKERS = "o^sDvPX<>*p"
MAX_IN_LEGEND, GRID = 16, 320


class Boundary(NamedTuple):
    """A model of two features and the examples to show with its decision boundary.

    Attributes
    ----------
    model : Model
        Takes raw features.
    rows : array of shape (k, 2)
        Raw features of the examples, all or a sample.
    codes : int array of shape (k,)
        Their positions in ``model.classes``.
    """

    model: Model
    rows: HostArray
    codes: HostArray


def plot_boundary(boundary: Boundary, *, title: str = "", theme: str = "light") -> Any:
    """Draw the class that a model predicts, and how certainly, over its two features.

    Parameters
    ----------
    boundary : Boundary
        The model, and examples to show.
    title : str
        Stands above the picture.
    theme : {"light", "dark"}
        The colours.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.

    Raises
    ------
    DataError
        For a multi-label model, one that predicts numbers, or one of other than two features, for
        an unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    if not can_be_drawn(boundary.model):
        n0, kind = boundary.model.shape[0], boundary.model.kind
        raise DataError(
            f"expected a model of 2 features and exclusive classes, got a {kind} model of {n0}"
        )
    figure = new_figure((6.4, 4.8), colours, title)
    axes = figure.subplots()
    style_axes(axes, colours)
    draw_boundary(axes, boundary, colours)
    return figure


def can_be_drawn(model: Model) -> bool:
    """Return whether a model has two features and exclusive classes.

    Parameters
    ----------
    model : Model
        Any model.

    Returns
    -------
    bool
        Whether `plot_boundary` takes it.
    """
    return model.shape[0] == 2 and model.classes is not None


def draw_boundary(axes: Any, boundary: Boundary, theme: Theme) -> None:
    """Draw the regions, the lines between them, and the examples.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    boundary : Boundary
        A model that `can_be_drawn`, and examples to show, at least one.
    theme : Theme
        The colours.

    Raises
    ------
    DataError
        If the model's activation is not one of gdnet's own.
    """
    model, rows, codes = boundary
    low, high = np.array([rows.min(axis=0), rows.max(axis=0)], np.float64)
    span, largest = high - low, np.maximum(np.abs(low), np.abs(high))
    margin = np.where(span > 1e-12 * largest, 0.06 * span, np.maximum(0.5 * largest, 0.5))
    x, y = np.linspace(low - margin, high + margin, GRID).T
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    Z2, A2 = predict_outputs(model, points, get_backend("cpu"))
    if model.kind == "binary":
        Z2, A2 = np.hstack([0 * Z2, Z2]), np.hstack([1 - A2, A2])
    winner, count = Z2.argmax(axis=1), Z2.shape[1]
    colours = [theme.classes[k % len(theme.classes)] for k in range(count)]
    certainty = (A2.max(axis=1, keepdims=True) - 1 / count) / (1 - 1 / count)
    paper, *full = (np.array(list(bytes.fromhex(c[1:]))) / 255 for c in (theme.paper, *colours))
    shades = paper + (0.1 + 0.3 * certainty) * (np.array(full)[winner] - paper)
    extent = (x[0], x[-1], y[0], y[-1])
    axes.imshow(shades.reshape(GRID, GRID, 3), extent=extent, origin="lower", aspect="auto")
    second, first = np.partition(Z2, -2, axis=1)[:, -2:].T
    for k in range(count):
        lead = Z2[:, k] - np.where(winner == k, second, first)
        if lead.min() < 0 < lead.max():
            level = lead.reshape(GRID, GRID)
            axes.contour(x, y, level, [0.0], colors=[theme.ink], linewidths=1.1)

    size, handles = float(np.clip(8000 / len(rows), 10, 26)), []
    for k, colour in enumerate(colours):
        marker = MARKERS[k % len(MARKERS)]
        style = {"color": colour, "edgecolors": theme.paper, "linewidths": 0.4, "zorder": 3}
        style |= {"marker": marker, "s": 1.5 * size if marker in "PX*" else size}
        handles.append(axes.scatter(*rows[codes == k].T, **style))
    names = [shown(name, 44) for name in model.feature_names or ("feature 1", "feature 2")]
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel=names[0], ylabel=names[1])
    style = {"labelcolor": theme.ink, "frameon": False, "handletextpad": 0.2, "alignment": "left"}
    style |= {"loc": "upper left", "bbox_to_anchor": (1, 1.02), "fontsize": 9, "title_fontsize": 9}
    listed = min(count, MAX_IN_LEGEND)
    title = None if listed == count else f"{listed} of {count} classes"
    legend = axes.legend(handles[:listed], range(listed), title=title, **style)
    legend.get_title().set_color(theme.ink)
    for text, name in zip(legend.get_texts(), model.class_names, strict=False):
        text.set(text=shown(name, 26), parse_math=False)  # as a label "_a" would be left out
