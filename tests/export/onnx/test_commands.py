"""ONNX as it is asked for: by ``gdnet export``, by the classifier, and by mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.export.onnx import save_onnx, to_onnx
from gdnet.model.file import save_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters
from tests.support.command import here, train
from tests.support.exported_models import Rows, model_of, rows, run

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


# --- the classifier ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classifier_exports_what_it_predicts(kind: str, dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from gdnet import GDClassifier

    X = rows(150).astype(dtype)
    codes = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
    y: Rows = {
        "binary": np.array(["no", "yes"])[np.minimum(codes, 1)],
        "multiclass": np.array(["a", "b", "c"])[codes],
        "multilabel": (X[:, :3] > 0).astype(int),
    }[kind]
    clf = GDClassifier(6, max_iter=60, tol=0, random_state=0, device="cpu").fit(X, y)
    clf.to_onnx(tmp_path / "m.onnx")
    label, probabilities = run((tmp_path / "m.onnx").read_bytes(), X.astype(np.float32))
    np.testing.assert_allclose(probabilities, clf.predict_proba(X), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, clf.predict(X))
    assert probabilities.shape == (150, 2 if kind == "binary" else 3)
    clf.to_onnx(tmp_path / "m32.onnx", dtype="float32")
    label = run((tmp_path / "m32.onnx").read_bytes(), X.astype(np.float32))[0]
    np.testing.assert_array_equal(label, clf.predict(X))


def test_classifier_that_cannot_be_exported(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from sklearn.exceptions import NotFittedError

    from gdnet import Activation, GDClassifier

    with pytest.raises(NotFittedError):
        GDClassifier().to_onnx(tmp_path / "m.onnx")
    # Its name alone does not make it gdnet's.
    own = Activation("tanh", lambda Z, xp: xp.sin(Z), lambda Z, xp: xp.cos(Z), True)
    clf = GDClassifier(3, activation=own, max_iter=5, tol=0, device="cpu")
    clf.fit(rows(20), np.arange(20) % 2)
    with pytest.raises(DataError, match="has no operators there"):
        clf.to_onnx(tmp_path / "m.onnx")
    assert not any(tmp_path.iterdir())


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["planar", "breast_cancer", "digits"])
def test_command_exports_what_predict_predicts(tmp_path: Path, data: str) -> None:
    from gdnet.data.builtin import load_builtin

    train(tmp_path, data, "--iterations", 30)
    done = here("export", "m", "m.onnx", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "opset 13" in done.out
    X = load_builtin(data, "float32").X
    label, probabilities = run((tmp_path / "m.onnx").read_bytes(), X)
    predict = ["predict", "m", data, "--device", "cpu"]
    assert here(*predict, "--proba", "--out", "p.npy", cwd=tmp_path).code == 0
    assert here(*predict, "--out", "l.npy", cwd=tmp_path).code == 0
    np.testing.assert_allclose(probabilities, np.load(tmp_path / "p.npy"), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, np.load(tmp_path / "l.npy"))


def test_command_writes_the_same_bytes_again_and_float32_on_request(tmp_path: Path) -> None:
    save_model(model_of("binary", dtype="float64"), tmp_path / "m")
    first, second = tmp_path / "a.onnx", tmp_path / "b.ONNX"
    for out in (first, second):
        assert here("export", "m", out.name, cwd=tmp_path).code == 0
    assert first.read_bytes() == second.read_bytes()
    done = here("export", "m", first.name, "--dtype", "float32", cwd=tmp_path)
    assert "computes in float32" in done.out
    assert len(first.read_bytes()) < len(second.read_bytes())


def test_mistakes_leave_the_files_as_they_are(tmp_path: Path) -> None:
    save_model(model_of("binary"), tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    for out, message in (
        ("m", "file of its own"),
        ("no/m.onnx", "does not exist"),
        ("m.txt", "m.txt: expected the name of a .onnx or .json or .h file to write, got .txt"),
        (
            "onnx",
            "onnx: expected the name of a .onnx or .json or .h file to write, got no extension",
        ),
    ):
        done = here("export", "m", out, cwd=tmp_path)
        assert done.code == 2
        assert message in done.err
    assert here("export", "missing", "m.onnx", cwd=tmp_path).code == 2
    assert (tmp_path / "m").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_models_that_onnx_cannot_hold(tmp_path: Path) -> None:
    model = model_of("binary", dtype="float64")
    own = Model(model.parameters, "my own", "sigmoid", "binary", ("no", "yes"))
    with pytest.raises(DataError, match="'my own', which has no operators there"):
        save_onnx(own, tmp_path / "m.onnx")
    large = Parameters(*(1e300 * array for array in model.parameters))
    with pytest.raises(DataError, match="that float32 can hold"):
        to_onnx(Model(large, "tanh", "sigmoid", "binary", ("no", "yes")), "float32")
    with pytest.raises(DataError, match="expected dtype float32 or float64, got float16"):
        to_onnx(model, "float16")
    with pytest.raises(DataError, match="classes that are text"):
        to_onnx(Model(model.parameters, "tanh", "sigmoid", "binary", (0, 2**64)))
    assert not any(tmp_path.iterdir())


def test_a_missing_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(model_of("binary"), tmp_path / "m")
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = here("export", "m", "m.onnx", cwd=tmp_path)
    assert done.code == 2
    assert "pip install onnx" in done.err
