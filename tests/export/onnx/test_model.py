"""ONNX: what ONNX Runtime computes is what gdnet predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.export.onnx import to_onnx
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.model.model import Model
from gdnet.parameters import Parameters, initialise
from tests.support.exported_models import KINDS, model_of, predicted, rows, run, session

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_runtime_predicts_as_gdnet_does(activation: str, kind: str, dtype: str) -> None:
    model = model_of(kind, activation, dtype)
    X = rows(200)
    label, probabilities = run(to_onnx(model), X)
    expected_label, expected = predicted(model, X)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (200, 2 if kind == "binary" else 3)
    # In float32 both are wrong in their last digits, Z2 being up to 20 here.
    atol = 2e-6 if dtype == "float32" else 1e-6
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=atol)
    # A label may differ only where float32 cannot tell two scores apart, which no row here does.
    np.testing.assert_array_equal(label, expected_label)
    assert len(set(label.ravel().tolist())) > 1
    if kind == "multiclass":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
@pytest.mark.parametrize("activation", ["identity", "sigmoid"])
def test_probabilities_stay_between_0_and_1_and_rise_with_Z2(kind: str, activation: str) -> None:
    Z2 = np.unique(np.linspace(-110, 110, 1_000_001).astype(np.float32))
    n2 = 1 if kind == "binary" else 3
    parameters = Parameters(
        *(np.full(shape, 1, np.float32) for shape in ((1, 1), (1, 1), (n2, 1), (n2, 1)))
    )
    parameters.b1[:], parameters.b2[:] = 0, 0
    if activation == "sigmoid":  # of the hidden layer: twice
        parameters.W2[:] = 30
    classes = ("no", "yes") if kind == "binary" else None
    model = Model(parameters, activation, "sigmoid", kind, classes)
    probabilities = run(to_onnx(model), Z2[:, None])[1]
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    positive = probabilities[:, -1]
    assert (np.diff(positive) >= 0).all()
    expected = predicted(model, Z2[:, None])[1][:, -1]
    np.testing.assert_allclose(positive, expected, rtol=2e-6, atol=1e-38)
    if kind == "binary":
        assert (np.diff(probabilities[:, 0]) <= 0).all()


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("float64", 1e-7)])
@pytest.mark.parametrize("n0", [2, 200, 2000])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_bound_for_large_weights_and_many_features(
    dtype: str, bound: float, n0: int, activation: str
) -> None:
    X = np.random.RandomState(1).randn(200, n0).astype(np.float32)
    for n1 in (4, 512):
        W1, b1, W2, b2 = initialise(n0, n1, 1, random_state=0, dtype=dtype)
        parameters = Parameters(3 * W1, b1, 9 * W2, b2)
        model = Model(parameters, activation, "sigmoid", "binary", (0, 1))
        expected = predicted(model, X)[1]
        np.testing.assert_allclose(run(to_onnx(model), X)[1], expected, rtol=0, atol=bound)


def test_a_wide_network_is_as_close() -> None:
    parameters = initialise(784, 256, 10, random_state=0, dtype="float32")
    model = Model(parameters, "tanh", "softmax", "multiclass", tuple(range(10)))
    X = np.random.RandomState(0).rand(300, 784).astype(np.float32)
    expected = predicted(model, X)[1]
    np.testing.assert_allclose(run(to_onnx(model), X)[1], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_inputs_leave_nothing_undefined(activation: str) -> None:
    model = model_of("multilabel", activation)
    X = np.array([[-1e6] * 5, [1e6] * 5, [1e10, 0, 0, 0, -1e10]], np.float32)
    expected = predicted(model, X)[1]
    np.testing.assert_allclose(run(to_onnx(model), X)[1], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        (("no", "yes"), np.object_),
        ((3, 7), np.int64),
        ((False, True), np.bool_),
        ((-1.5, 2.5), np.float64),
    ],
)
def test_labels_are_of_the_classes_type(classes: tuple[Any, ...], dtype: type) -> None:
    model = model_of("binary")
    label = run(to_onnx(Model(model.parameters, "tanh", "sigmoid", "binary", classes)), rows(50))[0]
    assert label.dtype == dtype
    assert label.shape == (50,)
    assert set(label.tolist()) == set(classes)


def test_a_tie_is_the_first_class() -> None:
    zeros = Parameters(*(0 * array for array in model_of("multiclass").parameters))
    model = Model(zeros, "tanh", "softmax", "multiclass", ("a", "b", "c"))
    assert run(to_onnx(model), rows(1))[0].tolist() == ["a"]
    zeros = Parameters(*(0 * array for array in model_of("binary").parameters))
    model = Model(zeros, "tanh", "sigmoid", "binary", ("no", "yes"))
    assert run(to_onnx(model), rows(1))[0].tolist() == ["no"]


def test_any_number_of_rows_and_one_wrong_width() -> None:
    model = model_of("binary")
    loaded = session(to_onnx(model))
    for m in (0, 1, 2, 1000):
        label, probabilities = loaded.run(None, {"X": rows(m)})
        assert (label.shape, probabilities.shape) == ((m,), (m, 2))
    with pytest.raises(Exception, match="Got: 4 Expected: 5"):
        loaded.run(None, {"X": rows(3)[:, :4]})


@pytest.mark.parametrize("kind", KINDS)
def test_declared_shapes_and_types(kind: str) -> None:
    proto = to_onnx(model_of(kind, dtype="float64"))
    loaded = session(proto)
    (given,) = loaded.get_inputs()
    assert (given.name, given.type, given.shape) == ("X", "tensor(float)", ["batch", 5])
    label, probabilities = loaded.get_outputs()
    columns = 2 if kind == "binary" else 3
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape == ["batch", columns]
    assert label.name == "label"
    if kind == "multilabel":
        assert (label.type, label.shape) == ("tensor(int64)", ["batch", 3])
    else:
        assert (label.type, label.shape) == ("tensor(string)", ["batch"])
    assert proto.ir_version == 7
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 13)]


def test_graph_is_small_and_named_as_the_lecture() -> None:
    proto = to_onnx(model_of("binary"))
    assert [node.op_type for node in proto.graph.node] == [
        "Gemm", "Tanh", "Gemm", "Neg", "Concat", "ArgMax", "Gather",
        "Neg", "Exp", "Add", "Div",
    ]  # fmt: skip
    names = {name for node in proto.graph.node for name in node.output}
    assert names >= {"Z1", "Z2", "label", "probabilities"}
    assert {c.name for c in proto.graph.initializer} == {"W1", "b1", "W2", "b2", "classes", "one"}
    facts = {each.key: each.value for each in proto.metadata_props}
    assert facts["feature_names"] == '["a", "b", "c", "d", "e"]'
    assert facts["classes"] == '["no", "yes"]'


def test_the_reference_evaluator_agrees() -> None:
    from onnx.reference import ReferenceEvaluator

    model, X = model_of("multiclass", "gelu"), rows(20)
    with np.errstate(over="ignore"):  # of exp, under a division
        label, probabilities = ReferenceEvaluator(to_onnx(model)).run(None, {"X": X})
    expected_label, expected = predicted(model, X)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, expected_label)


def test_features_of_large_mean_in_a_model_that_does_not_have_it() -> None:
    # As in a file of 0.1.0: float32 would lose the difference of 1e4 and its mean.
    model = model_of("binary", dtype="float64")
    W1, b1, W2, b2 = model.parameters
    folded = Parameters(W1, b1 - W1 @ np.full((5, 1), 1e4), W2, b2)
    model = Model(folded, "tanh", "sigmoid", "binary", ("no", "yes"))
    X = rows(100) + np.float32(1e4)
    expected = predicted(model, X)[1]
    np.testing.assert_allclose(run(to_onnx(model), X)[1], expected, rtol=0, atol=1e-6)
    in_float32 = to_onnx(model, "float32")
    assert "Cast" not in [node.op_type for node in in_float32.graph.node]
    error = np.abs(run(in_float32, X)[1] - expected).max()
    assert 1e-6 < error < 0.05
