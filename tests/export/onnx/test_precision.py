"""ONNX in float32: the mean is subtracted first, so that no digit is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdnet.data.builtin import load_builtin
from gdnet.data.scaling import Scaling
from gdnet.export.centred import centred, default_dtype
from gdnet.export.onnx import to_onnx
from gdnet.export.onnx.operators import ACTIVATIONS
from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from tests.support.command import here, train
from tests.support.exported_models import Rows, predicted, run

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def raw_rows(m: int = 600) -> Rows:
    """Features of which float32 has few digits, and of very different deviations."""
    random = np.random.RandomState(3)
    deviation, mean = [1, 3, 500, 1e-3, 1, 2], [1e6, -1e6, 2e5, 7, 0, 1e4]
    return (random.randn(m, 6) * deviation + mean).astype(np.float32)


def kinds() -> dict[str, Rows]:
    X = raw_rows()
    z = (X - X.mean(axis=0, dtype=np.float64)) / X.std(axis=0, dtype=np.float64)
    codes = (z[:, 0] > 0).astype(int) + (z[:, 3] > 0.5)
    return {
        "binary": np.array(["no", "yes"])[np.minimum(codes, 1)],
        "multiclass": np.array(["a", "b", "c"])[codes],
        "multilabel": (z[:, :2] > 0).astype(int),
    }


def trained(folder: Path, *arguments: object, out: str) -> None:
    """Train where a note names features that float32 has few digits of."""
    done = here("train", *arguments, "--device", "cpu", "--out", out, cwd=folder)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Models of raw features, trained by the command line."""
    folder = tmp_path_factory.mktemp("models")
    for kind, y in kinds().items():
        np.savez(folder / f"{kind}.npz", X=raw_rows(), y=y)
        settings = ("--iterations", 200, "--learning-rate", 2, "--hidden", 8)
        trained(folder, f"{kind}.npz", *settings, out=kind)
    return {kind: load_model(folder / kind) for kind in kinds()}


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_float32_keeps_the_digits_of_features_of_large_mean(
    models: dict[str, Model], kind: str
) -> None:
    model, X = models[kind], raw_rows()
    assert model.mean == tuple(Scaling.of(X, "float32").mean.tolist())
    proto = to_onnx(model)
    types = {each.data_type for each in proto.graph.initializer if each.name != "classes"}
    integers = {onnx.TensorProto.INT64} if kind == "multilabel" else set()
    assert types == {onnx.TensorProto.FLOAT} | integers
    operators = [node.op_type for node in proto.graph.node]
    assert operators[:3] == ["Sub", "Mul", "Gemm"]
    assert not {"Cast", "Identity"} & set(operators)
    label, probabilities = run(proto, X)
    expected_label, expected = predicted(model, X)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, expected_label)
    # What float32 without the mean would do.
    without = run(to_onnx(replace(model, mean=None), "float32"), X)[1]
    assert np.abs(without - expected).max() > 1e-3


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_name_is_an_identifier_and_every_batch_has_one(
    models: dict[str, Model], kind: str, activation: str
) -> None:
    for dtype in ("float32", "float64"):
        graph = to_onnx(replace(models[kind], activation=activation), dtype).graph
        names = [each.name for each in (*graph.initializer, *graph.node, *graph.input)]
        names += [name for node in graph.node for name in node.output]
        assert all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names), names
        for value in (*graph.input, *graph.output):
            assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_float64_is_closer(models: dict[str, Model]) -> None:
    model, X = models["binary"], raw_rows()
    expected = predicted(model, X)[1]
    exact = run(to_onnx(model, "float64"), X)[1]
    assert exact.dtype == np.float32
    np.testing.assert_allclose(exact, expected, rtol=0, atol=1e-7)


def test_powers_of_two_change_no_bit(models: dict[str, Model]) -> None:
    X = raw_rows()
    plain, even = (centred(models["binary"], np.float32, even=each) for each in (False, True))
    assert plain.inverse_scale is None
    assert even.inverse_scale is not None
    assert (np.frexp(even.inverse_scale)[0] == 0.5).all()
    largest = np.abs(even.parameters.W1).max(axis=0)
    assert ((largest >= 0.5) & (largest < 1)).all()
    products = (X - plain.mean)[:, None, :] * plain.parameters.W1
    scaled = ((X - even.mean) * even.inverse_scale)[:, None, :] * even.parameters.W1
    np.testing.assert_array_equal(products, scaled)


