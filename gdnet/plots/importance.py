"""How much each column matters: bars of what shuffling it costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.errors import DataError
from gdnet.plots.figure import new_figure, shown, style_axes, theme_of
from gdnet.scores.importance import Importance

MAX_BARS = 40


def plot_importance(
    importance: Importance, *, score: str, title: str = "", theme: str = "light"
) -> Any:
    """Draw what shuffling each column costs, the most important first.

    Parameters
    ----------
    importance : Importance
        What `gdnet.scores.importance.column_importance` returns. Of many columns the first are
        drawn.
    score : str
        How the score is called.
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
        Without a column, for an unknown theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    if not importance.names:
        raise DataError("expected at least 1 column, got none")
    order = np.argsort(-importance.mean, kind="stable")[:MAX_BARS]
    if len(order) < len(importance.names):
        title = f"{title} ({len(order)} of {len(importance.names)} columns)".strip()
    figure = new_figure((6.4, 1.3 + 0.26 * len(order)), colours, title)
    axes = figure.subplots()
    style_axes(axes, colours)
    axes.barh(
        range(len(order)),
        importance.mean[order],
        xerr=importance.deviation[order],
        color=colours.lines[0],
        error_kw={"ecolor": colours.ink, "elinewidth": 1},
        height=0.7,
    )
    axes.axvline(0, color=colours.frame, lw=0.8)
    names = [shown(importance.names[k], 32) for k in order]
    axes.set_yticks(range(len(order)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"fall of the {score} of {importance.score:.4g} where the column is shuffled\n"
        f"{importance.rows:,} rows, {importance.repeats} times, seed {importance.seed}; "
        "mean and standard deviation",
        color=colours.ink,
        size=9,
    )
    return figure
