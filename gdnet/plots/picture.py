"""The figure that every ``plot_`` function returns; in a module that may import matplotlib."""

from __future__ import annotations

import io

from matplotlib.figure import Figure  # not pyplot, which keeps figures and opens windows

from gdnet.plots.figure import write_figure


class Picture(Figure):
    """A matplotlib figure that a notebook shows as the last value of a cell."""

    def _repr_png_(self) -> bytes:
        # IPython draws figures itself only after %matplotlib inline, and asks for no PNG then.
        file = io.BytesIO()
        write_figure(self, file, "png")
        return file.getvalue()
