"""The activations as operators of ONNX.

Of operators that ONNX Runtime has for float32 and for float64: LeakyRelu and Softplus are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gdnet.export.onnx.graph import Graph


def sigmoid(graph: Graph, Z: str) -> str:
    """Add ``1 / (1 + exp(-Z))``, which stays in [0, 1] and never falls."""
    return _gated(graph, graph.number("one", 1), Z)


def _gated(graph: Graph, Z: str, gate: str) -> str:
    # Z / (1 + exp(-gate)) and not Z * sigmoid(gate): the Sigmoid of ONNX Runtime is above 1 for
    # some numbers, falls between others, and ends at 1.5e-8.
    below = graph.add("Add", graph.number("one", 1), graph.add("Exp", graph.add("Neg", gate)))
    return graph.add("Div", Z, below)


def _leaky_relu(graph: Graph, Z: str) -> str:
    return graph.add("Max", Z, graph.add("Mul", graph.number("slope", 0.01), Z))


def _gelu(graph: Graph, Z: str) -> str:
    cube = graph.add("Mul", graph.add("Mul", Z, Z), Z)
    inner = graph.add("Add", Z, graph.add("Mul", graph.number("gelu_cubic", 0.044715), cube))
    factor = graph.number("gelu_factor", 2 * math.sqrt(2 / math.pi))
    return _gated(graph, Z, graph.add("Mul", factor, inner))


def _softplus(graph: Graph, Z: str) -> str:
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", Z)))
    log = graph.add("Log", graph.add("Add", graph.number("one", 1), small))
    return graph.add("Add", graph.add("Max", Z, graph.number("zero", 0)), log)


#: g1 by name: adds the nodes that make A1 of Z1, and returns its name.
ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "tanh": lambda graph, Z: graph.add("Tanh", Z),
    "sigmoid": sigmoid,
    "relu": lambda graph, Z: graph.add("Relu", Z),
    "leaky_relu": _leaky_relu,
    "identity": lambda graph, Z: Z,
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": lambda graph, Z: _gated(graph, Z, Z),
}
