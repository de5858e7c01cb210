"""Models that predict numbers as ONNX, JSON and C: what they compute is what gdnet predicts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.errors import DataError
from gdnet.export.c_header import ACTIVATIONS as C_ACTIVATIONS
from gdnet.export.c_header import save_c_header
from gdnet.export.centred import centred, rounding_notes
from gdnet.export.json_file import save_json
from gdnet.export.onnx import save_onnx, to_onnx
from gdnet.export.onnx.check import Comparison, compare
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.export.onnx.runtimes import RUNTIMES, Run, Runtime
from gdnet.export.onnx.spread import Spread
from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters, initialise
from gdnet.scores.evaluation import predict_outputs
from tests.support.command import here, train
from tests.support.exported_models import Rows, session

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

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


# --- ONNX -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n2", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_runtimes_predict_as_gdnet_does(
    dtype: str, activation: str, n2: int, tmp_path: Path
) -> None:
    model, X = model_of(n2, activation), rows()
    save_onnx(model, tmp_path / "m.onnx", dtype)
    expected = predicted(model, X)
    for runtime in RUNTIMES[:2]:
        (prediction,) = runtime.load(str(tmp_path / "m.onnx"))(X)
        assert (prediction.dtype, prediction.shape) == (np.float32, (300, n2))
        assert_close(prediction, expected)


@pytest.mark.parametrize("n2", TARGETS)
def test_a_model_in_float32(n2: int, tmp_path: Path) -> None:
    model, X = in_float32(model_of(n2)), rows(mean=(0.0,) * 5)
    save_onnx(model, tmp_path / "m.onnx")
    for runtime in RUNTIMES[:2]:
        (prediction,) = runtime.load(str(tmp_path / "m.onnx"))(X)
        assert_close(prediction, predicted(model, X))


@pytest.mark.parametrize("n2", TARGETS)
def test_names_shapes_and_facts(n2: int) -> None:
    for dtype in ("float32", "float64"):
        proto = to_onnx(model_of(n2), dtype)
        loaded = session(proto)
        (given,), (prediction,) = loaded.get_inputs(), loaded.get_outputs()
        assert (given.name, given.type, given.shape) == ("X", "tensor(float)", ["batch", 5])
        assert (prediction.name, prediction.type) == ("prediction", "tensor(float)")
        assert prediction.shape == ["batch", n2]
        for m in (0, 1, 2, 1000):
            assert loaded.run(None, {"X": rows(m)})[0].shape == (m, n2)
    facts = {each.key: json.loads(each.value) for each in proto.metadata_props}
    assert facts == {
        "kind": "regression",
        "classes": None,
        "feature_names": list("abcde"),
        "target_name": "price",
    }
    nodes = [node.op_type for node in to_onnx(model_of(n2)).graph.node]
    assert nodes == ["Sub", "Gemm", "Tanh", "Gemm", "Add"]


@pytest.mark.parametrize("labels", ["text", "codes", "none", "other"])
def test_labels_are_refused(labels: str) -> None:
    with pytest.raises(DataError, match="labels"):
        to_onnx(model_of(), labels=labels)


# --- digits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n2", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target_mean", [1e6, -1e6, 2.0**24 + 1, 1e9])
def test_float32_keeps_the_digits_of_targets_of_large_mean(
    target_mean: float, activation: str, n2: int, tmp_path: Path
) -> None:
    model, X = model_of(n2, activation, target_mean=target_mean, n1=64), rows()
    save_onnx(model, tmp_path / "m.onnx")
    assert centred(model, "float32").b2_rest.any()
    largest = 1.0 if activation in ("tanh", "sigmoid") else 20.0
    expected = predicted(model, X)
    for runtime in RUNTIMES[:2]:
        (prediction,) = runtime.load(str(tmp_path / "m.onnx"))(X)
        assert (np.abs(prediction - expected) <= bound(model, X, largest)).all()
        # Nearly all are the numbers of float32 that are closest to gdnet's.
        assert (prediction == expected.astype(np.float32)).mean() > 0.99


def test_what_float32_would_do_without() -> None:
    model, X = model_of(target_mean=1e6, n1=64), rows()
    expected, b2 = predicted(model, X), model.parameters.b2[:, 0]
    rounded = (expected - b2).astype(np.float32) + b2.astype(np.float32)
    assert (np.abs(rounded - expected) > bound(model, X)).mean() > 0.3


def test_a_model_in_float32_with_a_large_b2_keeps_what_it_has(tmp_path: Path) -> None:
    model, X = in_float32(model_of(target_mean=1e6, n1=64)), rows(mean=(0.0,) * 5)
    exact = replace(model, parameters=Parameters(*(p.astype(np.float64) for p in model.parameters)))
    save_onnx(model, tmp_path / "m.onnx")
    for runtime in RUNTIMES[:2]:
        (prediction,) = runtime.load(str(tmp_path / "m.onnx"))(X)
        assert (np.abs(prediction - predicted(exact, X)) <= bound(exact, X)).all()


def test_targets_of_which_float32_has_few_digits_are_named(tmp_path: Path) -> None:
    assert rounding_notes(model_of()) == []
    few = "predictions in float32 have few digits of"
    of_price = f"{few} 'price': steps of 0.06; subtract a constant, then train"
    assert rounding_notes(model_of(target_mean=1e6)) == [of_price]
    assert rounding_notes(model_of(target_mean=1e6, target_deviation=100)) == []
    (of_three,) = rounding_notes(model_of(3, target_mean=1e6))
    assert of_three.startswith(f"{few} targets (counted from 0) 0, 1, 2: steps of ")
    nameless = replace(model_of(target_mean=1e6), target_name=None)
    (of_nameless,) = rounding_notes(nameless)
    assert of_nameless.startswith(f"{few} 'the target': ")
    save_model(model_of(target_mean=1e6), tmp_path / "m")
    for out in ("m.onnx", "m.h"):
        done = here("export", "m", out, cwd=tmp_path)
        assert done.code == 0
        assert "predictions in float32 have few digits of 'price': steps of 0.06;" in done.err
    for words in (("m.json",), ("m.h", "--dtype", "float64")):
        assert here("export", "m", *words, cwd=tmp_path).err == ""


def test_numbers_that_float32_cannot_hold(tmp_path: Path) -> None:
    model = model_of(target_mean=1e39, target_deviation=1e37)
    with pytest.raises(DataError, match="predictions that float32 can hold"):
        to_onnx(model, "float64")
    with pytest.raises(DataError, match="that float32 can hold"):
        to_onnx(model)
    with pytest.raises(DataError, match="that float32 can hold"):
        save_c_header(model, tmp_path / "m.h")
    # Where a single prediction overflows, the check finds it.
    close = model_of(target_mean=3.3e38, target_deviation=1e37)
    assert checked(tmp_path, close, RUNTIMES[1]).is_wrong


# --- JSON -------------------------------------------------------------------------------------


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


# --- C ----------------------------------------------------------------------------------------

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


# --- the check --------------------------------------------------------------------------------


def changed(change: Callable[[Rows], Rows]) -> Runtime:
    """A runtime that gives what ONNX Runtime gives, but for a change."""

    def load(path: str) -> Run:
        run = RUNTIMES[0].load(path)
        return lambda X: [change(run(X)[0])]

    return Runtime("made up", "numpy", load)


def checked(
    folder: Path, model: Model, runtime: Runtime, blocks: list[Rows] | None = None
) -> Comparison:
    save_onnx(model, folder / "m.onnx")
    (found,) = compare(folder / "m.onnx", model, blocks or [rows(), rows(50)], None, [runtime])
    return found


@pytest.mark.parametrize("n2", TARGETS)
@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (1e6, 1e5), (1e-6, 1e-8), (1e6, 1)])
def test_right_is_right_and_wrong_is_wrong_in_any_unit(
    mean: float, deviation: float, n2: int, tmp_path: Path
) -> None:
    model = model_of(n2, target_mean=mean, target_deviation=deviation)
    if deviation < 1:
        b2 = mean + 0 * model.parameters.b2
        model = replace(model, parameters=model.parameters._replace(b2=b2))
    spread = predicted(model, np.vstack([rows(), rows(50)])).std(axis=0)
    for runtime in RUNTIMES[:2]:
        found = checked(tmp_path, model, runtime)
        assert (found.rows, found.other_labels, found.problem) == (350, 0, None)
        assert not found.is_wrong
        steps = np.spacing(np.float32(mean)) / spread.min()
        assert found.difference <= 2e-6 + steps

    def off(prediction: Rows) -> Rows:
        prediction[-1, -1] += 0.5 * spread[-1]
        return prediction

    found = checked(tmp_path, model, changed(off))
    assert found.difference == pytest.approx(0.5, abs=0.1)
    assert found.is_wrong

    def undefined(prediction: Rows) -> Rows:
        prediction[0, 0] = np.nan
        return prediction

    found = checked(tmp_path, model, changed(undefined))
    assert np.isnan(found.difference)
    assert found.is_wrong


def test_rows_that_are_alike_are_no_false_alarm(tmp_path: Path) -> None:
    for model in (model_of(), model_of(target_mean=1e6), model_of(3, "relu")):
        for blocks in ([rows(1)], [rows(1), rows(1)], [np.repeat(rows(1), 9, axis=0)]):
            found = checked(tmp_path, model, RUNTIMES[0], blocks)
            assert not found.is_wrong
            twice = changed(lambda prediction: 2 * prediction)
            assert checked(tmp_path, model, twice, blocks).is_wrong
    W1, b1, W2, b2 = model_of().parameters
    constant = replace(model_of(), parameters=Parameters(W1, b1, 0 * W2, b2))
    assert not checked(tmp_path, constant, RUNTIMES[0]).is_wrong
    assert checked(tmp_path, constant, changed(lambda prediction: prediction + 1)).is_wrong


def test_units_are_the_deviation_over_all_blocks() -> None:
    numbers = 1e9 + np.random.RandomState(0).randn(1000, 2) * [1, 30]
    spread = Spread(np.zeros((2, 1)) + 1e9)
    for block in np.split(numbers, [1, 10, 400]):
        spread.add(block)
    np.testing.assert_allclose(spread.units(), np.maximum(numbers.std(axis=0), 64), rtol=1e-6)
    np.testing.assert_array_equal(spread.rounding(), [128, 128])


# --- the command and the regressor ------------------------------------------------------------


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
