#!/usr/bin/env bash
# openvino 2026.4.1 (CPU, x86-64), with INFERENCE_PRECISION_HINT f32: Sub and then Div, each by a constant,
# are computed as X * (1 / scale) + (-mean / scale). Of features whose mean is much larger than their deviation
# that loses digits which (X - mean) / scale, as the graph says it, keeps: 2e-2 in place of 8e-8 below.
#
# A scale that is a power of two loses nothing either way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy onnx==1.23.2 openvino==2026.4.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import openvino
from onnx import TensorProto, helper, numpy_helper


def run(X, mean, scale):
    constants = [numpy_helper.from_array(np.float32([v]), k) for k, v in (("mean", mean), ("scale", scale))]
    nodes = [
        helper.make_node("Sub", ["X", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["Z"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["m", 1]) for name in "XZ"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    core = openvino.Core()
    read = core.read_model(model.SerializeToString())
    return core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(X)[0]


X = (np.random.default_rng(0).standard_normal((1000, 1)) + 1e6).astype(np.float32)
for scale, low, high in ((1.5, 1e-4, 1e-1), (2.0, 0, 1e-6)):
    exact = (X.astype(np.float64) - 1e6) / scale
    as_written = np.abs((X - np.float32(1e6)) / np.float32(scale) - exact).max()
    found = np.abs(run(X, 1e6, scale) - exact).max()
    print(f"scale {scale}: off by {found:.1e}; NumPy in float32 {as_written:.1e}")
    assert as_written < 1e-6
    assert low <= found < high
PYTHON
