"""Pictures of trainings, models and measurements, as matplotlib figures.

Every ``plot_`` function returns a `matplotlib.figure.Figure`; `save_figure` writes one to a file.
Nothing here imports matplotlib before the first picture, or pyplot at all. The colours are those
of Okabe and Ito, which the colour-blind can tell apart, for light paper and for dark.
"""

from __future__ import annotations

from gdnet.plots.boundary import Boundary, plot_boundary
from gdnet.plots.costs import plot_costs
from gdnet.plots.crossover import Timing, plot_crossover, read_timings
from gdnet.plots.curves import Curve, read_history
from gdnet.plots.figure import check_plot_path, save_figure
from gdnet.plots.hidden import plot_hidden
from gdnet.plots.importance import plot_importance
from gdnet.plots.regression import plot_predicted, plot_residuals
from gdnet.plots.scores import one_against_rest, plot_calibration, plot_confusion, plot_roc
from gdnet.plots.training import plot_training

__all__ = [
    "Boundary",
    "Curve",
    "Timing",
    "check_plot_path",
    "one_against_rest",
    "plot_boundary",
    "plot_calibration",
    "plot_confusion",
    "plot_costs",
    "plot_crossover",
    "plot_hidden",
    "plot_importance",
    "plot_predicted",
    "plot_residuals",
    "plot_roc",
    "plot_training",
    "read_history",
    "read_timings",
    "save_figure",
]
