"""Pictures of a training: the cost curve and, for two features, the decision boundary."""

from __future__ import annotations

import io
import textwrap
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.atomic import check_writable, replacing
from gdnet.backends import get_backend
from gdnet.descent import Descent
from gdnet.errors import DataError
from gdnet.evaluation import Rows, predict_outputs
from gdnet.model_file import Model

INK, FRAME = "#333333", "#999999"
# Okabe and Ito's palette, which the colour-blind can tell apart. Its length is coprime to that of
# the markers: 88 classes differ, and those of one colour or of one grey differ in shape.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#555555"]
MARKERS = "o^sDvPX<>*p"
MOST_IN_LEGEND, GRID = 16, 320
DRAWN_PARTS = 1500  # of a long curve: more than the picture has columns of pixels


class Boundary(NamedTuple):
    """A model of two features and the examples to show with its decision boundary.

    Attributes
    ----------
    model : Model
        Takes raw features.
    rows, codes : arrays of shape (k, 2) and (k,)
        Raw features of the examples, all or a sample, and their positions in ``model.classes``.
    """

    model: Model
    rows: Rows
    codes: Rows


def check_plot_path(path: str | Path) -> None:
    """Raise DataError, before a long training, if matplotlib cannot write such a file there."""
    figure = _new_figure((1, 1)).text(0.5, 0.5, "x").figure
    try:
        # Trying finds more than asking: some formats need LaTeX, or a codec in Pillow.
        figure.savefig(io.BytesIO(), format=Path(path).suffix[1:])
    except Exception as error:
        raise DataError(f"{path}: expected a name such as cost.png; matplotlib: {error}") from None
    check_writable(path)


