"""Models that predict numbers as ONNX: in any runtime, their digits, and the check of both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.export.c_header import save_c_header
from gdnet.export.centred import centred, rounding_notes
from gdnet.export.onnx import save_onnx, to_onnx
from gdnet.export.onnx.check import Comparison, compare
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.export.onnx.runtimes import RUNTIMES, Runtime
from gdnet.export.onnx.spread import Spread
from gdnet.model.file import save_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters
from tests.support.command import here
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


# Digits


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


# The check


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
