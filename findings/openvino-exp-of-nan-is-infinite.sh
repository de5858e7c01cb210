#!/usr/bin/env bash
# openvino 2026.4.1 (CPU, x86-64): Exp of NaN is infinite and Relu of NaN is 0, so that a row with a missing
# value gets a class and a probability like any other: 1 / (1 + exp(-NaN)) is 0. Tanh, Sigmoid and MatMul of
# NaN are NaN, as everywhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy onnx==1.23.2 openvino==2026.4.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import openvino
from onnx import TensorProto, helper


def run(operator):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["m"]) for name in "XZ"]
    graph = helper.make_graph([helper.make_node(operator, ["X"], ["Z"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    core = openvino.Core()
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(np.array([np.nan], np.float32))[0][0]


found = {operator: run(operator) for operator in ("Exp", "Relu", "Tanh", "Sigmoid")}
print(found)
assert np.isposinf(found["Exp"])
assert found["Relu"] == 0
assert np.isnan(found["Tanh"])
assert np.isnan(found["Sigmoid"])
PYTHON
