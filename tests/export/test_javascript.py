"""The JavaScript of docs/onnx.md reads any model file, and predicts what gdnet does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.data.builtin import load_builtin
from gdnet.model.file import load_model
from gdnet.model.prediction import predict_outputs
from tests.support.checkout import ROOT
from tests.support.command import train

PAGE = ROOT / "docs" / "onnx.md"
NODE = shutil.which("node")


def code_of_the_page() -> str:
    """The block without its example at the end."""
    (code,) = re.findall(r"```javascript\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(code).partition("const x = [")[0]


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("settings", [(), ("--no-standardize",)], ids=["float64", "float32"])
def test_predictions_of_the_page(tmp_path: Path, settings: tuple[str, ...]) -> None:
    assert NODE is not None
    train(tmp_path, "breast_cancer", "--iterations", 50, *settings, out="model.safetensors")
    model, X = (
        load_model(tmp_path / "model.safetensors"),
        load_builtin("breast_cancer", "float32").X,
    )
    assert model.parameters.W1.dtype == ("float32" if settings else "float64")
    (tmp_path / "rows.json").write_text(json.dumps(X[:].tolist()))
    ask = 'for (const x of JSON.parse(readFileSync("rows.json"))) console.log(predict(x));'
    (tmp_path / "p.mjs").write_text(f"{code_of_the_page()}\n{ask}\nconsole.log(classes.join());")
    done = subprocess.run(
        [NODE, "p.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    *numbers, classes = done.stdout.split()
    assert classes == "benign,malignant"
    expected = predict_outputs(model, X, get_backend("cpu")).A2[:, 0]
    atol = 1e-4 if settings else 1e-12  # gdnet itself computes in float32 there
    np.testing.assert_allclose([float(number) for number in numbers], expected, rtol=0, atol=atol)


def test_it_is_about_ten_lines() -> None:
    lines = [line for line in code_of_the_page().splitlines() if line.strip()]
    assert len(lines) <= 13
