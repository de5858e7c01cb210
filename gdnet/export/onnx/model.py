"""A trained network as a graph of ONNX: from raw features to labels, or to numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._version import __version__
from gdnet.atomic import check_writable, replacing
from gdnet.errors import DataError
from gdnet.export.centred import Centred, centred, default_dtype
from gdnet.export.onnx.graph import Graph
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.export.onnx.outputs import add_outputs
from gdnet.model.model import Model

# Pinned to the oldest that have what is needed, so that every ONNX Runtime since 1.6 loads the
# file. What the onnx package writes by default may be newer than the newest runtime.
OPSET, IR_VERSION = 13, 7
# Protocol buffers end there.
MAX_BYTES = 2**31 - 1
# The first dimension of every input and output: some runtimes refuse one without a name.
BATCH = "batch"


def to_onnx(model: Model, dtype: npt.DTypeLike | None = None, labels: str | None = None) -> Any:
    """Return a model as an `onnx.ModelProto`.

    Its input is ``X``, float32 of shape (batch, n0): raw features, one example a row. Its outputs
    are

    - ``label``: the predicted class of each example, (batch,); of a multi-label model 0 or 1 for
      each label, int64 of shape (batch, n2);
    - ``probabilities``: float32, one column a class, (batch, 2) for two classes; of a multi-label
      model one column a label.

    A model that predicts numbers has one output in their place,

    - ``prediction``: float32 of shape (batch, n2), one column a target, in the target's own unit.

    Kind, classes and names of features and target are in the metadata, as JSON; and where features
    are made of the columns of a table, so is of which column and value each is, in ``features``.

    Parameters
    ----------
    model : Model
        A trained network.
    dtype : float32 or float64, optional
        What the graph computes in. None is float32, which keeps its digits because the graph
        subtracts the mean of the features first; it is float64 for a model in float64 that does
        not have the mean: of features that were not standardised by gdnet, or from gdnet 0.1.0.
    labels : {"text", "codes", "none"}, optional
        What ``label`` is. None is the class itself: text, a number or a boolean. "text" is how the
        class was spelled in the data, "codes" its number among the classes, from 0, int64, and with
        "none" there is no such output: small runtimes have no text, and some no integers. A model
        that predicts numbers takes None alone.

    Returns
    -------
    onnx.ModelProto
        Checked; opset 13, IR version 7.

    Raises
    ------
    DataError
        If the onnx package is not installed, the activation is not one of gdnet's own, the
        parameters do not fit into the dtype, the classes are of no type that ONNX has, `labels`
        does not fit the model, or the file would exceed 2 GiB.
    """
    onnx = _load_onnx()
    if model.activation not in ACTIVATIONS:
        raise DataError(
            f"expected one of the activations {', '.join(ACTIVATIONS)} for ONNX, got "
            f"{model.activation!r}, which has no operators there"
        )
    dtype = np.dtype(dtype or default_dtype(model))
    network = centred(model, dtype, even=True)
    graph = Graph(onnx, dtype)
    _add_network(graph, model, network)
    outputs = add_outputs(graph, model, labels)

    value, type_of = onnx.helper.make_tensor_value_info, graph.element_type
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "gdnet",
            [value("X", type_of(np.float32), [BATCH, model.shape[0]])],
            [value(each.name, type_of(each.dtype), [BATCH, *each.columns]) for each in outputs],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gdnet",
        producer_version=__version__,
    )
    facts: dict[str, Any] = {
        "kind": model.kind,
        "classes": model.classes,
        "feature_names": model.feature_names,
        "target_name": model.target_name,
    }
    if model.encoding is not None:
        facts["features"] = model.encoding.describe()
    onnx.helper.set_model_props(proto, {key: json.dumps(value) for key, value in facts.items()})
    if proto.ByteSize() > MAX_BYTES:
        raise DataError("expected a model of at most 2 GiB for ONNX, got a larger one")
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save_onnx(
    model: Model,
    path: str | Path,
    dtype: npt.DTypeLike | None = None,
    labels: str | None = None,
) -> None:
    """Write a model as an ONNX file; an existing one is replaced in one step.

    Parameters
    ----------
    model : Model
        A trained network.
    path : str or Path
        What to write.
    dtype : float32 or float64, optional
        What the graph computes in; None as for `to_onnx`.
    labels : {"text", "codes", "none"}, optional
        What the output ``label`` is; None is the class itself, see `to_onnx`.

    Raises
    ------
    DataError
        As `to_onnx`, and if the file cannot be written there.
    """
    check_writable(path)
    content = to_onnx(model, dtype, labels).SerializeToString(deterministic=True)
    with replacing(path) as file:
        file.write(content)


def _add_network(graph: Graph, model: Model, network: Centred) -> None:
    """Add the four forward equations, with examples as rows, up to Z2."""
    W1, b1, W2, b2 = (
        graph.constant(name, array if name.startswith("W") else array[:, 0])
        for name, array in network.parameters._asdict().items()
    )
    X = "X"
    if graph.dtype != np.float32:
        X = graph.cast(X, graph.dtype)
    if network.mean is not None:
        X = graph.add("Sub", X, graph.constant("mean", network.mean), name="centred")
    if network.inverse_scale is not None:
        X = graph.add(
            "Mul", X, graph.constant("inverse_scale", network.inverse_scale), name="scaled"
        )
    Z1 = graph.add("Gemm", X, W1, b1, name="Z1", transB=1)
    A1 = ACTIVATIONS[model.activation](graph, Z1)
    if model.kind == "regression":
        # b2 may be a million times what varies: added once, last, it costs half a step of float32.
        rest = graph.constant("b2_rest", network.b2_rest[:, 0])
        graph.add("Add", graph.add("Gemm", A1, W2, rest, transB=1), b2, name="Z2")
    else:
        graph.add("Gemm", A1, W2, b2, name="Z2", transB=1)


def _load_onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
    except ImportError:
        raise DataError("export needs the package onnx: pip install onnx") from None
    return onnx
