"""The figure that every ``plot_`` function returns; in a module that may import matplotlib."""

from __future__ import annotations

import io
import warnings
from typing import Any, BinaryIO

from matplotlib.figure import Figure  # not pyplot, which keeps figures and opens windows

DPI = 150


def write_figure(figure: Any, file: BinaryIO, form: str) -> None:
    """Write a figure in a format of matplotlib's, such as "png"."""
    with warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, which is not a mistake of the user's.
        warnings.simplefilter("ignore", UserWarning)
        # As it was drawn, whatever matplotlibrc says of saved figures.
        figure.savefig(file, format=form, dpi=DPI, facecolor=figure.get_facecolor())


class Picture(Figure):
    """A matplotlib figure that a notebook shows as the last value of a cell."""

    def _repr_png_(self) -> bytes:
        # IPython draws figures itself only after %matplotlib inline, and asks for no PNG then.
        file = io.BytesIO()
        write_figure(self, file, "png")
        return file.getvalue()
