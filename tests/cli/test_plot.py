"""``gdnet plot``: a file for each picture, and no other file touched."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import gdnet, here, snapshot, train

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained models and histories; every test leaves them as they are."""
    folder = tmp_path_factory.mktemp("models")
    for hidden in (4, 6):
        history = ["--history", f"h{hidden}.jsonl", "--validation", 0.2]
        train(folder, "planar", "--hidden", hidden, "--iterations", 40, *history, out="planar")
    train(folder, "digits", "--iterations", 20, out="digits")
    random = np.random.RandomState(0)
    np.savez(folder / "labels.npz", X=random.randn(60, 3), y=random.randint(0, 2, (60, 3)))
    train(folder, "labels.npz", "--iterations", 5, out="labels")
    bench = ["--devices", "cpu", "--m", "100,200", "--rounds", 1, "--json", "t.json", "--quiet"]
    assert here("bench", *bench, cwd=folder).code == 0
    return folder


@pytest.mark.parametrize(
    "picture",
    [
        ["costs", "h4.jsonl", "h6.jsonl"],
        ["boundary", "planar", "planar"],
        ["confusion", "planar", "planar"],
        ["confusion", "digits", "digits"],
        ["roc", "planar", "planar"],
        ["roc", "digits", "digits"],
        ["roc", "labels", "labels.npz"],
        ["calibration", "planar", "planar"],
        ["calibration", "digits", "digits"],
        ["calibration", "labels", "labels.npz"],
        ["hidden", "digits"],
        ["hidden", "planar", "planar"],
        ["crossover", "t.json"],
    ],
    ids=" ".join,
)
def test_each_picture(models: Path, tmp_path: Path, picture: list[str]) -> None:
    before = snapshot(models)
    out = tmp_path / "picture.svg"
    quiet = [] if picture[0] in ("costs", "hidden", "crossover") else ["--quiet"]
    done = here("plot", *picture, "--out", out, "--title", "<here>", *quiet, cwd=models)
    assert (done.code, done.err, done.out) == (0, "", f"{out}\n")
    assert "<svg" in out.read_text()
    assert snapshot(models) == before


def test_default_name_and_dark_paper(models: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    for theme, brightness in (("light", 1.0), ("dark", 0x13 / 255)):
        history = models / "h4.jsonl"
        done = here("plot", "costs", history, "--theme", theme, cwd=tmp_path)
        assert (done.code, done.out) == (0, "costs.png\n")
        assert imread(tmp_path / "costs.png")[0, 0, 0] == pytest.approx(brightness)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["costs", "none.jsonl"], "cannot be read"),
        (["costs", "planar"], "it is not text"),
        (["costs", "h4.jsonl", "--out", "h4.jsonl"], "expected a name such as"),
        (["hidden", "planar", "--out", "planar.txt"], "expected a name such as"),
        (["boundary", "digits", "digits"], "got a multiclass model of 64"),
        (["confusion", "labels", "labels.npz"], "exclusive classes, got multi-label"),
        (["roc", "planar", "digits"], "the model takes 2 features, got 64"),
        (["crossover", "h4.jsonl"], "gdnet bench --json"),
        (["crossover", "t.json", "--network", "1-1-1"], "of 1-1-1, got those of 28-128-1"),
    ],
)
def test_mistakes(models: Path, arguments: list[str], message: str) -> None:
    before = snapshot(models)
    done = here("plot", *arguments, cwd=models)
    assert done.code == 2
    assert message in done.err
    assert snapshot(models) == before


@pytest.mark.parametrize("arguments", [["nothing"], ["costs", "h4.jsonl", "--theme", "sepia"]])
def test_a_choice_that_is_not_there(models: Path, arguments: list[str]) -> None:
    done = gdnet("plot", *arguments, cwd=models)
    assert done.code == 2
    assert "invalid choice" in done.err


def test_a_picture_does_not_replace_what_it_is_made_of(models: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.png"
    history.write_bytes((models / "h4.jsonl").read_bytes())
    done = here("plot", "costs", history, "--out", history, cwd=tmp_path)
    assert done.code == 2
    assert "file of its own for the picture" in done.err
    assert history.read_bytes() == (models / "h4.jsonl").read_bytes()


def test_a_missing_matplotlib(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "gdnet.plots.picture", raising=False)
    done = here("plot", "hidden", "planar", cwd=models)
    assert done.code == 2
    assert "pip install matplotlib" in done.err
