#!/usr/bin/env bash
# torch 2.13.0 with NumPy 2.4.6: a real tensor with the negative bit, such as the imaginary part of a
# conjugate, is exported through DLPack with the opposite sign. numpy.from_dlpack gives no error, while
# Tensor.numpy() refuses the same tensor and names resolve_neg().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import torch

t = torch.tensor([1 + 2j, 3 - 4j]).conj().imag
print("tensor", t.tolist(), "negative bit", t.is_neg())
shared = np.from_dlpack(t)
print("numpy.from_dlpack(tensor)", shared.tolist())
print("numpy.from_dlpack(tensor.resolve_neg())", np.from_dlpack(t.resolve_neg()).tolist())
try:
    t.numpy()
except RuntimeError as error:
    print("tensor.numpy():", str(error).splitlines()[0])
else:
    raise SystemExit("changed: numpy() takes a tensor with the negative bit")
assert t.tolist() == [-2, 4]
assert shared.tolist() == [2, -4]
PYTHON
