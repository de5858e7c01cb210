"""The runtimes of ONNX that `gdnet export --check` knows, and how each runs a file.

Each is imported only where it is installed and asked for.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gdnet._typing import HostArray

#: Gives the outputs of the graph, in its order, for rows X (m, n0) in float32.
Run = Callable[[HostArray], list[HostArray]]


@dataclass(frozen=True)
class Runtime:
    """Something that runs a file of ONNX.

    Attributes
    ----------
    name : str
        How tables call it.
    module : str
        What it is imported as.
    load : callable ``(path) -> Run``
        Reads a file.
    setting : str
        What is set that is not so by default.
    cure : str
        Of a default that may cost digits: the code that sets what saves them.
    """

    name: str
    module: str
    load: Callable[[str], Run]
    setting: str = ""
    cure: str = ""

    @property
    def installed(self) -> bool:
        """Whether it can be imported."""
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """The version of the package that has it, as installed."""
        packages = _packages().get(self.module)
        return importlib.metadata.version(packages[0]) if packages else "?"


@functools.cache
def _packages() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _onnxruntime(path: str) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda X: list(session.run(None, {"X": X}))


def _openvino(**settings: str) -> Callable[[str], Run]:
    def load(path: str) -> Run:
        import openvino

        compiled = openvino.Core().compile_model(path, "CPU", settings)

        def run(X: HostArray) -> list[HostArray]:
            found = compiled(X)
            return [found[output] for output in compiled.outputs]

        return run

    return load


def _onnx_reference(path: str) -> Run:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(path)

    def run(X: HostArray) -> list[HostArray]:
        with np.errstate(over="ignore"):  # of exp, under a division
            return list(evaluator.run(None, {"X": X}))

    return run


def _tract(path: str) -> Run:
    import tract

    runnable = tract.onnx().load(path).into_model().into_runnable()
    return lambda X: [tensor.to_numpy() for tensor in runnable.run([X])]


def _tinygrad(path: str) -> Run:
    from tinygrad import Tensor
    from tinygrad.nn.onnx import OnnxRunner

    OnnxRunner(path)  # raises here what it cannot read

    def run(X: HostArray) -> list[HostArray]:
        # One runner keeps the number of rows that it has seen first.
        return [each.numpy() for each in OnnxRunner(path)({"X": Tensor(X)}).values()]

    return run


def _opencv(path: str) -> Run:
    import cv2

    with contextlib.suppress(AttributeError):  # not in every build
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    net = cv2.dnn.readNetFromONNX(path)
    names = net.getUnconnectedOutLayersNames()

    def run(X: HostArray) -> list[HostArray]:
        net.setInput(X, "X")
        return list(net.forward(names))

    return run


_F32 = {"INFERENCE_PRECISION_HINT": "f32"}

#: In the order in which they are shown.
RUNTIMES = (
    Runtime("ONNX Runtime", "onnxruntime", _onnxruntime),
    Runtime("onnx.reference", "onnx", _onnx_reference),
    Runtime(
        "OpenVINO",
        "openvino",
        _openvino(),
        cure=f'compile_model(model, "CPU", {_F32}): by default it computes in bf16 where the '
        "processor has that",
    ),
    Runtime("OpenVINO", "openvino", _openvino(**_F32), "f32"),
    Runtime("tract", "tract", _tract),
    Runtime("tinygrad", "tinygrad", _tinygrad),
    Runtime("OpenCV", "cv2", _opencv),
)