def test_nothing_is_added_that_changes_nothing(models: dict[str, Model]) -> None:
    model = models["binary"]
    W1, b1, W2, b2 = model.parameters
    for parameters, mean, first in (
        (model.parameters, None, "Gemm"),
        (model.parameters._replace(W1=np.ones_like(W1)), model.mean, "Sub"),
        (model.parameters._replace(W1=np.ones_like(W1)), (0.0,) * 6, "Gemm"),
        (model.parameters, (0.0,) * 6, "Mul"),
    ):
        proto = to_onnx(replace(model, parameters=parameters, mean=mean), "float32")
        assert proto.graph.node[0].op_type == first
        assert [node.op_type for node in proto.graph.node].count("Gemm") == 2
    assert b1.shape == (8, 1)
    assert (W2.shape, b2.shape) == ((1, 8), (1, 1))


def test_weights_that_float32_cannot_hold_but_for_the_powers_of_two(
    models: dict[str, Model],
) -> None:
    X = raw_rows() * np.array([1e-30, 1, 1, 1, 1, 1e30], np.float32)
    model = models["binary"]
    factors = np.array([1e-30, 1, 1, 1, 1, 1e30], np.float32).astype(np.float64)
    assert model.mean
    tiny = replace(
        model,
        parameters=model.parameters._replace(W1=model.parameters.W1 / factors),
        mean=tuple((np.array(model.mean) * factors).tolist()),
    )
    expected = predicted(tiny, X)[1]
    np.testing.assert_allclose(run(to_onnx(tiny), X)[1], expected, rtol=0, atol=1e-6)


def test_a_feature_without_weight_or_without_deviation(models: dict[str, Model]) -> None:
    model = models["binary"]
    W1 = model.parameters.W1.copy()
    W1[:, 2] = 0
    silent = replace(model, parameters=model.parameters._replace(W1=W1))
    X = raw_rows()
    expected = predicted(silent, X)[1]
    np.testing.assert_allclose(run(to_onnx(silent), X)[1], expected, rtol=0, atol=1e-6)


# --- where the mean comes from ----------------------------------------------------------------


def test_a_file_without_the_mean_is_exported_as_it_was(
    models: dict[str, Model], tmp_path: Path
) -> None:
    save_model(replace(models["binary"], mean=None), tmp_path / "old")
    done = here("export", "old", "old.onnx", cwd=tmp_path)
    assert "computes in float64" in done.out
    proto = onnx.load(tmp_path / "old.onnx")
    label, probabilities = run(proto, raw_rows())
    expected_label, expected = predicted(models["binary"], raw_rows())
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(label, expected_label)


def test_a_scaler_gives_its_mean_and_one_over_a_model_that_has_one_adds_to_it(
    tmp_path: Path,
) -> None:
    pytest.importorskip("sklearn")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import gdnet
    from gdnet import GDClassifier

    X, y = raw_rows().astype(np.float64), kinds()["binary"]
    clf = GDClassifier(8, solver="lbfgs", max_iter=50, tol=0, random_state=0, device="cpu")
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    pipeline[-1].save(tmp_path / "m", scaler=pipeline[0])
    assert load_model(tmp_path / "m").mean == tuple(pipeline[0].mean_.tolist())

    loaded = gdnet.load(tmp_path / "m")  # takes raw features, here 3 x + 1e7
    shifted = 3 * raw_rows().astype(np.float64) + np.arange(6) * 1e5
    outer = StandardScaler()
    outer.mean_, outer.scale_ = np.arange(6) * 1e5, np.full(6, 3.0)
    outer.with_mean = outer.with_std = True
    outer.n_features_in_ = 6
    loaded.save(tmp_path / "outer", scaler=outer)
    model = load_model(tmp_path / "outer")
    assert model.mean is not None
    np.testing.assert_allclose(model.mean, shifted.mean(axis=0), rtol=1e-6)
    rows = shifted.astype(np.float32)
    expected = predicted(model, rows)[1]
    np.testing.assert_allclose(run(to_onnx(model), rows)[1], expected, rtol=0, atol=1e-5)
    assert default_dtype(model) == "float32"

    # Without a scaler nothing is known of the features.
    pipeline[-1].save(tmp_path / "inner")
    inner = load_model(tmp_path / "inner")
    assert (inner.mean, default_dtype(inner)) == (None, "float64")


