"""The models that every runtime runs: all kinds, types of classes and activations."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.cli.main import main
from gdnet.data.builtin import load_builtin
from gdnet.errors import DataError
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.model.file import load_model
from gdnet.model.model import Model

Rows = np.ndarray[Any, Any]
ROWS = 500


class Case(NamedTuple):
    """A model, and rows to predict."""

    name: str
    model: Model
    X: Rows


def cases(folder: Path) -> list[Case]:
    """Train the 14 models, of raw features in float32; their files are left in `folder`."""
    X, diagnosis = _builtin("breast_cancer")
    made: list[tuple[str, Rows, Rows, str]] = [
        (f"text, {activation}", X, diagnosis, activation) for activation in ACTIVATIONS
    ]
    digits = _builtin("digits")
    made += [
        ("numbers 0 and 1", X, (diagnosis == "malignant").astype(int), "tanh"),
        ("ten classes", *digits, "tanh"),
        ("three classes, text", *_three(np.array(["low", "müd", "high"])), "tanh"),
        ("three classes, numbers", *_three(np.array([3, 7, 11])), "tanh"),
        ("several labels", *_several(), "tanh"),
        ("mean 1e6, deviation 1", *_large_mean(), "tanh"),
    ]
    return [
        Case(name, _trained(folder / f"{k}", rows, target, activation), rows[:ROWS])
        for k, (name, rows, target, activation) in enumerate(made)
    ]


def train(data: str, out: Path, *words: str) -> Model:
    """Train a model by the command line, and say nothing."""
    with redirect_stdout(io.StringIO()):
        code = main(["train", data, *words, "--device", "cpu", "--out", str(out), "--quiet"])
    if code != 0:
        raise DataError(f"{data}: expected a training that ends well, got exit code {code}")
    return load_model(out)


def _trained(path: Path, X: Rows, y: Rows, activation: str) -> Model:
    data = path.with_suffix(".npz")
    np.savez(data, X=X, y=y)
    words = ("--hidden", "16", "--iterations", "300", "--activation", activation)
    return train(str(data), path.with_suffix(".model"), *words)


def _builtin(name: str) -> tuple[Rows, Rows]:
    table = load_builtin(name, "float32")
    assert table.target is not None
    return np.array(table.X[:]), np.array(table.target)


def _normal(m: int = 1500) -> Rows:
    rows: Rows = np.random.RandomState(5).randn(m, 6)
    return rows


def _raw(z: Rows) -> Rows:
    raw: Rows = (z * [1, 3, 500, 1e-3, 1, 2] + [10, -1, 2e4, 7, 0, 100]).astype(np.float32)
    return raw


def _three(names: Rows) -> tuple[Rows, Rows]:
    z = _normal()
    return _raw(z), names[(z[:, 0] + z[:, 1] > -0.5).astype(int) + (z[:, 2] > 0.5)]


def _several() -> tuple[Rows, Rows]:
    z = _normal()
    return _raw(z), (z[:, :4] + z[:, 1:5] > 0).astype(int)


def _large_mean() -> tuple[Rows, Rows]:
    z = _normal()
    return (z + 1e6).astype(np.float32), np.where(z[:, 0] * z[:, 1] > 0, "same", "other")


#: What else is asked of a runtime, by the name of the file with the rows.
QUESTIONS: dict[str, Callable[[Rows], Rows]] = {
    "one": lambda X: X[:1],
    "none": lambda X: X[:0],
    "nan": lambda X: np.where(np.arange(X.shape[1]) == 1, np.nan, X[:2]).astype(np.float32),
}
