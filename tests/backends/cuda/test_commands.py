"""Every way to train, by the command line and the estimators, on a made-up GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet import GDClassifier, GDRegressor
from gdnet.model.file import load_model
from tests.standins import emulation
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.command import here

pytestmark = pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")

SOLVERS = {
    "gd": (),
    "momentum": ("--momentum", "0.9"),
    "nesterov": ("--momentum", "0.9", "--nesterov"),
    "lbfgs": ("--solver", "lbfgs"),
}


@pytest.fixture(autouse=True)
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the stand-in in the place of CuPy."""
    made = make_fake_cupy()
    monkeypatch.setitem(sys.modules, "cupy", made)
    yield made
    assert made.trace.hazards == []


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows of two classes, of three, and of a number to be predicted."""
    folder = tmp_path_factory.mktemp("tables")
    random = np.random.RandomState(5)
    X = random.randn(240, 3).astype(np.float32)
    score = X[:, 0] - 0.5 * X[:, 1] ** 2
    np.savez(folder / "two.npz", X=X, y=(score > -0.4).astype(np.uint8))
    np.savez(folder / "three.npz", X=X, y=np.digitize(score, [-0.8, 0.2]))
    np.savez(folder / "number.npz", X=X, y=(7 + 3 * score).astype(np.float64))
    return folder


def train(tables: Path, name: str, out: Path, *options: str) -> dict[str, Any]:
    task = ("--task", "regression") if name == "number" else ()
    done = here(
        "train", f"{name}.npz", "--out", str(out), "--hidden", "6", "--quiet", "--json",
        *task, *options, cwd=tables,
    )  # fmt: skip
    assert done.code == 0, done.err
    return done.json


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("name", "engine"),
    [("two", "fused"), ("two", "cublas_fused"), ("three", "auto"), ("number", "fused"),
     ("number", "auto"), ("three", "reference")],
)  # fmt: skip
def test_every_solver_trains_evaluates_and_predicts(
    tables: Path, tmp_path: Path, name: str, engine: str, solver: str
) -> None:
    options = ("--iterations", "25", "--dtype", "float32", *SOLVERS[solver])
    found = {
        device: train(
            tables, name, tmp_path / device, "--device", device, "--engine", kernel, *options
        )
        for device, kernel in (("cpu", "reference"), ("cuda", engine))
    }
    # Another rounding, and so another last digit; the solver takes the same way.
    assert found["cuda"]["cost"] == pytest.approx(found["cpu"]["cost"], rel=1e-3)
    assert found["cuda"]["iterations"] == found["cpu"]["iterations"]
    scores = [
        here("evaluate", str(tmp_path / device), f"{name}.npz", "--device", device, "--json",
             "--quiet", cwd=tables).json
        for device in ("cpu", "cuda")
    ]  # fmt: skip
    for measure, value in scores[0].items():
        if isinstance(value, float):
            assert scores[1][measure] == pytest.approx(value, rel=0.02, abs=0.02), measure
    done = here(
        "predict", str(tmp_path / "cuda"), f"{name}.npz", "--device", "cuda", "--out",
        str(tmp_path / "p.csv"), "--quiet", cwd=tables,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 241


@pytest.mark.parametrize("solver", ["nesterov", "lbfgs"])
@pytest.mark.parametrize(("name", "engine"), [("two", "fused"), ("three", "auto")])
def test_early_stopping_and_a_checkpoint(
    tables: Path, tmp_path: Path, name: str, engine: str, solver: str
) -> None:
    options = (
        "--device", "cuda", "--engine", engine, "--validation", "0.25", "--early-stopping",
        "--patience", "5", "--l2", "0.1", "--class-weight", "balanced", *SOLVERS[solver],
    )  # fmt: skip
    whole = train(tables, name, tmp_path / "whole", *options, "--iterations", "80")
    at = ("--checkpoint", str(tmp_path / "run"))
    train(tables, name, tmp_path / "part", *options, *at, "--iterations", "4")
    resumed = train(
        tables, name, tmp_path / "resumed", *options, *at, "--resume", "--iterations", "80"
    )
    for key in ("iterations", "cost", "kept_iteration"):
        assert resumed[key] == whole[key]
    models = [load_model(tmp_path / each).parameters for each in ("whole", "resumed")]
    for ours, theirs in zip(*models, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_the_estimators(tables: Path, solver: str) -> None:
    settings: dict[str, Any] = {"n_hidden": 6, "solver": solver, "device": "cuda", "tol": 0}
    for name, estimator in (("three", GDClassifier), ("number", GDRegressor)):
        with np.load(tables / f"{name}.npz") as data:
            X, y = data["X"], data["y"]
        assert estimator(**settings, max_iter=60, random_state=0).fit(X, y).score(X, y) > 0.5
