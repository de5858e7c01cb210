"""What every picture has in common: paper, ink, colours, and how it gets into a file."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdnet.atomic import check_writable, replacing
from gdnet.errors import DataError


@dataclass(frozen=True)
class Theme:
    """The colours of a picture.

    Attributes
    ----------
    paper, ink, frame : str
        The colours of the background, of text, and of axes, such as ``"#ffffff"``.
    lines : tuple of str
        Colours of curves, in the order in which they are taken: each stands out from the paper.
    classes : tuple of str
        Colours of areas and points. Their number is coprime to that of the markers: 88 classes
        differ, and those of one colour or of one grey differ in shape.

    References
    ----------
    Okabe and Ito (2008), Color universal design (CUD), for seven of the colours.
    """

    paper: str
    ink: str
    frame: str
    lines: tuple[str, ...]
    classes: tuple[str, ...]


# Okabe and Ito's palette, and a grey.
_BLUE, _VERMILION, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
_ORANGE, _SKY, _YELLOW = "#E69F00", "#56B4E9", "#F0E442"
THEMES = {
    "light": Theme(
        "#ffffff",
        "#333333",
        "#999999",
        (_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY, "#555555"),
        (_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY, _YELLOW, "#555555"),
    ),
    "dark": Theme(
        "#131416",
        "#dddddd",
        "#777777",
        (_SKY, _ORANGE, _GREEN, _PURPLE, _YELLOW, _VERMILION, "#bbbbbb"),
        (_SKY, _ORANGE, _GREEN, _PURPLE, _VERMILION, _BLUE, _YELLOW, "#bbbbbb"),
    ),
}


def theme_of(name: str) -> Theme:
    """Return the theme of that name.

    Parameters
    ----------
    name : {"light", "dark"}
        The name.

    Returns
    -------
    Theme
        Its colours.

    Raises
    ------
    DataError
        For anything but ``"light"`` and ``"dark"``.
    """
    if name not in THEMES:
        raise DataError(f"unknown theme {name!r}: choose {' or '.join(THEMES)}")
    return THEMES[name]


def new_figure(size: tuple[float, float], theme: Theme, title: str = "") -> Any:
    """Return an empty figure.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.
    theme : Theme
        The colours.
    title : str
        Stands at the upper left, on up to two lines.

    Returns
    -------
    matplotlib.figure.Figure
        Without axes; no window shows it.

    Raises
    ------
    DataError
        If matplotlib is not installed.
    """
    try:
        from gdnet.plots.picture import DPI, Picture
    except ImportError:
        raise DataError("drawing needs matplotlib: pip install matplotlib") from None
    figure = Picture(size, dpi=DPI, layout="constrained", facecolor=theme.paper)
    if title:
        width = round(10.8 * size[0])  # letters of that size on a line
        lines = textwrap.wrap(shown(title, 2 * width), width, max_lines=2, placeholder=" …")
        style = {"ha": "left", "size": 11, "color": theme.ink, "parse_math": False}
        figure.suptitle("\n".join(lines), x=0.01, **style)
    return figure


def style_axes(axes: Any, theme: Theme) -> None:
    """Give axes the look of every picture: quiet, and open at the top and the right.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        What is changed.
    theme : Theme
        The colours.
    """
    axes.set_facecolor(theme.paper)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=theme.frame, linewidth=0.8)
    axes.tick_params(which="both", color=theme.frame, labelcolor=theme.ink, labelsize=9, width=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=theme.ink, parse_math=False)


def add_legend(axes: Any, theme: Theme, **options: Any) -> Any:
    """Add a legend of the labelled lines.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where the lines are.
    theme : Theme
        The colours.
    **options : object
        Of ``axes.legend``, such as ``loc``.

    Returns
    -------
    matplotlib.legend.Legend
        The legend.
    """
    style = {"facecolor": theme.paper, "edgecolor": "none", "labelcolor": theme.ink, "fontsize": 9}
    legend = axes.legend(**(style | options))
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend


def colour_map(*colours: str) -> Any:
    """Return a colour map from the first of the colours over ... to the last.

    Parameters
    ----------
    *colours : str
        Two or more, as matplotlib takes them.

    Returns
    -------
    matplotlib.colors.LinearSegmentedColormap
        The map, of 256 steps.
    """
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("gdnet", colours)


def check_plot_path(path: str | Path) -> None:
    """Check, before a long training, that matplotlib can write such a file there.

    Parameters
    ----------
    path : str or Path
        The file; its extension says in which format.

    Raises
    ------
    DataError
        If matplotlib is not installed or does not write this format, or the file cannot be written
        there.
    """
    figure = new_figure((1, 1), THEMES["light"]).text(0.5, 0.5, "x").figure
    try:
        # Trying finds more than asking: some formats need LaTeX, or a codec in Pillow.
        figure.savefig(io.BytesIO(), format=Path(path).suffix[1:])
    except Exception as error:
        raise DataError(f"{path}: expected a name such as cost.png; matplotlib: {error}") from None
    check_writable(path)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure; an existing file is replaced in one step.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What a ``plot_`` function returned.
    path : str or Path
        What to write; its extension says in which format.

    Raises
    ------
    DataError
        If matplotlib cannot write such a file, or not there.
    """
    check_plot_path(path)
    from gdnet.plots.picture import write_figure

    with replacing(path) as file:
        write_figure(figure, file, Path(path).suffix[1:])


def shown(name: object, width: int) -> str:
    """Return a name on one line, cut to fit, without what an SVG file cannot hold.

    Parameters
    ----------
    name : object
        Its ``str`` is shown.
    width : int
        The most characters, at least 1.

    Returns
    -------
    str
        Ends with ``…`` if it was cut.
    """
    line = "".join(c if c.isprintable() else " " for c in str(name))
    return line if len(line) <= width else line[: width - 1] + "…"
