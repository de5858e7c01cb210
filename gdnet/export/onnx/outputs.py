"""What a graph gives, made from Z2: one function for each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.errors import DataError
from gdnet.export.onnx.graph import Graph
from gdnet.export.onnx.operators import sigmoid
from gdnet.model.model import Model

#: How a graph may give labels, where it is not as the classes are.
LABELS = ("text", "codes", "none")


class Output(NamedTuple):
    """An output of the graph.

    Attributes
    ----------
    name : str
        Its name.
    dtype : dtype
        Its type.
    columns : tuple of int
        Its shape, but for the rows: empty for one value a row.
    """

    name: str
    dtype: npt.DTypeLike
    columns: tuple[int, ...] = ()


def add_outputs(graph: Graph, model: Model, labels: str | None) -> list[Output]:
    """Add the outputs of a model to a graph that has Z2, of shape (batch, n2).

    Parameters
    ----------
    graph : Graph
        Computes Z2.
    model : Model
        Whose outputs they are.
    labels : {"text", "codes", "none"} or None
        What ``label`` is, see `gdnet.export.onnx.to_onnx`.

    Returns
    -------
    list of Output
        In their order.

    Raises
    ------
    DataError
        If `labels` is something else, or does not fit the model, or float32 cannot hold numbers
        that are predicted.
    """
    if labels is not None and labels not in LABELS:
        raise DataError(f"expected labels {', '.join(LABELS)} or None, got {labels!r}")
    return _OUTPUTS[model.kind](graph, model, labels)


def _binary(graph: Graph, model: Model, labels: str | None) -> list[Output]:
    # Not 1 - A2, which is 0 where the other class is sure.
    scores = graph.add("Concat", graph.add("Neg", "Z2"), "Z2", axis=1)
    outputs = _class_label(graph, scores, model, labels)
    return [*outputs, _number(graph, "probabilities", sigmoid(graph, scores), (2,))]


def _multiclass(graph: Graph, model: Model, labels: str | None) -> list[Output]:
    outputs = _class_label(graph, "Z2", model, labels)
    A2 = graph.add("Softmax", "Z2", axis=1)
    return [*outputs, _number(graph, "probabilities", A2, model.shape[2:])]


def _multilabel(graph: Graph, model: Model, labels: str | None) -> list[Output]:
    if labels == "text":
        raise DataError(
            "expected labels codes or none for a model of several labels, whose labels are 0 and "
            "1, got text"
        )
    outputs = []
    if labels != "none":
        # Not Cast, which some runtimes do not have from booleans to integers.
        one, zero = (graph.constant(f"label_{k}", np.array(k, np.int64)) for k in (1, 0))
        graph.add(
            "Where", graph.add("Greater", "Z2", graph.number("zero", 0)), one, zero, name="label"
        )
        outputs.append(Output("label", np.int64, model.shape[2:]))
    return [*outputs, _number(graph, "probabilities", sigmoid(graph, "Z2"), model.shape[2:])]


def _regression(graph: Graph, model: Model, labels: str | None) -> list[Output]:
    if labels is not None:
        raise DataError(
            f"expected no labels for a model that predicts numbers, got labels={labels!r}; leave "
            "it out"
        )
    if np.abs(model.parameters.b2).max() > np.finfo(np.float32).max:
        raise DataError("expected predictions that float32 can hold, got larger ones")
    return [_number(graph, "prediction", "Z2", model.shape[2:])]


_OUTPUTS: dict[str, Callable[[Graph, Model, str | None], list[Output]]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "multilabel": _multilabel,
    "regression": _regression,
}


def _number(graph: Graph, name: str, tensor: str, columns: tuple[int, ...]) -> Output:
    """Make the last tensor that was added an output of that name, in float32."""
    if graph.dtype == np.float32:
        graph.rename_last(name)
    else:
        graph.cast(tensor, np.float32, name)
    return Output(name, np.float32, columns)


def _class_label(graph: Graph, scores: str, model: Model, labels: str | None) -> list[Output]:
    """Add ``label``, the class of the highest score (batch, classes), unless none is wanted."""
    if labels == "none":
        return []
    winner = graph.add("ArgMax", scores, axis=1, keepdims=0)
    classes = _classes(model, labels)
    if classes is None:
        graph.rename_last("label")
        return [Output("label", np.int64)]
    graph.add("Gather", graph.constant("classes", classes), winner, name="label")
    return [Output("label", classes.dtype)]


def _classes(model: Model, labels: str | None) -> npt.NDArray[Any] | None:
    """Return what stands for each class; None where it is its number."""
    if labels == "codes":
        return None
    classes = np.array(model.class_names if labels == "text" else model.classes)
    if classes.dtype.kind == "i":
        return None if (classes == np.arange(len(classes))).all() else classes.astype(np.int64)
    if classes.dtype.kind not in "bfU":
        raise DataError(
            "expected classes that are text, booleans or numbers of 64 bits for ONNX, got "
            f"{model.classes!r}; labels='codes' gives their numbers"
        )
    return classes