def plot_training(
    path: str | Path, run: Descent, *, title: str, boundary: Boundary | None = None
) -> None:
    """Draw a training into one file, which is replaced in one step.

    Parameters
    ----------
    path : str or Path
        What to write; its extension says in which format.
    run : Descent
        Costs (iterations,), and those of the validation data where there are any.
    title : str
        Stands above the picture.
    boundary : Boundary, optional
        Drawn beside the costs; not for multi-label models or those of other than two features.

    Raises
    ------
    DataError
        As `check_plot_path`, and for a run without iterations.
    """
    check_plot_path(path)
    if not run.iterations:
        raise DataError("expected a run of at least 1 iteration to draw, got none")
    if boundary and (boundary.model.shape[0] != 2 or boundary.model.kind == "multilabel"):
        boundary = None
    figure, width = _new_figure((11, 4.4) if boundary else (6.4, 4)), 120 if boundary else 68
    lines = textwrap.wrap(_shown(title, 2 * width - 10), width, max_lines=2, placeholder=" …")
    figure.suptitle("\n".join(lines), x=0.01, ha="left", size=11, color=INK, parse_math=False)
    panels = figure.subplots(1, 2 if boundary else 1, squeeze=False)[0]
    for axes in panels:
        axes.set_facecolor("white")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set(color=FRAME, linewidth=0.8)
        axes.tick_params(which="both", color=FRAME, labelcolor=INK, labelsize=9, width=0.8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set(color=INK, parse_math=False)
    _draw_costs(panels[0], run)
    if boundary:
        _draw_boundary(panels[1], boundary)
    with replacing(path) as file, warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, which is no mistake of the user's.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(file, format=Path(path).suffix[1:], dpi=150, facecolor="white")


def decimated(costs: Rows) -> Rows:
    """Return positions in costs (iterations,) to draw: finite ones, the extremes of each part."""
    finite = np.flatnonzero(np.isfinite(costs))
    if len(finite) <= 2 * DRAWN_PARTS:
        return finite
    parts = np.array_split(finite, DRAWN_PARTS)
    extremes = [part[[costs[part].argmin(), costs[part].argmax()]] for part in parts]
    return np.unique(np.concatenate([finite[[0, -1]], *extremes]))


def _draw_costs(axes: Any, run: Descent) -> None:
    series = [("train", run.costs, COLOURS[0], "-")]
    if run.validation_costs is not None and np.isfinite(run.validation_costs).any():
        series.append(("validation", run.validation_costs, COLOURS[1], "--"))
    drawn = np.concatenate([costs[decimated(costs)] for _, costs, _, _ in series])
    low, high = drawn.min(), drawn.max()
    least = drawn[drawn > 0].min(initial=high)
    logarithmic = high / 100 > least
    axes.ticklabel_format(axis="y", useOffset=False)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    elif high - low <= 1e-6 * high:  # rounding is not worth a magnifying glass
        axes.set_ylim(0.9 * high, 1.1 * high or 1.0)
    last = run.iterations - 1
    limits = (0, last if last <= 20 else last + 1) if last else (-0.5, 0.5)
    axes.set(xlim=limits, xlabel="iteration", ylabel="cost")
    axes.locator_params(axis="x", nbins=5, integer=True, min_n_ticks=1)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    for name, costs, colour, dashes in series:
        at = decimated(costs)
        # A logarithmic axis has no place for 0, and near the largest number its margin overflows.
        heights = np.clip(costs[at], least, 1e200) if logarithmic else costs[at]
        style = {"color": colour, "marker": "o" if len(at) <= 20 else None, "clip_on": False}
        label = f"{name} {costs[at[-1]]:.4g}"
        axes.plot(at, heights, dashes, lw=1.6, ms=4, label=label, **style)
    axes.autoscale_view()
    ends = np.array([line.get_xydata()[-1] for line in axes.lines])
    places = (axes.transScale + axes.transLimits).transform(ends)[:, 1]
    if len(ends) == 2 and (ends[1, 0] < last or abs(places[0] - places[1]) < 0.05):
        axes.legend(facecolor="white", edgecolor="none", labelcolor=INK, fontsize=9)
        return
    beside = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
    for line, end in zip(axes.lines, ends, strict=True):
        axes.annotate(line.get_label(), end, (6, 0), size=9, color=line.get_color(), **beside)


def _draw_boundary(axes: Any, boundary: Boundary) -> None:
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
    colours = [COLOURS[k % len(COLOURS)] for k in range(count)]
    certainty = (A2.max(axis=1, keepdims=True) - 1 / count) / (1 - 1 / count)
    light = np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    shades = 1 - (0.1 + 0.3 * certainty) * (1 - light[winner])
    extent = (x[0], x[-1], y[0], y[-1])
    axes.imshow(shades.reshape(GRID, GRID, 3), extent=extent, origin="lower", aspect="auto")
    second, first = np.partition(Z2, -2, axis=1)[:, -2:].T
    for k in range(count):
        lead = Z2[:, k] - np.where(winner == k, second, first)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead.reshape(GRID, GRID), [0.0], colors=[INK], linewidths=1.1)

    size, handles = float(np.clip(8000 / len(rows), 10, 26)), []
    for k, colour in enumerate(colours):
        marker = MARKERS[k % len(MARKERS)]
        style = {"color": colour, "edgecolors": "white", "linewidths": 0.4, "zorder": 3}
        style |= {"marker": marker, "s": 1.5 * size if marker in "PX*" else size}
        handles.append(axes.scatter(*rows[codes == k].T, **style))
    names = [_shown(name, 44) for name in model.feature_names or ("feature 1", "feature 2")]
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel=names[0], ylabel=names[1])
    style = {"labelcolor": INK, "frameon": False, "handletextpad": 0.2, "alignment": "left"}
    style |= {"loc": "upper left", "bbox_to_anchor": (1, 1.02), "fontsize": 9, "title_fontsize": 9}
    listed = min(count, MOST_IN_LEGEND)
    title = None if listed == count else f"{listed} of {count} classes"
    legend = axes.legend(handles[:listed], range(listed), title=title, **style)
    for text, name in zip(legend.get_texts(), model.classes or (), strict=False):
        text.set(text=_shown(name, 26), parse_math=False)  # as a label "_a" would be left out


def _new_figure(size: tuple[float, float]) -> Any:
    try:
        from matplotlib.figure import Figure  # not pyplot, which keeps figures and opens windows
    except ImportError:
        raise DataError("drawing needs matplotlib: pip install matplotlib") from None
    return Figure(size, layout="constrained", facecolor="white")


def _shown(name: object, width: int) -> str:
    """Return a name on one line, cut to fit, without what an SVG file cannot hold."""
    line = "".join(c if c.isprintable() else " " for c in str(name))
    return line if len(line) <= width else line[: width - 1] + "…"
