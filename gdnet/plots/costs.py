"""Pictures of the cost of every iteration, of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Floats
from gdnet.errors import DataError
from gdnet.plots.curves import HasCosts
from gdnet.plots.figure import Theme, add_legend, new_figure, shown, style_axes, theme_of

DRAWN_PARTS = 1500  # of a long curve: more than the picture has columns of pixels
# Of training and of validation: when every colour is taken, the runs after it get the second pair.
DASHES = (("-", "--"), ("-.", ":"))


class Line(NamedTuple):
    """One line of a picture of costs.

    Attributes
    ----------
    name : str
        What it is called.
    at : int array of shape (iterations,)
        The iterations or passes made before each cost.
    costs : array of shape (iterations,)
        The costs; those that are not finite are not drawn.
    colour, dashes : str
        The colour and the line style, as matplotlib takes them.
    """

    name: str
    at: npt.NDArray[np.int64]
    costs: Floats
    colour: str
    dashes: str


def plot_costs(
    runs: Mapping[str, HasCosts],
    *,
    title: str = "",
    theme: str = "light",
    over: str = "iterations",
) -> Any:
    """Draw the costs of several runs into one picture.

    Parameters
    ----------
    runs : mapping of str to DescentResult or Curve
        The runs by name. Costs of training are drawn solid, those of validation dashed.
    title : str
        Stands above the picture.
    theme : {"light", "dark"}
        The colours.
    over : {"iterations", "passes"}
        What the costs are drawn over; a solver may take several passes over the examples for an
        iteration.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.

    Raises
    ------
    DataError
        Without a run, for more than can be told apart, for one that has no iterations, for an
        unknown theme, or if matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from gdnet.plots import Curve, plot_costs
    >>> figure = plot_costs({"alpha 1.2": Curve(np.array([0.69, 0.42, 0.31]))})
    """
    colours = theme_of(theme)
    most = len(DASHES) * len(colours.lines)
    if not 1 <= len(runs) <= most:
        raise DataError(f"expected 1 to {most} runs to draw, got {len(runs)}")
    lines: list[Line] = []
    for i, (name, run) in enumerate(runs.items()):
        colour, dashes = colours.lines[i % len(colours.lines)], DASHES[i // len(colours.lines)]
        names = (shown(name, 40), f"{shown(name, 40)}, validation")
        lines += lines_of(run, names, (colour, colour), dashes, over=over)
    figure = new_figure((7.2, 4.4), colours, title)
    axes = figure.subplots()
    style_axes(axes, colours)
    draw_costs(axes, lines, colours, over)
    return figure


def lines_of(
    run: HasCosts,
    names: tuple[str, str],
    colours: tuple[str, str],
    dashes: tuple[str, str] = DASHES[0],
    *,
    over: str = "iterations",
) -> list[Line]:
    """Return the lines of one run: training and, where there is any, validation.

    Parameters
    ----------
    run : DescentResult or Curve
        The run.
    names : tuple of str
        What the lines of training and validation are called.
    colours : tuple of str
        Their colours.
    dashes : tuple of str, default ("-", "--")
        Their line styles.
    over : {"iterations", "passes"}, default "iterations"
        What the costs are drawn over.

    Returns
    -------
    list of Line
        One or two.

    Raises
    ------
    DataError
        For a run without a finite cost.
    """
    if not np.isfinite(run.costs).any():
        raise DataError("expected a run of at least 1 iteration to draw, got none")
    both = [run.costs]
    if run.validation_costs is not None and np.isfinite(run.validation_costs).any():
        both.append(run.validation_costs)
    at = np.arange(len(run.costs))
    if over == "passes" and run.passes is not None:
        at[1:] = run.passes[:-1]
    parts = zip(names, both, colours, dashes, strict=False)
    return [Line(name, at, costs, colour, dash) for name, costs, colour, dash in parts]


def draw_costs(axes: Any, lines: list[Line], theme: Theme, over: str = "iterations") -> None:
    """Draw lines of costs; each is named with its last cost.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    lines : list of Line
        The lines, at least one.
    theme : Theme
        The colours.
    over : {"iterations", "passes"}, default "iterations"
        What the horizontal axis is.
    """
    drawn = np.concatenate([line.costs[decimated(line.costs)] for line in lines])
    low, high = drawn.min(), drawn.max()
    least = drawn[drawn > 0].min(initial=high)
    logarithmic = high / 100 > least
    axes.ticklabel_format(axis="y", useOffset=False)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    elif high - low <= 1e-6 * high:  # rounding is not worth a magnifying glass
        axes.set_ylim(0.9 * high, 1.1 * high or 1.0)
    last = max(int(line.at[-1]) for line in lines)
    limits = (0, last if last <= 20 else last + 1) if last else (-0.5, 0.5)
    axes.set(
        xlim=limits,
        xlabel="iteration" if over == "iterations" else "passes over the examples",
        ylabel="cost",
    )
    axes.locator_params(axis="x", nbins=5, integer=True, min_n_ticks=1)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    for line in lines:
        at = decimated(line.costs)
        # A logarithmic axis has no place for 0, and near the largest number its margin overflows.
        heights = np.clip(line.costs[at], least, 1e200) if logarithmic else line.costs[at]
        style = {"color": line.colour, "marker": "o" if len(at) <= 20 else None, "clip_on": False}
        label = f"{line.name} {line.costs[at[-1]]:.4g}"
        axes.plot(line.at[at], heights, line.dashes, lw=1.6, ms=4, label=label, **style)
    axes.autoscale_view()
    _name_lines(axes, last, theme)


def _name_lines(axes: Any, last: int, theme: Theme) -> None:
    """Name the lines at their ends or, where that would be crowded, in a legend."""
    ends = np.array([line.get_xydata()[-1] for line in axes.lines])
    places = np.sort((axes.transScale + axes.transLimits).transform(ends)[:, 1])
    crowded = len(ends) > 1 and (np.diff(places).min() < 0.05 or (ends[:, 0] < last).any())
    if crowded or len(ends) > 5:
        many = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)} if len(ends) > 6 else {}
        add_legend(axes, theme, **many)
        return
    placed = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
    for line, end in zip(axes.lines, ends, strict=True):
        text = {"size": 9, "color": line.get_color(), "parse_math": False}
        axes.annotate(line.get_label(), end, (6, 0), **text, **placed)


def decimated(costs: Floats) -> npt.NDArray[np.intp]:
    """Return which costs to draw: all that are finite, or of many the extremes of each part.

    Parameters
    ----------
    costs : array of shape (iterations,)
        The costs.

    Returns
    -------
    int array of shape (k,)
        Positions in `costs`, rising.
    """
    finite = np.flatnonzero(np.isfinite(costs))
    if len(finite) <= 2 * DRAWN_PARTS:
        return finite
    parts = np.array_split(finite, DRAWN_PARTS)
    extremes = [part[[costs[part].argmin(), costs[part].argmax()]] for part in parts]
    return np.unique(np.concatenate([finite[[0, -1]], *extremes]))
