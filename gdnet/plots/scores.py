"""How good predictions are: confusion matrix, ROC curves, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.errors import DataError
from gdnet.plots.figure import (
    Theme,
    add_legend,
    colour_map,
    new_figure,
    shown,
    style_axes,
    theme_of,
)
from gdnet.scores.metrics import Calibration, calibration, roc_auc, roc_curve

MAX_CURVES = 14
MAX_NUMBERED = 20  # classes whose numbers can be read in their cells
MAX_NAMED = 40  # classes whose names can be read beside the matrix
DRAWN_POINTS = 3000
DASHES = ("-", "--")

Scored = Mapping[str, tuple[HostArray, HostArray]]


def plot_confusion(
    counts: HostArray, classes: Sequence[Any], *, title: str = "", theme: str = "light"
) -> Any:
    """Draw a confusion matrix; the shade of a cell is its share of the true class.

    Parameters
    ----------
    counts : int array of shape (k, k)
        Examples by true class (row) and predicted class (column), as
        `gdnet.scores.metrics.confusion` counts them.
    classes : sequence of k labels
        The classes.
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
        If the matrix does not have one row and one column a class, or there are fewer than 2
        classes, for an unknown theme, or if matplotlib is not installed.
    """
    colours, k = theme_of(theme), len(classes)
    counts = np.asarray(counts)
    if counts.shape != (k, k) or k < 2:
        raise DataError(
            f"expected a matrix of shape ({k}, {k}) for {k} classes, at least 2, "
            f"got shape {counts.shape}"
        )
    names = [shown(name, 16) for name in classes]
    longest = max(len(name) for name in names) if k <= MAX_NAMED else 0
    side = float(np.clip(1.1 + 0.62 * k, 3.4, 9))
    figure = new_figure((side + 0.06 * longest, side + 0.3), colours, title)
    axes = figure.subplots()
    axes.set_facecolor(colours.paper)
    axes.spines[:].set_visible(False)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # On light paper to a dark blue, on dark paper to a light one.
    axes.imshow(share, cmap=colour_map(colours.paper, colours.lines[0]), vmin=0, vmax=1)
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=colours.frame, linewidth=0.4 if k <= MAX_NUMBERED else 0)
    axes.tick_params(which="both", length=0, labelcolor=colours.ink, labelsize=9)
    if k <= MAX_NAMED:
        axes.set_xticks(range(k), names, rotation=90 if longest * k > 90 else 0, parse_math=False)
        axes.set_yticks(range(k), names, parse_math=False)
    axes.set_xlabel("predicted class", color=colours.ink)
    axes.set_ylabel("true class", color=colours.ink)
    if k <= MAX_NUMBERED:
        _number_cells(axes, counts, share, colours)
    return figure


def _number_cells(axes: Any, counts: HostArray, share: HostArray, theme: Theme) -> None:
    k = len(counts)
    size = 9.0 if k <= 12 else 6.5
    for (i, j), count in np.ndenumerate(counts):
        if count or k <= 4:
            text = f"{count:,}" if k > 4 else f"{count:,}\n{share[i, j]:.1%}"
            # Ink is read on a pale cell, paper on a full one.
            colour = theme.paper if share[i, j] > 0.55 else theme.ink
            axes.text(j, i, text, ha="center", va="center", size=size, color=colour)


def plot_roc(curves: Scored, *, title: str = "", theme: str = "light") -> Any:
    """Draw ROC curves, each named with its area.

    Parameters
    ----------
    curves : mapping of str to (scores, positive)
        For each curve the scores (m,), higher for more likely positive, and which examples are
        positive, bool (m,). Several classes or models make several curves.
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
        Without a curve, for more than 14, where all examples are positive or none is, for an
        unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    _check_curves(curves)
    figure = new_figure((5.6, 5.2), colours, title)
    axes = figure.subplots()
    style_axes(axes, colours)
    axes.plot([0, 1], [0, 1], color=colours.frame, lw=0.8)
    for (name, (scores, positive)), style in zip(curves.items(), _styles(colours), strict=False):
        area = roc_auc(np.asarray(scores), np.asarray(positive, bool))
        if area is None:
            raise DataError(
                f"{name}: expected examples that are positive and others that are not, got "
                f"{len(positive)} of one kind"
            )
        false, true = roc_curve(np.asarray(scores), np.asarray(positive, bool))
        at = np.unique(np.linspace(0, len(false) - 1, DRAWN_POINTS).astype(int))
        label = f"{shown(name, 26)}, area {area:.4f}"
        axes.plot(false[at], true[at], lw=1.6, label=label, clip_on=False, **style)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    add_legend(axes, colours, loc="lower right")
    return figure