def test_a_start_from_a_model_keeps_its_mean_unless_there_is_a_new_one(tmp_path: Path) -> None:
    X, y = raw_rows(), kinds()["binary"]
    np.savez(tmp_path / "a.npz", X=X, y=y)
    np.savez(tmp_path / "b.npz", X=X[:400], y=y[:400])
    trained(tmp_path, "a.npz", "--iterations", 20, out="a")
    first = load_model(tmp_path / "a").mean
    common = ("--init", "a", "--iterations", 1, "--learning-rate", 1e-12)
    trained(tmp_path, "b.npz", *common, out="b")
    trained(tmp_path, "b.npz", *common, "--no-standardize", out="c")
    trained(tmp_path, "b.npz", "--iterations", 1, "--no-standardize", out="d")
    second = load_model(tmp_path / "b").mean
    assert first is not None
    assert second == tuple(Scaling.of(X[:400], "float32").mean.tolist())
    assert load_model(tmp_path / "c").mean == first
    assert load_model(tmp_path / "d").mean is None


def test_features_that_rows_in_float32_do_not_hold_are_named(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    X = random.randn(300, 2) * [1e4, 1] + [1.7e9, 3]  # seconds since 1970; float32 has steps of 128
    lines = [f"{t!r},{x!r},{int(t > 1.7e9)}" for t, x in X.tolist()]
    (tmp_path / "d.csv").write_text("\n".join(["time,x,y", *lines]) + "\n")
    words = ("d.csv", "--target", "y", "--iterations", 100)
    train(tmp_path, *words, "--dtype", "float64", out="m")
    for out in ("m.onnx", "m.h"):
        done = here("export", "m", out, cwd=tmp_path)
        assert done.code == 0
        assert "few digits of 'time'; subtract a constant" in done.err
    for others in (["m.json"], ["m.h", "--dtype", "float64"]):
        assert here("export", "m", *others, cwd=tmp_path).err == ""
    # What is trained in float32 has never seen more.
    trained(tmp_path, *("d.csv", "--target", "y", "--iterations", 100), out="single")
    assert here("export", "single", "m.onnx", cwd=tmp_path).err == ""
    # A classifier warns as well; features without names have numbers.
    pytest.importorskip("sklearn")
    from sklearn.preprocessing import StandardScaler

    from gdnet import GDClassifier

    scaler = StandardScaler().fit(X)
    clf = GDClassifier(4, max_iter=100, tol=0, random_state=0, device="cpu")
    clf.fit(scaler.transform(X), X[:, 0] > 1.7e9)
    with pytest.warns(UserWarning, match=r"few digits of features \(counted from 0\) 0; subtract"):
        clf.to_onnx(tmp_path / "clf.onnx", scaler=scaler)
    # The check gives gdnet the rows as they are.
    done = here("export", "m", "m.onnx", "--check", "d.csv", cwd=tmp_path)
    (line,) = (each for each in done.out.splitlines() if each.startswith("ONNX Runtime"))
    assert float(line.split()[3]) > 1e-4


# --- integers of 8 bits -----------------------------------------------------------------------


@pytest.mark.parametrize("data", ["breast_cancer", "digits"])
def test_quantize_dynamic_changes_at_most_one_label_in_a_hundred(tmp_path: Path, data: str) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")
    settings = ("--hidden", 16, "--iterations", 300, "--learning-rate", 1)
    train(tmp_path, data, *settings)
    assert here("export", "m", "m.onnx", "--labels", "codes", cwd=tmp_path).code == 0
    quantization.quantize_dynamic(str(tmp_path / "m.onnx"), str(tmp_path / "int8.onnx"))
    X = load_builtin(data, "float32").X
    before, after = (run(onnx.load(tmp_path / name), X) for name in ("m.onnx", "int8.onnx"))
    assert np.abs(before[1] - after[1]).max() > 1e-4  # it did quantise
    assert (before[0] != after[0]).mean() <= 0.01


def test_without_the_powers_of_two_integers_of_8_bits_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization")
    train(tmp_path, "breast_cancer", "--iterations", 100)
    model, X = load_model(tmp_path / "m"), load_builtin("breast_cancer", "float32").X
    changed = {}
    for even in (True, False):
        monkeypatch.setattr(
            "gdnet.export.onnx.model.centred",
            lambda model, dtype, *, even, kept=even: centred(model, dtype, even=kept),
        )
        onnx.save(to_onnx(model, labels="codes"), tmp_path / "m.onnx")
        quantization.quantize_dynamic(str(tmp_path / "m.onnx"), str(tmp_path / "int8.onnx"))
        label, small = (run(onnx.load(tmp_path / f), X)[0] for f in ("m.onnx", "int8.onnx"))
        changed[even] = (label != small).mean()
    assert changed[True] <= 0.01
    assert changed[False] > 0.1
