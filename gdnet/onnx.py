"""A trained network as ONNX, to predict without gdnet and without Python.

The graph takes ``X``, float32 of shape (None, n0), one example a row, and gives ``label`` and
``probabilities`` as `gdnet predict` and `predict_proba` do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._version import __version__
from gdnet.atomic import check_writable, replacing
from gdnet.errors import DataError
from gdnet.model_file import Model
from gdnet.parameters import Parameters

# Pinned to the oldest that have what is needed, so that every ONNX Runtime since 1.6 loads the
# file. What the onnx package writes by default may be newer than the newest runtime.
OPSET, IR_VERSION = 13, 7
# Protocol buffers end there.
MOST_BYTES = 2**31 - 1


class _Graph:
    """The nodes and constants of a graph in the making; every method returns a tensor's name."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self._onnx, self._dtype = onnx, dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node; `name` is that of its output."""
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: Any) -> str:
        """Add an array."""
        array = np.ascontiguousarray(value)
        if array.dtype.kind == "U":
            texts = [text.encode() for text in array.tolist()]
            strings = self._onnx.TensorProto.STRING
            self.constants.append(self._onnx.helper.make_tensor(name, strings, array.shape, texts))
        else:
            self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def number(self, value: float) -> str:
        """Add a number of the dtype that is computed in."""
        name = f"{value:.6g}"
        if all(constant.name != name for constant in self.constants):
            self.constant(name, np.array(value, self._dtype))
        return name


def _gated(graph: _Graph, Z: str, gate: str) -> str:
    # Z / (1 + exp(-gate)) and not Z * sigmoid(gate): the Sigmoid of ONNX Runtime is above 1 for
    # some numbers, falls between others, and ends at 1.5e-8.
    below = graph.add("Add", graph.number(1), graph.add("Exp", graph.add("Neg", gate)))
    return graph.add("Div", Z, below)


def _sigmoid(graph: _Graph, Z: str) -> str:
    return _gated(graph, graph.number(1), Z)


def _gelu(graph: _Graph, Z: str) -> str:
    cube = graph.add("Mul", graph.add("Mul", Z, Z), Z)
    inner = graph.add("Add", Z, graph.add("Mul", graph.number(0.044715), cube))
    return _gated(graph, Z, graph.add("Mul", graph.number(2 * math.sqrt(2 / math.pi)), inner))


def _softplus(graph: _Graph, Z: str) -> str:
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", Z)))
    log = graph.add("Log", graph.add("Add", graph.number(1), small))
    return graph.add("Add", graph.add("Max", Z, graph.number(0)), log)


# Of operators that ONNX Runtime has for float32 and for float64: LeakyRelu and Softplus are not.
_ACTIVATIONS: dict[str, Callable[[_Graph, str], str]] = {
    "tanh": lambda graph, Z: graph.add("Tanh", Z),
    "sigmoid": _sigmoid,
    "relu": lambda graph, Z: graph.add("Relu", Z),
    "leaky_relu": lambda graph, Z: graph.add("Max", Z, graph.add("Mul", graph.number(0.01), Z)),
    "identity": lambda graph, Z: Z,
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": lambda graph, Z: _gated(graph, Z, Z),
}


