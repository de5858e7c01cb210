"""Pictures of predicted numbers: what is drawn, how many examples, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.plots import plot_predicted, plot_residuals, save_figure
from gdnet.plots.figure import THEMES
from gdnet.plots.regression import MAX_DOTS
from tests.support.pictures import texts

pytest.importorskip("matplotlib")

PICTURES = pytest.mark.parametrize("plot", [plot_predicted, plot_residuals])
BOTH = pytest.mark.parametrize("theme", THEMES)


def numbers(m: int = 300, place: float = 50.0) -> tuple[Any, Any]:
    random = np.random.RandomState(0)
    observed = place + random.randn(m) * 10
    return observed, observed + random.randn(m) * 3


@BOTH
def test_predicted_over_observed(theme: str) -> None:
    observed, predicted = numbers()
    figure = plot_predicted({"price": (observed, predicted)}, title="houses", theme=theme)
    (axes,) = figure.axes
    (dots,) = axes.collections
    np.testing.assert_array_equal(dots.get_offsets(), np.column_stack([observed, predicted]))
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[0] < min(observed.min(), predicted.min())
    (diagonal,) = axes.lines
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    rmse = np.sqrt(((predicted - observed) ** 2).mean())
    r2 = 1 - rmse**2 / observed.var()
    said = texts(figure)
    for text in ("houses", "observed price", f"RMSE {rmse:.4g}", f"R² {r2:.3f}"):
        assert text in said


@BOTH
def test_residuals_over_predicted(theme: str) -> None:
    observed, predicted = numbers()
    figure = plot_residuals({"price": (observed, predicted)}, theme=theme)
    axes = figure.axes[0]
    (dots,) = axes.collections
    left = np.column_stack([predicted, observed - predicted])
    np.testing.assert_array_equal(dots.get_offsets(), left)
    assert axes.get_ylim()[0] == -axes.get_ylim()[1]
    (histogram,) = axes.child_axes
    (bars,) = histogram.patches
    assert bars.get_data().values.sum() == len(observed)
    assert "predicted price" in texts(figure)


@PICTURES
def test_many_examples_are_shown_as_a_shade(plot: Any) -> None:
    observed, predicted = numbers(MAX_DOTS + 1)
    axes = plot({"": (observed, predicted)}).axes[0]
    (shade,) = axes.collections
    assert shade.get_array().sum() == MAX_DOTS + 1


@PICTURES
@pytest.mark.parametrize("count", [2, 3, pytest.param(5, marks=pytest.mark.slow), 12])
def test_each_target_has_a_panel(plot: Any, count: int, tmp_path: Path) -> None:
    targets = {f"target {k}": numbers(40, 10.0**k) for k in range(count)}
    figure = plot(targets)
    assert sum(axes.axison for axes in figure.axes) == count
    for name in targets:
        assert name in texts(figure)
    save_figure(figure, tmp_path / "p.svg")


@PICTURES
@pytest.mark.parametrize("value", [0.0, 7.0, 1e9])
def test_numbers_that_are_all_equal(plot: Any, value: float, tmp_path: Path) -> None:
    same = np.full(5, value)
    figure = plot({"": (same, same)})
    assert "R²" not in texts(figure)
    save_figure(figure, tmp_path / "p.png")
    save_figure(plot({"one": (same[:1], same[:1] + 1)}), tmp_path / "p.png")


@PICTURES
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "expected 1 to 12 targets, got 0"),
        ({str(k): numbers(5) for k in range(13)}, "expected 1 to 12 targets, got 13"),
        ({"y": (np.ones(3), np.ones(2))}, "y: expected as many predicted numbers as observed ones"),
        ({"y": (np.ones(0), np.ones(0))}, "and at least 1, got 0 and 0"),
        ({"y": (np.ones(3), np.array([1, 2, np.nan]))}, "y: expected finite numbers"),
    ],
)
def test_what_cannot_be_drawn(plot: Any, targets: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        plot(targets)


@PICTURES
def test_names_that_are_no_plain_words(plot: Any, tmp_path: Path) -> None:
    figure = plot({"$x_1$ \x00 long " * 20: numbers(20)}, title="$\\frac{")
    save_figure(figure, tmp_path / "p.svg")
