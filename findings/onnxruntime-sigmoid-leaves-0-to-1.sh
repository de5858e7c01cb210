#!/usr/bin/env bash
# onnxruntime 1.32.0 (CPU, x86-64): the operator Sigmoid in float32 gives 1.0000001, is not monotone, and is
# exactly 0 from about -16 on, where the sigmoid is 1e-7 and float32 goes on to 1e-38.
#
# Of the operators Neg, Exp, Add and Div, 1 / (1 + exp(-z)) stays between 0 and 1, never falls, and keeps
# a relative error below 2e-7 down to z = -80.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

z = np.concatenate([np.linspace(-110, 110, 2_000_001), np.linspace(-20, 20, 2_000_001)])
z = np.unique(z.astype(np.float32))


def run(nodes, constants=()):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "zp"]
    graph = helper.make_graph(nodes, "sigmoid", values[:1], values[1:], list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"z": z})[0]


operator = run([helper.make_node("Sigmoid", ["z"], ["p"])])
composed = run(
    [
        helper.make_node("Neg", ["z"], ["minus"]),
        helper.make_node("Exp", ["minus"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["below"]),
        helper.make_node("Div", ["one", "below"], ["p"]),
    ],
    [numpy_helper.from_array(np.array(1, np.float32), "one")],
)
for name, p in (("Sigmoid", operator), ("1 / (1 + exp(-z))", composed)):
    print(f"{name}: max {p.max():.8f}, falls {(np.diff(p) < 0).sum()} times, 0 up to {z[p == 0].max():.2f}")
assert operator.max() > 1
assert (np.diff(operator) < 0).any()
assert z[operator == 0].max() > -17
assert composed.max() == 1
assert (np.diff(composed) >= 0).all()
exact = 1 / (1 + np.exp(-z[z > -80].astype(np.float64)))
assert (np.abs(composed[z > -80] - exact) / exact).max() < 2e-7
PYTHON
