"""Models that predict numbers as JSON and C, and exported by their users: what gdnet predicts."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.export.c_header import ACTIVATIONS as C_ACTIVATIONS
from gdnet.export.c_header import save_c_header
from gdnet.export.json_file import save_json
from gdnet.export.onnx import to_onnx
from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.exported_models import Rows, session
from tests.support.exported_regressions import (
    TARGETS,
    assert_close,
    bound,
    changed,
    in_float32,
    model_of,
    predicted,
    rows,
)

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


# JSON


@pytest.mark.parametrize("n2", TARGETS)
@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_json_has_what_a_prediction_needs(dtype: str | None, n2: int, tmp_path: Path) -> None:
    model, X = model_of(n2, target_mean=1e6), rows()
    save_json(model, tmp_path / "m.json", dtype)
    facts = json.loads((tmp_path / "m.json").read_text())
    assert (facts["kind"], facts["output"]) == ("regression", "identity")
    assert (facts["classes"], facts["target_name"]) == (None, "price")
    mean, W1, b1, W2, b2 = (np.array(facts[name]) for name in ("mean", "W1", "b1", "W2", "b2"))
    prediction = np.tanh((X - mean) @ W1.T + b1) @ W2.T + b2
    atol = 1e-5 if dtype == "float32" else 1e-8
    np.testing.assert_allclose(prediction, predicted(model, X), rtol=0, atol=atol)


def test_json_of_a_model_in_float32(tmp_path: Path) -> None:
    model = in_float32(model_of(target_mean=1e6))
    for dtype in ("float32", "float64"):
        save_json(model, tmp_path / "m.json", dtype)
        b2 = json.loads((tmp_path / "m.json").read_text())["b2"]
        np.testing.assert_array_equal(b2, model.parameters.b2[:, 0].astype(np.float64))


# C

COMPILERS = [
    pytest.param(
        words, marks=pytest.mark.skipif(shutil.which(words[0]) is None, reason=f"needs {words[0]}")
    )
    for words in (("gcc", "-std=c99"), ("g++", "-std=c++11"), ("clang", "-std=c99"))
]
STRICT = ("-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
# Reads rows of numbers in binary and writes the status and the prediction of each.
MAIN = """
#include <stdio.h>
#include "m.h"
int main(void)
{
    REAL x[M_FEATURES], prediction[M_OUTPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {
        int k, status = m_predict(x, prediction);
        printf("%d", status);
        for (k = 0; k < M_OUTPUTS; k++) printf(" %.17g", (double)prediction[k]);
        printf("\\n");
    }
    return 0;
}
"""


def run_c(folder: Path, compiler: tuple[str, ...], X: Rows) -> tuple[Rows, Rows]:
    name = "main.cpp" if compiler[0] == "g++" else "main.c"
    (folder / name).write_text(MAIN.replace("REAL", "float" if X.dtype == "f4" else "double"))
    words = [*compiler, *STRICT, name, "-o", "predict", "-lm"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = subprocess.run(
        [folder / "predict"], input=X.tobytes(), capture_output=True, check=True, timeout=60
    )
    table = np.array([line.split() for line in found.stdout.decode().splitlines()], float)
    return table[:, 0], table[:, 1:]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("n2", TARGETS)
def test_c_computes_what_gdnet_predicts(n2: int, compiler: tuple[str, ...], tmp_path: Path) -> None:
    model, X = model_of(n2, target_mean=1e6, n1=64), rows()
    save_c_header(model, tmp_path / "m.h")
    status, prediction = run_c(tmp_path, compiler, X)
    assert not status.any()
    expected = predicted(model, X)
    assert (np.abs(prediction - expected) <= bound(model, X)).all()
    assert (prediction == expected.astype(np.float32)).mean() > 0.99

    save_c_header(model, tmp_path / "m.h", "float64")
    X[1, 2], X[2, 4] = np.nan, np.inf
    status, prediction = run_c(tmp_path, compiler, X.astype(np.float64))
    assert status.tolist() == [0, -1, -1] + [0] * 297
    assert np.isnan(prediction[1:3]).all()
    kept = np.r_[0, 3:300]
    np.testing.assert_allclose(prediction[kept], expected[kept], rtol=0, atol=1e-8)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("activation", C_ACTIVATIONS)
def test_every_activation_in_c(activation: str, tmp_path: Path) -> None:
    model, X = model_of(3, activation), rows()
    save_c_header(model, tmp_path / "m.h")
    prediction = run_c(tmp_path, ("gcc", "-std=c99"), X)[1]
    assert_close(prediction, predicted(model, X))


# The command and the regressor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a table and a model of it, both in the target's unit."""
    X = np.random.RandomState(0).randn(200, 3) * [1, 20, 0.1] + [5, 1e4, 0]
    y = 1e6 + 1e5 * np.sin(X[:, 0]) + 1e5 * X[:, 2]
    lines = [",".join(map(repr, row)) for row in np.column_stack([X, y]).tolist()]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,c,price", *lines]) + "\n")
    words = ("d.csv", "--target", "price", "--task", "regression", "--iterations", 50)
    train(tmp_path, *words)
    return tmp_path


def test_command_exports_what_predict_predicts(folder: Path) -> None:
    done = here("export", "m", "m.onnx", cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "m.onnx: X (batch, 3) -> prediction; opset 13, computes in float32, "
    )
    assert here("predict", "m", "d.csv", "--device", "cpu", "--out", "p.npy", cwd=folder).code == 0
    X = np.loadtxt(folder / "d.csv", delimiter=",", skiprows=1)[:, :3].astype(np.float32)
    (prediction,) = session((folder / "m.onnx").read_bytes()).run(None, {"X": X})
    expected = np.load(folder / "p.npy")
    np.testing.assert_allclose(prediction[:, 0], expected.ravel(), rtol=0, atol=0.1)
    for out in ("m.json", "m.h"):
        assert here("export", "m", out, cwd=folder).code == 0


def test_command_checks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, heading in ((("d.csv",), "200 rows of d.csv"), ((), "1,000 made-up rows")):
        done = here("export", "m", "m.onnx", "--check", *words, cwd=folder)
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert heading in lines
        assert "in standard deviations of what gdnet predicts" in lines
        (head,) = (line for line in lines if line.startswith("runtime"))
        assert head.split("  ")[-1].strip() == "predictions differ by"
        for name in ("ONNX Runtime", "onnx.reference"):
            (line,) = (each for each in lines if each.startswith(name))
            _, difference = line.removeprefix(name).split()
            assert float(difference) < 1e-5

    wrong = changed(lambda prediction: prediction + 1e6)
    monkeypatch.setattr("gdnet.export.onnx.check.RUNTIMES", (wrong,))
    done = here("export", "m", "m.onnx", "--check", "d.csv", cwd=folder)
    assert done.code == 1
    assert "made up: expected the predictions of gdnet predict, got others by up to" in done.err
    assert "standard deviations; do not use the file there" in done.err


def test_command_refuses_labels(folder: Path) -> None:
    done = here("export", "m", "x.onnx", "--labels", "codes", cwd=folder)
    assert done.code == 2
    assert "expected no labels for a model that predicts numbers, got --labels codes" in done.err
    assert not (folder / "x.onnx").exists()


@pytest.mark.parametrize("n2", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regressor_exports_what_it_predicts(n2: int, dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from gdnet import GDRegressor

    with pytest.raises(NotFittedError):
        GDRegressor().to_onnx(tmp_path / "m.onnx")

    def predicts(X: Rows) -> Rows:
        content = (tmp_path / "m.onnx").read_bytes()
        prediction: Rows = session(content).run(["prediction"], {"X": X.astype(np.float32)})[0]
        assert prediction.shape == (len(X), n2)
        return prediction if n2 > 1 else prediction[:, 0]

    settings: dict[str, Any] = {"max_iter": 40, "tol": 0, "random_state": 0, "device": "cpu"}
    Z = np.random.RandomState(1).randn(150, 5).astype(dtype)
    y = np.tanh(Z[:, :n2] + Z[:, 1:2])
    y = y if n2 > 1 else y[:, 0]
    reg = GDRegressor(6, **settings).fit(Z, y)
    reg.to_onnx(tmp_path / "m.onnx")
    np.testing.assert_allclose(predicts(Z), reg.predict(Z), rtol=0, atol=2e-6)
    reg.to_onnx(tmp_path / "m.onnx", "float64")
    np.testing.assert_allclose(predicts(Z), reg.predict(Z), rtol=0, atol=2e-6)

    # Features and target in their own units, both scalers folded in.
    X, raw = (3 * Z + np.arange(5) * 10).astype(np.float32), 1e6 + 1e4 * y
    inner = make_pipeline(StandardScaler(), GDRegressor(6, dtype=dtype, **settings))
    whole = TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(X, raw)
    network, target_scaler = whole.regressor_, whole.transformer_
    scalers = {"scaler": network[0], "target_scaler": target_scaler}
    network[-1].to_onnx(tmp_path / "m.onnx", **scalers)
    np.testing.assert_allclose(predicts(X), whole.predict(X), rtol=0, atol=0.1)
    network[-1].save(tmp_path / "m", **scalers)
    assert (tmp_path / "m.onnx").read_bytes() == to_onnx(
        load_model(tmp_path / "m")
    ).SerializeToString(deterministic=True)
    with pytest.raises(DataError, match="target_scaler: expected"):
        network[-1].to_onnx(tmp_path / "m.onnx", target_scaler=network[0])