def plot_calibration(curves: Scored, *, title: str = "", theme: str = "light") -> Any:
    """Draw how often what was predicted with some probability came true.

    The bars are 95 % intervals; below are the numbers of examples in each bin.

    Parameters
    ----------
    curves : mapping of str to (probabilities, positive)
        For each curve the predicted probabilities (m,) and what came true, bool (m,).
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
        Without a curve or examples, for more than 14 curves, for probabilities beyond 0 and 1, for
        an unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    _check_curves(curves)
    figure = new_figure((5.6, 6.2), colours, title)
    upper, lower = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    for axes in (upper, lower):
        style_axes(axes, colours)
    upper.plot([0, 1], [0, 1], color=colours.frame, lw=0.8)
    for (name, (given, came_true)), style in zip(curves.items(), _styles(colours), strict=False):
        probabilities = np.asarray(given, np.float64)
        if not len(probabilities) or not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise DataError(f"{name}: expected probabilities from 0 to 1, got others or none")
        bins = calibration(probabilities, np.asarray(came_true, bool))
        _draw_calibration(upper, bins, shown(name, 26), style)
        edges, colour = np.linspace(0, 1, 11), style["color"]
        counts = np.histogram(probabilities, edges)[0]
        lower.stairs(counts, edges, color=colour, linestyle=style["linestyle"], lw=1.2)
    margins = {"xlim": (-0.02, 1.02), "ylim": (-0.02, 1.02)}
    upper.set(ylabel="fraction that came true", **margins)
    lower.set(xlabel="predicted probability", ylabel="examples")
    lower.set_yscale("symlog", linthresh=1)
    highest = 10.0 ** np.arange(0, np.log10(lower.get_ylim()[1]) + 1)
    lower.set(ylim=(0, highest[-1]), yticks=[0, *highest[-3::2]])
    lower.yaxis.set_major_formatter("{x:,.0f}")
    add_legend(upper, colours, loc="upper left")
    return figure


def _draw_calibration(axes: Any, bins: Calibration, name: str, style: dict[str, Any]) -> None:
    spread = np.maximum([bins.observed - bins.low, bins.high - bins.observed], 0)
    bars = axes.errorbar(
        bins.predicted, bins.observed, spread, label=name, marker="o", ms=4, lw=1.6, **style
    )
    for bar in bars[2]:
        bar.set(linewidth=0.9, alpha=0.7)


def _check_curves(curves: Scored) -> None:
    if not 1 <= len(curves) <= MAX_CURVES:
        raise DataError(
            f"expected 1 to {MAX_CURVES} curves, got {len(curves)}: more cannot be told apart"
        )


def _styles(theme: Theme) -> list[dict[str, Any]]:
    """Return colour and dashes of one curve after the other."""
    n = len(theme.lines)
    return [{"color": theme.lines[i % n], "linestyle": DASHES[i // n]} for i in range(MAX_CURVES)]


def one_against_rest(
    names: Sequence[Any], scores: HostArray, codes: npt.NDArray[np.integer[Any]]
) -> dict[str, tuple[HostArray, HostArray]]:
    """Return one curve a class: its scores, and which examples are of it.

    Parameters
    ----------
    names : sequence of k labels
        The classes; of multi-label models the labels.
    scores : array of shape (m, k)
        Of each class.
    codes : array of shape (m,), or (m, k) for multi-label
        The true classes, or 0 and 1.

    Returns
    -------
    dict of str to tuple of arrays
        For each class, by its name, its scores (m,) and which examples are of it, bool (m,): what
        `plot_roc` and `plot_calibration` take.
    """
    truth = codes == 1 if codes.ndim == 2 else codes[:, None] == np.arange(len(names))
    return {str(name): (scores[:, k], truth[:, k]) for k, name in enumerate(names)}
