"""Pictures other than that of a training: what is drawn of which numbers, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.builtin import load_builtin
from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.parameters import initialise
from gdnet.plots import (
    Boundary,
    Curve,
    one_against_rest,
    plot_boundary,
    plot_calibration,
    plot_confusion,
    plot_costs,
    plot_hidden,
    plot_roc,
    read_history,
    save_figure,
)
from gdnet.plots.figure import THEMES
from gdnet.scores.metrics import calibration, confusion, roc_auc, roc_curve
from tests.support.pictures import BOTH, texts

pytest.importorskip("matplotlib")


def binary_scores(m: int = 500) -> tuple[Any, Any]:
    random = np.random.RandomState(0)
    positive = random.rand(m) < 0.4
    scores = (random.randn(m) + 1.2 * positive).round(1)  # with ties
    return scores, positive


# --- the numbers ------------------------------------------------------------------------------


def test_roc_curve_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, positive = binary_scores()
    false, true = roc_curve(scores, positive)
    expected_false, expected_true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, expected_false)
    np.testing.assert_allclose(true, expected_true)
    area = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))
    assert area == pytest.approx(roc_auc(scores, positive))


def test_calibration_is_scikit_learns() -> None:
    module = pytest.importorskip("sklearn.calibration")
    random = np.random.RandomState(1)
    probabilities = np.append(random.rand(400) ** 3, [0.0, 1.0])
    positive = random.rand(402) < probabilities
    bins = calibration(probabilities, positive)
    observed, predicted = module.calibration_curve(positive, probabilities, n_bins=10)
    np.testing.assert_allclose(bins.observed, observed)
    np.testing.assert_allclose(bins.predicted, predicted)
    assert bins.examples.sum() == 402
    assert ((bins.low <= observed) & (observed <= bins.high)).all()


def test_calibration_interval_is_wilsons() -> None:
    # Wilson (1927) for 8 of 10: (0.4902, 0.9433).
    bins = calibration(np.full(10, 0.75), np.arange(10) < 8)
    np.testing.assert_allclose([bins.low[0], bins.high[0]], [0.4902, 0.9433], atol=5e-5)


def test_one_curve_a_class() -> None:
    scores = np.arange(6.0).reshape(2, 3)
    curves = one_against_rest(["a", "b", "c"], scores, np.array([2, 0]))
    assert list(curves) == ["a", "b", "c"]
    np.testing.assert_array_equal(curves["c"][0], [2, 5])
    np.testing.assert_array_equal(curves["c"][1], [True, False])
    labels = one_against_rest([0, 1, 2], scores, np.array([[1, 0, 1], [0, 0, 1]]))
    np.testing.assert_array_equal(labels["2"][1], [True, True])


# --- the pictures -----------------------------------------------------------------------------


@BOTH
def test_costs_of_several_runs(theme: str) -> None:
    runs = {
        "fast": Curve(np.geomspace(0.7, 0.1, 50), np.geomspace(0.7, 0.2, 50)),
        "$slow$": Curve(np.geomspace(0.7, 0.4, 30)),
    }
    figure = plot_costs(runs, theme=theme)
    (axes,) = figure.axes
    drawn = {line.get_label(): line for line in axes.lines}
    assert list(drawn) == ["fast 0.1", "fast, validation 0.2", "$slow$ 0.4"]
    fast, validation, slow = drawn.values()
    assert fast.get_color() == validation.get_color() != slow.get_color()
    assert (fast.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    np.testing.assert_array_equal(slow.get_ydata(), runs["$slow$"].costs)
    assert "$slow$ 0.4" in texts(figure)
    assert figure.get_facecolor()[:3] == (
        (1, 1, 1) if theme == "light" else pytest.approx((0x13 / 255, 0x14 / 255, 0x16 / 255))
    )


def test_costs_over_passes() -> None:
    runs = {
        "lbfgs": Curve(np.array([0.7, 0.4, 0.1]), np.array([0.7, 0.5, 0.4]), np.array([2, 5, 6])),
        "gd": Curve(np.geomspace(0.7, 0.4, 30)),
    }
    (axes,) = plot_costs(runs, over="passes").axes
    assert axes.get_xlabel() == "passes over the examples"
    lbfgs, validation, gd = axes.lines
    for line in (lbfgs, validation):
        np.testing.assert_array_equal(line.get_xdata(), [0, 2, 5])
    np.testing.assert_array_equal(gd.get_xdata(), np.arange(30))
    assert axes.get_xlim()[1] >= 29
    (axes,) = plot_costs(runs).axes
    assert axes.get_xlabel() == "iteration"
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0, 1, 2])


def test_every_run_looks_different() -> None:
    most = 2 * len(THEMES["light"].lines)
    runs = {str(i): Curve(np.array([1.0, 0.5 + i]), np.array([1.0, 0.5])) for i in range(most)}
    lines = plot_costs(runs).axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 2 * most
    with pytest.raises(DataError, match=f"1 to {most} runs to draw, got {most + 1}"):
        plot_costs(runs | {"one more": runs["0"]})
    with pytest.raises(DataError, match="got 0"):
        plot_costs({})


@pytest.mark.parametrize(("k", "theme"), [(2, "light"), (10, "dark"), (30, "light"), (100, "dark")])
def test_confusion(k: int, theme: str, tmp_path: Path) -> None:
    random = np.random.RandomState(k)
    truth = random.randint(0, k, 40 * k)
    predicted = np.where(random.rand(len(truth)) < 0.9, truth, (truth + 1) % k)
    counts = confusion(truth, predicted, k)
    names = [f"${c}_" for c in range(k)]
    figure = plot_confusion(counts, names, title="t", theme=theme)
    save_figure(figure, tmp_path / "c.png")
    shade = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shade.sum(axis=1), 1)
    np.testing.assert_allclose(np.diag(shade), np.diag(counts) / counts.sum(axis=1))
    if k <= 20:
        assert f"{counts[1, 1]:,}" in texts(figure)
        assert "$1_" in texts(figure)


def test_confusion_of_other_shapes_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(2, 2\) for 2 classes.*got shape \(3, 3\)"):
        plot_confusion(np.eye(3, dtype=int), ["a", "b"])


def test_a_class_without_examples_is_an_empty_row() -> None:
    shade = plot_confusion(np.array([[0, 0], [1, 3]]), ["a", "b"]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(shade, [[0, 0], [0.25, 0.75]])


@BOTH
def test_roc(theme: str) -> None:
    scores, positive = binary_scores()
    figure = plot_roc({"one": (scores, positive), "other": (-scores, positive)}, theme=theme)
    area = roc_auc(scores, positive)
    assert area is not None
    assert f"one, area {area:.4f}" in texts(figure)
    assert f"other, area {1 - area:.4f}" in texts(figure)
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_xydata(), np.array(roc_curve(scores, positive)).T)


def test_roc_needs_both_kinds() -> None:
    with pytest.raises(DataError, match="a: expected examples that are positive and others"):
        plot_roc({"a": (np.arange(3.0), np.ones(3, bool))})
    with pytest.raises(DataError, match="1 to 14 curves, got 0"):
        plot_roc({})


@BOTH
def test_calibration_picture(theme: str) -> None:
    random = np.random.RandomState(0)
    probabilities = random.rand(2000)
    positive = random.rand(2000) < probabilities
    figure = plot_calibration({"a": (probabilities, positive)}, theme=theme)
    upper, lower = figure.axes
    bins = calibration(probabilities, positive)
    np.testing.assert_allclose(upper.lines[1].get_xydata()[:, 1], bins.observed)
    assert lower.patches[0].get_data().values.sum() == 2000
    for wrong in (probabilities + 1, probabilities[:0], np.full(2000, np.nan)):
        with pytest.raises(DataError, match="probabilities from 0 to 1"):
            plot_calibration({"a": (wrong, positive[: len(wrong)])})


def model_of(n0: int, n1: int, n2: int = 1) -> Model:
    kind, output = ("binary", "sigmoid") if n2 == 1 else ("multiclass", "softmax")
    parameters = initialise(n0, n1, n2, random_state=0)
    return Model(parameters, "tanh", output, kind, tuple(range(max(2, n2))))


@pytest.mark.parametrize(
    ("n0", "n1", "theme"),
    [(64, 10, "light"), (64, 1, "dark"), (16, 100, "light"), (784, 3, "dark")],
)
def test_hidden_units_of_squares_are_images(n0: int, n1: int, theme: str, tmp_path: Path) -> None:
    model, side = model_of(n0, n1, 3), int(n0**0.5)
    figure = plot_hidden(model, theme=theme)
    if n1 <= 10:  # 64 panels take a while
        save_figure(figure, tmp_path / "h.png")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == min(n1, 64)
    order = np.argsort(-np.linalg.norm(model.parameters.W2, axis=0))
    for image, unit in zip(images, order, strict=False):
        expected = model.parameters.W1[unit].reshape(side, side)
        np.testing.assert_array_equal(image.get_array(), expected)
    assert images[0].get_clim() == (-images[0].get_clim()[1], images[0].get_clim()[1])
    assert ("64 of 100 hidden units" in texts(figure)) == (n1 == 100)


@pytest.mark.parametrize(("n0", "theme"), [(1, "light"), (9, "dark"), (30, "light"), (300, "dark")])
def test_hidden_units_of_others_are_rows(n0: int, theme: str, tmp_path: Path) -> None:
    model, scale = model_of(n0, 5), np.arange(1.0, n0 + 1)
    figure = plot_hidden(model, scale=scale, title="weights", theme=theme)
    save_figure(figure, tmp_path / "h.png")
    order = np.argsort(-np.abs(model.parameters.W2[0]))
    drawn = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(drawn, (model.parameters.W1 * scale)[order])
    with pytest.raises(DataError, match=rf"scale: expected shape \({n0},\)"):
        plot_hidden(model, scale=np.ones(n0 + 1))


def test_hidden_units_that_are_all_zero() -> None:
    model = model_of(64, 4)
    zeros = model.parameters._replace(W1=0 * model.parameters.W1)
    plot_hidden(Model(zeros, "tanh", "sigmoid", "binary", (0, 1)))


@BOTH
def test_boundary_alone(theme: str) -> None:
    table = load_builtin("planar", "float64")
    assert table.target is not None
    figure = plot_boundary(Boundary(model_of(2, 4), table.X, table.target), theme=theme)
    assert len(figure.axes[0].collections) >= 2
    with pytest.raises(DataError, match="2 features and exclusive classes, got a binary model of"):
        plot_boundary(Boundary(model_of(3, 4), np.zeros((1, 3)), np.zeros(1, int)))


# --- histories --------------------------------------------------------------------------------


def test_history(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text('{"iteration": 0, "cost": 0.7}\n{"iteration": 1, "cost": 0.5}\n')
    curve = read_history(path)
    assert (curve.costs.tolist(), curve.validation_costs) == ([0.7, 0.5], None)
    # The last line is being written.
    path.write_text('{"cost": 0.7, "validation_cost": null}\n{"cost": 1, "validation_cost": 2}\n{')
    curve = read_history(path)
    assert curve.costs.tolist() == [0.7, 1]
    assert curve.validation_costs is not None
    np.testing.assert_array_equal(curve.validation_costs, [np.nan, 2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "history of at least 1 iteration, got none"),
        (b"not json\n", "line 1: expected an object.*got 'not json'"),
        (b'{"cost": 1}\n{"iteration": 1}\n', "line 2"),
        (b'{"cost": "much"}\n', "line 1"),
        (b"[1]\n", "line 1"),
        (b"[" * 100_000 + b"\n", "line 1"),
        (b'{"cost": 1' + b"0" * 400 + b"}\n", "line 1"),
        (b"\xff\xfe\n", "it is not text"),
    ],
)
def test_what_is_no_history(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_history(path)


def test_an_unknown_theme() -> None:
    with pytest.raises(DataError, match="unknown theme 'sepia': choose light or dark"):
        plot_costs({"a": Curve(np.ones(2))}, theme="sepia")
