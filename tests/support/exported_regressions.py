"""Models that predict numbers, to be exported, and how close an export has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gdnet.backends import get_backend
from gdnet.export.onnx.runtimes import RUNTIMES, Run, Runtime
from gdnet.model.model import Model
from gdnet.model.prediction import predict_outputs
from gdnet.parameters import Parameters, initialise
from tests.support.exported_models import Rows

MEAN = (1e6, -5.0, 0.0, 7.0, -1e6)
TARGETS = [1, 3]


def model_of(
    n2: int = 1,
    activation: str = "tanh",
    *,
    target_mean: float = 0.3,
    target_deviation: float = 1.0,
    n1: int = 7,
) -> Model:
    """A model in float64 of raw features and targets, as a training with standardising gives it."""
    W1, b1, W2, b2 = initialise(5, n1, n2, random_state=4, init_scale=1.5)
    b1 = b1 + np.linspace(-1, 1, n1).reshape(-1, 1) - W1 @ np.array(MEAN).reshape(-1, 1)
    # Where float32 cannot hold it: 1e6 + 0.03 is half a step from 1e6.
    b2 = b2 + target_mean + np.linspace(0.03, 0.01, n2).reshape(-1, 1)
    names, seen = tuple("abcde"), {"dtype": "float32"}
    return Model(
        Parameters(W1, b1, target_deviation * W2, b2),
        *(activation, "identity", "regression", None, names, "price"),
        mean=MEAN,
        settings=seen,
    )


def in_float32(model: Model) -> Model:
    """The network of `model` in float32, for features of mean 0."""
    b1 = model.parameters.b1 + model.parameters.W1 @ np.array(MEAN).reshape(-1, 1)
    parameters = model.parameters._replace(b1=b1)
    return replace(
        model, parameters=Parameters(*(p.astype(np.float32) for p in parameters)), mean=None
    )


def rows(m: int = 300, mean: tuple[float, ...] = MEAN) -> Rows:
    return (2 * np.random.RandomState(m).randn(m, 5) + mean).astype(np.float32)


def predicted(model: Model, X: Rows) -> Rows:
    A2: Rows = predict_outputs(model, X, get_backend("cpu")).A2
    return A2


def assert_close(prediction: Rows, expected: Rows) -> None:
    """Raise where they differ by more than 1e-6 of the largest, of targets of mean 0."""
    np.testing.assert_allclose(prediction, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def bound(model: Model, X: Rows, largest: float = 1.0) -> Rows:
    """Return what docs/onnx.md states: half a step of float32, and 1e-6 of what is summed.

    `largest` is that of A1.
    """
    step = np.spacing(np.abs(predicted(model, X)).astype(np.float32))
    summed = np.abs(model.parameters.W2).sum(axis=1)
    most: Rows = step / 2 + 1e-6 * largest * summed
    return most


def changed(change: Callable[[Rows], Rows]) -> Runtime:
    """A runtime that gives what ONNX Runtime gives, but for a change."""

    def load(path: str) -> Run:
        run = RUNTIMES[0].load(path)
        return lambda X: [change(run(X)[0])]

    return Runtime("made up", "numpy", load)
