"""What the hidden units look at: the rows of W1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.plots.figure import Theme, colour_map, new_figure, shown, theme_of

MAX_UNITS, IMAGES_IN_A_ROW = 64, 8
MAX_NAMED = 60  # features whose names can be read below a table
MIN_SIDE = 4  # of what is shown as an image


def plot_hidden(
    model: Model,
    *,
    scale: HostArray | None = None,
    title: str = "",
    theme: str = "light",
) -> Any:
    """Draw the weights of the hidden units, the most influential first.

    Where the number of features is a square of at least 16, as of small pictures, each unit is an
    image; otherwise it is a row of a table with one column a feature. Influence is the norm of the
    unit's weights in W2.

    Parameters
    ----------
    model : Model
        A trained network.
    scale : array of shape (n0,), optional
        Deviation of each feature. Weights are multiplied by it, which shows how much a feature
        moves the unit: a model takes raw features, so that the weight of one that varies little
        is large.
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
        If there is not one scale a feature, for an unknown theme, or if matplotlib is not
        installed.
    """
    colours = theme_of(theme)
    n0, n1, _ = model.shape
    W1 = np.asarray(model.parameters.W1, np.float64)
    if scale is not None:
        if np.shape(scale) != (n0,):
            raise DataError(f"scale: expected shape ({n0},), got {np.shape(scale)}")
        W1 = W1 * scale
    influence = np.linalg.norm(np.asarray(model.parameters.W2, np.float64), axis=0)
    order = np.argsort(-influence, kind="stable")
    drawn = order[:MAX_UNITS]
    if n1 > MAX_UNITS:
        title = f"{title} ({MAX_UNITS} of {n1} hidden units)".strip()
    limit = float(np.abs(W1[drawn]).max()) or 1.0
    style = {"vmin": -limit, "vmax": limit, "interpolation": "nearest"}
    style["cmap"] = colour_map(colours.classes[0], colours.paper, colours.classes[1])
    side = math.isqrt(n0)
    if side >= MIN_SIDE and side**2 == n0:
        return _images(W1, drawn, side, style, colours, title)
    return _table(model, W1, drawn, style, colours, title)


def _images(
    W1: HostArray, drawn: HostArray, side: int, style: dict[str, Any], theme: Theme, title: str
) -> Any:
    columns = min(IMAGES_IN_A_ROW, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = new_figure((max(1.05 * columns, 3.2) + 0.8, 1.14 * rows + 0.4), theme, title)
    figure.get_layout_engine().set(hspace=0.02, wspace=0.02)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, unit in zip(panels.flat, drawn, strict=False):
        image = axes.imshow(W1[unit].reshape(side, side), **style)
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=theme.frame, linewidth=0.5)
        axes.set_title(f"unit {unit}", size=7, color=theme.ink, pad=2)
    _add_bar(figure, image, list(panels.flat), theme)
    return figure


def _table(
    model: Model, W1: HostArray, drawn: HostArray, style: dict[str, Any], theme: Theme, title: str
) -> Any:
    n0 = W1.shape[1]
    names = [shown(name, 24) for name in model.feature_names or range(n0)]
    named = n0 <= MAX_NAMED
    below = 0.08 * max(map(len, names)) if named else 0.2
    size = (float(np.clip(1.6 + 0.26 * n0, 4.2, 12)), float(np.clip(0.9 + 0.2 * len(drawn), 2, 11)))
    figure = new_figure((size[0], size[1] + below), theme, title)
    axes = figure.subplots()
    axes.set_facecolor(theme.paper)
    axes.spines[:].set(color=theme.frame, linewidth=0.5)
    image = axes.imshow(W1[drawn], aspect="auto", **style)
    axes.set_yticks(range(len(drawn)), [str(unit) for unit in drawn])
    if named:
        rotation = 90 if max(map(len, names)) > 3 else 0
        axes.set_xticks(range(n0), names, rotation=rotation, parse_math=False)
    axes.tick_params(color=theme.frame, labelcolor=theme.ink, labelsize=8, width=0.5, length=2)
    axes.set_xlabel("feature", color=theme.ink)
    axes.set_ylabel("hidden unit", color=theme.ink)
    _add_bar(figure, image, [axes], theme)
    return figure


def _add_bar(figure: Any, image: Any, axes: list[Any], theme: Theme) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.outline.set(edgecolor=theme.frame, linewidth=0.5)
    bar.ax.tick_params(color=theme.frame, labelcolor=theme.ink, labelsize=8, width=0.5)
    bar.set_label("weight", color=theme.ink, size=9)
