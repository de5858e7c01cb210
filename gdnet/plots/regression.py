"""How good predicted numbers are: predicted over observed, and what is left over predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.errors import DataError
from gdnet.plots.figure import Theme, colour_map, new_figure, shown, style_axes, theme_of
from gdnet.scores.regression import RegressionMetrics

#: The observed and the predicted numbers (m,) of each target, by its name.
Predicted = Mapping[str, tuple[HostArray, HostArray]]

MAX_TARGETS, PANELS_IN_A_ROW = 12, 3
# More examples than these are shown as the shade of hexagons.
MAX_DOTS = 4000
HEXAGONS = 60
# Bars of the histogram of residuals.
BARS = 40


def plot_predicted(targets: Predicted, *, title: str = "", theme: str = "light") -> Any:
    """Draw what was predicted over what was observed, with RMSE and R^2; right is the diagonal.

    Parameters
    ----------
    targets : mapping of str to (observed, predicted)
        For each target, by its name, the numbers (m,) of the examples. Many examples are shown as
        the shade of hexagons, on a logarithmic scale.
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
        Without a target or examples, for more than 12 targets, for numbers that are not finite, for
        an unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    _check(targets)
    figure, panels = _panels(len(targets), (5.2, 5.0), colours, title)
    for axes, (name, (observed, predicted)) in zip(panels, targets.items(), strict=True):
        low = min(observed.min(), predicted.min())
        high = max(observed.max(), predicted.max())
        margin = 0.04 * (high - low) or 0.5
        ends = (low - margin, high + margin)
        axes.plot(ends, ends, color=colours.frame, lw=0.8, zorder=3)
        _draw_points(axes, observed, predicted, ends, ends, colours)
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        _label(axes, f"observed{name and ' '}{name}", "predicted", colours)
        metrics = RegressionMetrics(observed[:1])
        metrics.add(observed[None, :], predicted[:, None])
        scores = metrics.result()
        text = f"RMSE {scores.rmse[0]:.4g}"
        if scores.baseline[0] > 0:
            text += f"\nR² {scores.r2[0]:.3f}"
        axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", size=9, color=colours.ink)
    return figure


def plot_residuals(targets: Predicted, *, title: str = "", theme: str = "light") -> Any:
    """Draw the residuals, observed - predicted, over what was predicted, and how often they are.

    A band that bends, or grows wider to one side, is what the network has not learnt.

    Parameters
    ----------
    targets : mapping of str to (observed, predicted)
        For each target, by its name, the numbers (m,) of the examples. Many examples are shown as
        the shade of hexagons, on a logarithmic scale.
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
        As `plot_predicted`.
    """
    colours = theme_of(theme)
    _check(targets)
    figure, panels = _panels(len(targets), (6.4, 4.2), colours, title)
    for axes, (name, (observed, predicted)) in zip(panels, targets.items(), strict=True):
        residuals = observed - predicted
        largest = np.abs(residuals).max() or 0.5
        span = (predicted.max() - predicted.min()) or 1.0
        x = (predicted.min() - 0.04 * span, predicted.max() + 0.04 * span)
        y = (-1.08 * largest, 1.08 * largest)
        axes.axhline(0, color=colours.frame, lw=0.8, zorder=3)
        _draw_points(axes, predicted, residuals, x, y, colours)
        axes.set(xlim=x, ylim=y)
        _label(axes, f"predicted{name and ' '}{name}", "observed - predicted", colours)
        histogram = axes.inset_axes((1.02, 0, 0.18, 1), sharey=axes)
        counts, edges = np.histogram(residuals, BARS, y)
        histogram.stairs(counts, edges, orientation="horizontal", fill=True, color=colours.lines[0])
        histogram.set_axis_off()
    return figure


def _panels(
    count: int, size: tuple[float, float], colours: Theme, title: str
) -> tuple[Any, list[Any]]:
    wide = min(count, PANELS_IN_A_ROW)
    high = math.ceil(count / wide)
    scale = 1.0 if count == 1 else 0.75
    figure = new_figure((scale * size[0] * wide, scale * size[1] * high), colours, title)
    grid = figure.subplots(high, wide, squeeze=False).ravel().tolist()
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid[:count]:
        style_axes(axes, colours)
    return figure, grid[:count]


def _draw_points(
    axes: Any, x: HostArray, y: HostArray, xlim: Any, ylim: Any, colours: Theme
) -> None:
    if len(x) > MAX_DOTS:
        axes.hexbin(
            x,
            y,
            gridsize=HEXAGONS,
            bins="log",
            extent=(*xlim, *ylim),
            mincnt=1,
            linewidths=0,
            cmap=colour_map(colours.paper, colours.lines[0]),
            vmin=0.5,
            zorder=2,
        )
        return
    size = float(np.clip(6000 / len(x), 4, 22))
    axes.scatter(x, y, s=size, color=colours.lines[0], alpha=0.6, linewidths=0, zorder=2)


def _label(axes: Any, x: str, y: str, colours: Theme) -> None:
    axes.set_xlabel(shown(x, 44), color=colours.ink, parse_math=False)
    axes.set_ylabel(y, color=colours.ink)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_color(colours.ink)  # such as 1e6


def _check(targets: Predicted) -> None:
    if not 1 <= len(targets) <= MAX_TARGETS:
        raise DataError(f"expected 1 to {MAX_TARGETS} targets, got {len(targets)}")
    for name, (observed, predicted) in targets.items():
        if not len(observed) or len(observed) != len(predicted):
            raise DataError(
                f"{name}: expected as many predicted numbers as observed ones, and at least 1, got "
                f"{len(predicted)} and {len(observed)}"
            )
        if not (np.isfinite(observed).all() and np.isfinite(predicted).all()):
            raise DataError(f"{name}: expected finite numbers, got others")