def to_onnx(model: Model, dtype: npt.DTypeLike | None = None) -> Any:
    """Return a model as an `onnx.ModelProto`.

    Its input is ``X``, float32 of shape (None, n0). Its outputs are

    - ``label``: the predicted class of each example, (None,), of the type of the classes; of a
      multi-label model 0 or 1 for each label, int64 of shape (None, n2);
    - ``probabilities``: float32, one column a class, (None, 2) for two classes; of a multi-label
      model one column a label.

    Parameters
    ----------
    model : Model
        A trained network.
    dtype : float32 or float64, optional
        What the graph computes in; None is the type of the model's parameters. float64 keeps the
        digits of features that are large beside their spread; float32 is for runtimes that know
        nothing else.

    Returns
    -------
    onnx.ModelProto
        Checked; opset 13, IR version 7.

    Raises
    ------
    DataError
        If the onnx package is not installed, the activation is not one of gdnet's own, the
        parameters do not fit into the dtype, the classes are of no type that ONNX has, or the
        file would exceed 2 GiB.
    """
    onnx = _load_onnx()
    if model.activation not in _ACTIVATIONS:
        raise DataError(
            f"expected one of the activations {', '.join(_ACTIVATIONS)} for ONNX, got "
            f"{model.activation!r}, which has no operators there"
        )
    parameters = _converted(model.parameters, np.dtype(dtype or model.parameters.W1.dtype))
    graph = _Graph(onnx, parameters.W1.dtype)
    _add_network(graph, onnx, model.activation, parameters)
    label = _add_outputs(graph, onnx, model)

    n0, _, n2 = model.shape
    columns = 2 if model.kind == "binary" else n2
    value, float32 = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "gdnet",
            [value("X", float32, [None, n0])],
            [
                value("label", label, [None, n2] if model.kind == "multilabel" else [None]),
                value("probabilities", float32, [None, columns]),
            ],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gdnet",
        producer_version=__version__,
    )
    facts = {
        "kind": model.kind,
        "classes": model.classes,
        "feature_names": model.feature_names,
        "target_name": model.target_name,
    }
    onnx.helper.set_model_props(proto, {key: json.dumps(value) for key, value in facts.items()})
    if proto.ByteSize() > MOST_BYTES:
        raise DataError("expected a model of at most 2 GiB for ONNX, got a larger one")
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save_onnx(model: Model, path: str | Path, dtype: npt.DTypeLike | None = None) -> None:
    """Write a model as an ONNX file; an existing one is replaced in one step.

    Parameters
    ----------
    model, dtype
        As for `to_onnx`.
    path : str or Path
        What to write.

    Raises
    ------
    DataError
        As `to_onnx`, and if the file cannot be written there.
    """
    check_writable(path)
    content = to_onnx(model, dtype).SerializeToString(deterministic=True)
    with replacing(path) as file:
        file.write(content)


def _add_network(graph: _Graph, onnx: Any, activation: str, parameters: Parameters) -> None:
    """Add the four forward equations, with examples as rows, up to Z2."""
    W1, b1, W2, b2 = (
        graph.constant(name, array if name.startswith("W") else array[:, 0])
        for name, array in zip(Parameters._fields, parameters, strict=True)
    )
    X = "X"
    if parameters.W1.dtype == np.float64:
        X = graph.add("Cast", X, to=onnx.TensorProto.DOUBLE)
    Z1 = graph.add("Gemm", X, W1, b1, name="Z1", transB=1)
    A1 = _ACTIVATIONS[activation](graph, Z1)
    graph.add("Gemm", A1, W2, b2, name="Z2", transB=1)


def _add_outputs(graph: _Graph, onnx: Any, model: Model) -> int:
    """Add label and probabilities, made from Z2; return the ONNX type of the labels."""
    scores, int64 = "Z2", onnx.TensorProto.INT64
    if model.kind == "multilabel":
        graph.add("Cast", graph.add("Greater", scores, graph.number(0)), name="label", to=int64)
        label: int = int64
    else:
        if model.kind == "binary":
            # Not 1 - A2, which is 0 where the other class is sure.
            scores = graph.add("Concat", graph.add("Neg", scores), scores, axis=1)
        classes = graph.constant("classes", _classes(model))
        winner = graph.add("ArgMax", scores, axis=1, keepdims=0)
        graph.add("Gather", classes, winner, name="label")
        label = next(c.data_type for c in graph.constants if c.name == classes)
    if model.kind == "multiclass":
        A2 = graph.add("Softmax", scores, axis=1)
    else:
        A2 = _sigmoid(graph, scores)
    graph.add("Cast", A2, name="probabilities", to=onnx.TensorProto.FLOAT)
    return label


def _classes(model: Model) -> npt.NDArray[Any]:
    classes = np.array(model.classes)
    if classes.dtype.kind == "i":
        return classes.astype(np.int64)
    if classes.dtype.kind not in "bfU":
        raise DataError(
            "expected classes that are text, booleans or numbers of 64 bits for ONNX, got "
            f"{model.classes!r}"
        )
    return classes


def _converted(parameters: Parameters, dtype: np.dtype[Any]) -> Parameters:
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DataError(f"expected dtype float32 or float64, got {dtype}")
    with np.errstate(over="ignore"):
        converted = Parameters(*(array.astype(dtype) for array in parameters))
    if not all(np.isfinite(array).all() for array in converted):
        raise DataError(f"expected parameters that {dtype} can hold, got larger ones")
    return converted


def _load_onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
    except ImportError:
        raise DataError("export needs the package onnx: pip install onnx") from None
    return onnx
