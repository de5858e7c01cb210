"""The picture of a training, and files of pictures: what is drawn, where, what is refused."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, descend
from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.plots import Boundary, check_plot_path, plot_training, save_figure
from gdnet.plots.costs import DRAWN_PARTS, decimated
from tests.support.checkout import ROOT

COST_PIXELS, BOTH_PIXELS = (960, 600), (1650, 660)


@pytest.fixture(autouse=True)
def needs_matplotlib() -> None:
    pytest.importorskip("matplotlib")


def run_of(costs: Any, validation_costs: Any = None) -> DescentResult:
    validation = None if validation_costs is None else np.asarray(validation_costs, float)
    start = initialise(2, 3, 1, random_state=0)
    passes = np.arange(1, len(costs) + 1)
    return DescentResult(start, np.asarray(costs, float), 0.0, validation, False, 0.1, passes)


def boundary_of(
    classes: tuple[Any, ...], rows: Any = None, names: tuple[str, ...] | None = None
) -> Boundary:
    k = len(classes)
    kind, output, n2 = ("binary", "sigmoid", 1) if k == 2 else ("multiclass", "softmax", k)
    parameters = initialise(2, 8, n2, random_state=1, init_scale=3.0)
    model = Model(parameters, "tanh", output, kind, classes, names)
    if rows is None:
        rows = np.random.RandomState(2).randn(5 * k, 2)
    return Boundary(model, rows, np.arange(len(rows)) % k)


def draw(path: Path, run: DescentResult, **options: Any) -> None:
    save_figure(plot_training(run, **options), path)


def png_size(path: Path) -> tuple[int, int]:
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[12:16] == b"IHDR"
    assert content[-8:-4] == b"IEND"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def pixels(path: Path) -> Any:
    from matplotlib.image import imread

    return imread(path)[:, :, :3]


# --- what is drawn ----------------------------------------------------------------------------


def test_a_notebook_gets_the_picture_that_is_saved(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    figure = plot_training(run_of([0.7, 0.5, 0.4]), title="日本", theme="dark")
    assert issubclass(type(figure), Figure)
    content = figure._repr_png_()
    (tmp_path / "shown.png").write_bytes(content)
    assert png_size(tmp_path / "shown.png") == COST_PIXELS
    save_figure(figure, tmp_path / "saved.png")
    assert content == (tmp_path / "saved.png").read_bytes()
    again = pickle.loads(pickle.dumps(figure))
    assert again._repr_png_() == content


def test_the_lab_with_its_boundary(planar: Any, tmp_path: Path) -> None:
    X, Y = planar
    gradient = FullBatch(ArraySource(X, Y), get_backend("cpu"), n1=4, dtype="float64")
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    run = descend(gradient, start, learning_rate=1.2, iterations=2000)
    model = Model(run.parameters, "tanh", "sigmoid", "binary", (0, 1))
    path = tmp_path / "lab.png"
    draw(path, run, title="planar", boundary=Boundary(model, X.T, Y[0]))
    assert png_size(path) == BOTH_PIXELS
    panel = pixels(path)[:, BOTH_PIXELS[0] // 2 :]
    red, blue = panel[..., 0], panel[..., 2]
    # The regions of both classes, one bluish and one reddish, cover about the same area.
    bluish, reddish = (blue - red > 0.1).mean(), (red - blue > 0.1).mean()
    assert 0.2 < bluish < 0.6
    assert 0.2 < reddish < 0.6


@pytest.mark.parametrize(
    ("costs", "validation_costs"),
    [
        ([0.69], None),
        ([0.69], [0.7]),
        ([0.69, 0.5], [0.7, 0.6]),
        ([0.6931471805] * 50, None),
        ([0.0] * 30, [0.0] * 30),
        ([0.5, 0.0, 0.0], [0.5, 0.4, 0.3]),
        (np.geomspace(1, 1e-6, 500), np.geomspace(1, 1e-3, 500)),
        ([0.6, 0.5, 1e300, 0.4, 5e-324], None),
        ([0.6, 5e-324], None),
        ([0.6, 0.5, 0.4], [0.6, np.inf, np.nan]),
        ([0.6, 0.5, 0.4], [np.nan] * 3),
        (np.linspace(0.7, 0.2, 200_000), np.linspace(0.7, 0.21, 200_000)),
    ],
)
def test_any_costs(costs: Any, validation_costs: Any, tmp_path: Path) -> None:
    path = tmp_path / "cost.png"
    draw(path, run_of(costs, validation_costs), title="costs")
    assert png_size(path) == COST_PIXELS


@pytest.mark.parametrize("count", [2, 3, 10, 100])
def test_any_number_of_classes(count: int, tmp_path: Path) -> None:
    path = tmp_path / "classes.png"
    draw(path, run_of([1, 0.5]), title="", boundary=boundary_of(tuple(range(count))))
    assert png_size(path) == BOTH_PIXELS


def test_names_that_are_no_plain_words(tmp_path: Path) -> None:
    names = ("$x_$", "a\tb\x00 \ud800" + 100 * "y")
    boundary = boundary_of(("_a", "$\\frac$", "日本", "-->" * 20), names=names)
    path = tmp_path / "names.SVG"
    draw(path, run_of([1, 0.5]), title="/data/$_$" * 50, boundary=boundary)
    assert ET.parse(path).getroot().tag.endswith("svg")
    assert "_a" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [0.0, 3.0, -1e9])
def test_a_feature_of_one_value(value: float, tmp_path: Path) -> None:
    rows = np.column_stack([np.full(6, value), np.arange(6.0)])
    path = tmp_path / "flat.png"
    draw(path, run_of([1, 0.5]), title="", boundary=boundary_of(("no", "yes"), rows))
    assert png_size(path) == BOTH_PIXELS


def test_no_boundary_for_other_models(tmp_path: Path) -> None:
    path = tmp_path / "cost.png"
    wide = Model(initialise(3, 4, 1, random_state=0), "tanh", "sigmoid", "binary", (0, 1))
    labels = Model(initialise(2, 4, 3, random_state=0), "tanh", "sigmoid", "multilabel", None)
    for model in (wide, labels):
        boundary = Boundary(model, np.zeros((4, model.shape[0])), np.zeros(4, int))
        draw(path, run_of([1, 0.5]), title="", boundary=boundary)
        assert png_size(path) == COST_PIXELS


def test_decimation_keeps_the_extremes_and_the_ends() -> None:
    random = np.random.RandomState(0)
    costs = np.exp(-np.arange(1_000_000) / 2e5) + 0.01 * random.rand(1_000_000)
    spikes = random.choice(1_000_000, 20, replace=False)
    costs[spikes] += 5
    dip = (spikes[0] + 500_000) % 1_000_000
    costs[dip], costs[123_456] = -1, np.nan
    at = decimated(costs)
    assert len(at) <= 2 * DRAWN_PARTS + 2
    assert (np.diff(at) > 0).all()
    assert {0, 999_999, int(dip), int(costs[np.isfinite(costs)].argmax())} <= set(at.tolist())
    # Each spike is drawn as high as it is, or beside a higher one of the same column.
    kept = np.isin(spikes, at)
    assert kept.sum() >= 19
    assert 123_456 not in at
    np.testing.assert_array_equal(decimated(costs[:2000]), np.arange(2000))


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "magic"), [("a.pdf", b"%PDF"), ("a.jpg", b"\xff\xd8"), ("a.svg", b"<?xml")]
)
def test_other_formats(name: str, magic: bytes, tmp_path: Path) -> None:
    draw(tmp_path / name, run_of([1, 0.5]), title="x")
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_file_is_kept_when_drawing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    path = tmp_path / "cost.png"
    path.write_bytes(b"old")
    check_plot_path(path)
    assert path.read_bytes() == b"old"
    savefig = Figure.savefig

    def savefig_on_a_full_disk(self: Any, file: Any, **options: Any) -> None:
        savefig(self, file, **options)
        if not isinstance(file, io.BytesIO):  # where the check writes to
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", savefig_on_a_full_disk)
    with pytest.raises(OSError, match="No space left"):
        draw(path, run_of([1, 0.5]), title="x")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["cost.png"]


@pytest.mark.parametrize("name", ["cost.xyz", "cost", ".png", "cost.txt"])
def test_an_extension_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    refusal = r"not supported .*pdf.*png.*svg"
    with pytest.raises(DataError, match=refusal):
        check_plot_path(tmp_path / name)
    with pytest.raises(DataError, match=refusal):
        draw(tmp_path / name, run_of([1]), title="x")
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        check_plot_path(tmp_path / "nowhere" / "cost.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        check_plot_path(tmp_path / "folder.png")
    check_plot_path(tmp_path / "cost.PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.png"]


def test_a_run_without_iterations_is_refused() -> None:
    with pytest.raises(DataError, match="at least 1 iteration"):
        plot_training(run_of([]))


def test_a_missing_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "gdnet.plots.picture", raising=False)
    with pytest.raises(DataError, match=r"pip install matplotlib"):
        check_plot_path(tmp_path / "cost.png")


def test_nothing_global_changes(tmp_path: Path) -> None:
    code = f"""
import sys, warnings
import gdnet.plots
assert "matplotlib" not in sys.modules
import matplotlib
from tests.plots.test_training import boundary_of, run_of
# Not dict(rcParams): asking it for the backend imports pyplot.
before, filters = dict(dict.items(matplotlib.rcParams)), list(warnings.filters)
figure = gdnet.plots.plot_training(run_of([1, .5]), boundary=boundary_of(("a", "b", "c")))
gdnet.plots.save_figure(figure, {str(tmp_path / "a.png")!r})
assert "matplotlib.pyplot" not in sys.modules
assert dict(dict.items(matplotlib.rcParams)) == before
assert warnings.filters == filters
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert png_size(tmp_path / "a.png") == BOTH_PIXELS
