"""A graph of ONNX in the making: its nodes and constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Graph:
    """The nodes and constants of a graph; every method returns a tensor's name.

    Parameters
    ----------
    onnx : module
        The package onnx.
    dtype : float32 or float64
        What the graph computes in.

    Attributes
    ----------
    nodes, constants : lists of NodeProto and of TensorProto
        In the order in which they were added.
    """

    def __init__(self, onnx: Any, dtype: npt.DTypeLike) -> None:
        self.onnx, self.dtype = onnx, np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node; `name` is that of its output."""
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def rename_last(self, name: str) -> None:
        """Give the output of the last node, which no other has read yet, another name."""
        self.nodes[-1].name = self.nodes[-1].output[0] = name

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Add an array, unless there is one of that name; runtimes want identifiers as names."""
        if any(constant.name == name for constant in self.constants):
            return name
        array = np.ascontiguousarray(value)
        if array.dtype.kind == "U":
            texts = [text.encode() for text in array.tolist()]
            strings = self.onnx.TensorProto.STRING
            self.constants.append(self.onnx.helper.make_tensor(name, strings, array.shape, texts))
        else:
            self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def number(self, name: str, value: float) -> str:
        """Add a number of the dtype that is computed in."""
        return self.constant(name, np.array(value, self.dtype))

    def cast(self, tensor: str, dtype: npt.DTypeLike, name: str | None = None) -> str:
        """Add a conversion."""
        return self.add("Cast", tensor, name=name, to=self.element_type(dtype))

    def element_type(self, dtype: npt.DTypeLike) -> int:
        """Return what ONNX calls a dtype of NumPy."""
        strings: int = self.onnx.TensorProto.STRING
        dtype = np.dtype(dtype)
        if dtype.kind == "U":
            return strings
        found: int = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return found
