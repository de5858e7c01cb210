"""Models as JSON and as C headers: what they compute is what gdnet predicts."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.errors import DataError
from gdnet.export.c_header import ACTIVATIONS, c_name, save_c_header, to_c_header
from gdnet.export.json_file import save_json, to_json
from gdnet.model.file import save_model
from gdnet.model.model import Model
from gdnet.model.prediction import predict_outputs
from gdnet.parameters import Parameters, initialise
from tests.support.command import here
from tests.support.exported_models import Rows, predicted_classes

KINDS = {
    "binary": ("sigmoid", 1, ("no", "yes")),
    "multiclass": ("softmax", 3, ("a", "ü\n", '"\\??/*/')),
    "multilabel": ("sigmoid", 3, None),
}
MEAN = (1e6, -5.0, 0.0, 7.0, -1e6)


def model_of(kind: str, activation: str = "tanh") -> Model:
    """A model of raw features of large means, as a training with standardising gives it."""
    output, n2, classes = KINDS[kind]
    W1, b1, W2, b2 = initialise(5, 7, n2, random_state=4, init_scale=1.5)
    b1 = b1 + np.linspace(-1, 1, 7).reshape(-1, 1) - W1 @ np.array(MEAN).reshape(-1, 1)
    parameters = Parameters(W1, b1, W2, b2 + 0.3)
    names = ("a", "b */ c", "d", "e", "f")
    seen = {"dtype": "float32"}
    return Model(
        parameters, activation, output, kind, classes, names, "target", mean=MEAN, settings=seen
    )


def rows(m: int = 200) -> Rows:
    return (2 * np.random.RandomState(m).randn(m, 5) + MEAN).astype(np.float32)


# --- JSON -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_json_has_what_a_prediction_needs(kind: str, tmp_path: Path) -> None:
    model, X = model_of(kind), rows()
    save_json(model, tmp_path / "m.json")
    facts = json.loads((tmp_path / "m.json").read_text())
    assert list(facts) == [
        *("format", "format_version", "kind", "activation", "output", "classes"),
        *("feature_names", "target_name", "mean", "W1", "b1", "W2", "b2"),
    ]
    assert (facts["format"], facts["format_version"]) == ("gdnet", 1)
    for name in ("kind", "activation", "output", "target_name"):
        assert facts[name] == getattr(model, name)
    assert facts["classes"] == (None if model.classes is None else list(model.classes))
    mean, W1, b1, W2, b2 = (np.array(facts[name]) for name in ("mean", "W1", "b1", "W2", "b2"))
    Z2 = np.tanh((X - mean) @ W1.T + b1) @ W2.T + b2
    expected = predict_outputs(model, X, get_backend("cpu")).Z2
    np.testing.assert_allclose(Z2, expected, rtol=0, atol=1e-8)


def test_json_without_a_mean_and_with_a_custom_activation() -> None:
    model = replace(model_of("binary"), mean=None, activation="mine")
    facts = json.loads(to_json(model))
    assert facts["mean"] == [0] * 5
    assert facts["activation"] == "mine"
    np.testing.assert_array_equal(facts["W1"], model.parameters.W1)
    np.testing.assert_array_equal(facts["b1"], model.parameters.b1[:, 0])


def test_json_has_the_shortest_numbers_of_its_dtype() -> None:
    model = model_of("binary")
    model = replace(model, parameters=model.parameters._replace(b2=np.array([[1 / 3]])))
    assert '"b2": [0.3333333333333333]\n' in to_json(model)
    short = to_json(model, "float32")
    assert '"b2": [0.33333334]\n' in short
    W1 = np.array(json.loads(short)["W1"], np.float32)
    np.testing.assert_array_equal(W1, model.parameters.W1.astype(np.float32))
    in_float32 = replace(model, parameters=Parameters(*(p.astype("f4") for p in model.parameters)))
    assert '"b2": [0.33333334]\n' in to_json(replace(in_float32, mean=None))
    with pytest.raises(DataError, match="expected dtype float32 or float64, got int8"):
        to_json(model, "int8")


# --- C ----------------------------------------------------------------------------------------

COMPILERS = [
    pytest.param(
        words, marks=pytest.mark.skipif(shutil.which(words[0]) is None, reason=f"needs {words[0]}")
    )
    for words in (("gcc", "-std=c99"), ("g++", "-std=c++11"), ("clang", "-std=c99"))
]
STRICT = (*("-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"),)
# Reads rows of numbers in binary and writes the label and the probabilities of each.
MAIN = """
#include <stdio.h>
#include "m.h"
int main(void)
{
    REAL x[M_FEATURES], p[M_OUTPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {
        int i, label = m_predict(x, p);
        printf("%d", label);
        for (i = 0; i < M_OUTPUTS; i++) printf(" %.17g", (double)p[i]);
        printf("\\n");
    }
    return 0;
}
"""


def compiled(folder: Path, compiler: tuple[str, ...], real: str = "float") -> Path:
    suffix = "cpp" if compiler[0] == "g++" else "c"
    (folder / f"main.{suffix}").write_text(MAIN.replace("REAL", real))
    command = [*compiler, *STRICT, f"main.{suffix}", "-o", "predict", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder / "predict"


def run(program: Path, X: Rows) -> tuple[Rows, Rows]:
    done = subprocess.run([program], input=X.tobytes(), capture_output=True, check=True, timeout=60)
    table = np.array([line.split() for line in done.stdout.decode().splitlines()], float)
    return table[:, 0].astype(int), table[:, 1:]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("kind", KINDS)
def test_c_computes_what_gdnet_predicts(
    kind: str, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    model, X = model_of(kind), rows()
    save_c_header(model, tmp_path / "m.h")
    label, probabilities = run(compiled(tmp_path, compiler), X)
    codes, expected = predicted_classes(model, X)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, 0 if kind == "multilabel" else codes)
    assert len(set(codes.ravel().tolist())) > 1
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_in_c(activation: str, tmp_path: Path) -> None:
    model, X = model_of("multilabel", activation), rows()
    save_c_header(model, tmp_path / "m.h")
    program = compiled(tmp_path, ("gcc", "-std=c99"))
    expected = predicted_classes(model, X)[1]
    np.testing.assert_allclose(run(program, X)[1], expected, rtol=0, atol=2e-6)
    far = np.array([[-1e30] * 5, [1e30, 0, 0, 0, -1e30]], np.float32)
    expected = predicted_classes(model, far)[1]
    np.testing.assert_allclose(run(program, far)[1], expected, rtol=0, atol=1e-6)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_c_in_double(tmp_path: Path) -> None:
    # Also what a file without the mean gets: float would lose its digits.
    for model, dtype in (
        (model_of("binary"), "float64"),
        (replace(model_of("binary"), mean=None), None),
    ):
        save_c_header(model, tmp_path / "m.h", dtype)
        X = rows().astype(np.float64)
        label, probabilities = run(compiled(tmp_path, ("gcc", "-std=c99"), "double"), X)
        codes, expected = predicted_classes(model, X)
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-8)
        np.testing.assert_array_equal(label, codes)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("kind", KINDS)
def test_c_refuses_what_is_not_a_finite_number(kind: str, tmp_path: Path) -> None:
    save_c_header(model_of(kind), tmp_path / "m.h")
    X = rows(4)
    X[1, 2], X[2, 4], X[3, 0] = math.nan, math.inf, -math.inf
    label, probabilities = run(compiled(tmp_path, ("gcc", "-std=c99")), X)
    assert (label[0] >= 0, label[1:].tolist()) == (True, [-1, -1, -1])
    assert np.isfinite(probabilities[0]).all()
    assert np.isnan(probabilities[1:]).all()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_names_of_features_and_classes_are_text_in_c(tmp_path: Path) -> None:
    model = model_of("multiclass")
    save_c_header(model, tmp_path / "m.h")
    assert (tmp_path / "m.h").read_bytes().isascii()
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "m.h"\nint main(void) {\n'
        "    int i;\n    for (i = 0; i < 3; i++) { puts(m_classes[i]); putchar(0); }\n"
        "    for (i = 0; i < 5; i++) { puts(m_features[i]); putchar(0); }\n    return 0;\n}\n"
    )
    subprocess.run(
        ["gcc", "-std=c99", "-trigraphs", "-Wall", "-Werror", "main.c", "-o", "names", "-lm"],
        cwd=tmp_path, check=True, timeout=60,
    )  # fmt: skip
    done = subprocess.run([tmp_path / "names"], capture_output=True, check=True, timeout=60)
    assert model.classes is not None
    assert model.feature_names is not None
    texts = [text.removesuffix("\n") for text in done.stdout.decode().split("\0")]
    assert texts == [*model.classes, *model.feature_names, ""]


def test_c_names_and_size() -> None:
    assert c_name("my model-2") == "my_model_2"
    assert c_name("2nd") == "model_2nd"
    assert c_name("größe") == "gr__e"
    header = to_c_header(model_of("binary"), "2nd")
    assert "static inline int model_2nd_predict(const float x[5], float probabilities[2])" in header
    assert "#ifndef MODEL_2ND_H" in header
    weights = [line for line in header.splitlines() if line.startswith("    {")]
    assert len(header.splitlines()) - len(weights) <= 62
    assert "double" not in header


def test_c_refuses_a_custom_activation() -> None:
    with pytest.raises(DataError, match="'mine', which has no formula there"):
        to_c_header(replace(model_of("binary"), activation="mine"), "m")


# --- the command ------------------------------------------------------------------------------


def test_the_extension_says_which(tmp_path: Path) -> None:
    save_model(model_of("binary"), tmp_path / "m")
    done = here("export", "m", "a.json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("a.json: mean, W1, b1, W2, b2 of 5-7-1, ")
    done = here("export", "m", "a-b.H", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("a-b.H: a_b_predict, computes in float32, ")
    done = here("export", "m", "a-b.h", "--dtype", "float64", cwd=tmp_path)
    assert "computes in float64" in done.out
    assert "double" in (tmp_path / "a-b.h").read_text()

    before = sorted(path.name for path in tmp_path.iterdir())
    for words, message in (
        (("c.h", "--labels", "codes"), "expected --labels codes with a .onnx file, got c.h"),
        (("c.json", "--labels", "none"), "expected --labels none with a .onnx file, got c.json"),
        (("no/c.h",), "does not exist"),
        (("c.py",), "expected the name of a .onnx or .json or .h file to write, got .py"),
    ):
        done = here("export", "m", *words, cwd=tmp_path)
        assert done.code == 2
        assert message in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
