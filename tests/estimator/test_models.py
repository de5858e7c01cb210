"""GDClassifier to and from model files and MLPClassifier."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import gdnet
from gdnet import Activation, DataError, GDClassifier, ModelFileError
from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.labelled_problems import problem

QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 30, "tol": 0, "random_state": 3}
KINDS = ["binary", "multiclass", "multilabel"]


def assert_same_answers(one: Any, other: Any, X: Any, rtol: float = 0) -> None:
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=rtol)
    np.testing.assert_array_equal(one.classes_, other.classes_)
    assert one.n_features_in_ == other.n_features_in_


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_classifier_comes_back(kind: str, dtype: str, tmp_path: Path) -> None:
    X, y = problem(kind)
    settings: dict[str, Any] = {"activation": "gelu", "l2": 0.25, "learning_rate": 0.3}
    clf = GDClassifier(**QUICK, **settings, dtype=dtype).fit(X, y)
    clf.save(tmp_path / "model")
    again = gdnet.load(tmp_path / "model")
    assert_same_answers(again, clf, X)
    assert again.classes_.dtype == clf.classes_.dtype
    assert (again.n_iter_, again.converged_, again.loss_) == (30, False, clf.loss_)
    for name, value in {**QUICK, **settings}.items():
        assert getattr(again, name) == value
    refitted, expected = (clone(c).set_params(dtype=dtype).fit(X, y) for c in (again, clf))
    np.testing.assert_array_equal(refitted.parameters_.W1, expected.parameters_.W1)
    again.save(str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "model").read_bytes()


def test_feature_names_are_kept(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    X, y = problem("binary")
    frame = pandas.DataFrame(X)
    frame.columns = list("abcde")
    clf = GDClassifier(**QUICK).fit(frame, y)
    clf.save(tmp_path / "model")
    again = gdnet.load(tmp_path / "model")
    assert_same_answers(again, clf, frame)
    assert again.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[list("edcba")])


def test_settings_that_json_cannot_hold_are_left_out(tmp_path: Path) -> None:
    X, y = problem("binary")
    settings = {**QUICK, "random_state": np.random.RandomState(0), "class_weight": {"yes": 2.0}}
    GDClassifier(**settings).fit(X, y).save(tmp_path / "model")
    again = gdnet.load(tmp_path / "model")
    assert (again.random_state, again.class_weight, again.max_iter) == (None, None, 30)
    square = Activation("tanh", lambda Z, xp: Z * Z, lambda Z, xp: 2 * Z, slope_needs_Z1=True)
    with pytest.raises(ValueError, match="a file cannot hold a function"):
        GDClassifier(**QUICK, activation=square).fit(X, y).save(tmp_path / "square")


def test_settings_that_a_search_has_found_are_kept(tmp_path: Path) -> None:
    X, y = problem("binary")
    grid = {
        "learning_rate": np.logspace(-2, -1, 2),
        "l2": np.array([1.0, 2.0]),
        "n_hidden": np.array([3]),
        "activation": np.array(["relu"]),
    }
    best = GridSearchCV(GDClassifier(**QUICK), grid, cv=2).fit(X, y).best_estimator_
    best.save(tmp_path / "model")
    again = gdnet.load(tmp_path / "model")
    for name in grid:
        assert getattr(again, name) == getattr(best, name)
    settings = load_model(tmp_path / "model").settings
    assert (type(settings["l2"]), type(settings["hidden"])) == (float, int)


def test_saving_before_fitting_and_loading_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        GDClassifier().save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="does not exist"):
        gdnet.load(tmp_path / "model")


def test_models_of_the_command_line(tmp_path: Path) -> None:
    X, y = problem("multiclass")
    np.savez(tmp_path / "data.npz", X=X, y=y)
    train(tmp_path, "data.npz", "--iterations", 40)
    clf = gdnet.load(tmp_path / "m")  # takes raw features: the scaling is folded in
    assert here("predict", "m", "data.npz", "--out", "p.npy", cwd=tmp_path).code == 0
    np.testing.assert_array_equal(clf.predict(X), np.load(tmp_path / "p.npy"))
    assert (clf.n_hidden, clf.max_iter, clf.random_state) == (32, 40, 0)

    clf = GDClassifier(**QUICK).fit(X, y)
    clf.save(tmp_path / "saved")
    reported = here("evaluate", "saved", "data.npz", "--json", cwd=tmp_path).json
    assert reported["accuracy"] == pytest.approx(clf.score(X, y))
    ours, theirs = load_model(tmp_path / "saved"), load_model(tmp_path / "m")
    for part in ("settings", "training", "versions"):
        assert set(getattr(ours, part)) <= set(getattr(theirs, part))


def test_probabilities_are_those_of_onnx_runtime_where_a_class_is_sure(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    X, y = problem("binary")
    clf = GDClassifier(**QUICK).fit(X.astype(np.float32), y)
    clf.parameters_ = clf.parameters_._replace(W2=20 * clf.parameters_.W2)
    clf.to_onnx(tmp_path / "model.onnx", np.float64)
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (got,) = session.run(["probabilities"], {"X": X.astype(np.float32)})
    expected = clf.predict_proba(X.astype(np.float32))
    assert 0 < expected.min() < 1e-7  # of the first class, too: 1 - A2 is 0 in float32
    assert 0 < expected[:, 0].min() < 1e-7
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "how", [{}, {"with_mean": False}, {"with_std": False}, {"with_mean": False, "with_std": False}]
)
def test_a_scaler_is_folded_into_what_is_saved(
    kind: str, how: dict[str, bool], tmp_path: Path
) -> None:
    X, y = problem(kind)
    raw = (X * [1, 3, 0.2, 1, 2] + [1, -2, 0, 3, 5]).astype(np.float32).astype(np.float64)
    raw[:, 3] = 7.0  # a constant
    pipeline = make_pipeline(StandardScaler(**how), GDClassifier(**QUICK)).fit(raw, y)
    expected = pipeline.predict_proba(raw)
    pipeline[-1].save(tmp_path / "model", scaler=pipeline[0])
    again = gdnet.load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(raw), expected, rtol=1e-10)
    np.testing.assert_array_equal(again.predict(raw), pipeline.predict(raw))
    assert load_model(tmp_path / "model").settings["standardize"] is True
    pipeline[-1].save(tmp_path / "without")
    if how != {"with_mean": False, "with_std": False}:
        other = gdnet.load(tmp_path / "without").predict_proba(raw)
        assert np.abs(other - expected).max() > 0.01

    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    pipeline[-1].to_onnx(tmp_path / "model.onnx", scaler=pipeline[0])
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (got,) = session.run(["probabilities"], {"X": raw.astype(np.float32)})
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_command_line_reads_what_a_pipeline_has_saved(dtype: str, tmp_path: Path) -> None:
    frames = pytest.importorskip("pandas")
    X, y = problem("binary")
    frame = frames.DataFrame(dict(zip("abcde", (100 * X + 1000).T, strict=True)))
    pipeline = make_pipeline(StandardScaler(), GDClassifier(**QUICK, dtype=dtype)).fit(frame, y)
    frame.assign(y=y).to_csv(tmp_path / "data.csv", index=False)
    pipeline[-1].save(tmp_path / "m", scaler=pipeline[0])
    assert load_model(tmp_path / "m").feature_names == tuple("abcde")
    reported = here("evaluate", "m", "data.csv", "--target", "y", "--json", cwd=tmp_path).json
    assert reported["accuracy"] == pytest.approx(pipeline.score(frame, y))
    assert here("predict", "m", "data.csv", "--proba", "--out", "p.npy", cwd=tmp_path).code == 0
    rtol = 1e-10 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(
        np.load(tmp_path / "p.npy"), pipeline.predict_proba(frame), rtol=rtol
    )


def test_what_is_no_scaler_of_the_network_is_refused(tmp_path: Path) -> None:
    X, y = problem("binary")
    clf = GDClassifier(**QUICK).fit(X, y)
    for scaler, message in (
        (MinMaxScaler().fit(X), "expected a StandardScaler, got MinMaxScaler"),
        (make_pipeline(StandardScaler()).fit(X), "expected a StandardScaler, got Pipeline"),
        (StandardScaler(), "expected a StandardScaler that is fitted"),
        (StandardScaler().fit(X[:, :3]), "expected one of 5 features, as the network, got 3"),
    ):
        with pytest.raises(DataError, match=message):
            clf.save(tmp_path / "model", scaler=scaler)
        with pytest.raises(DataError, match=message):
            clf.to_onnx(tmp_path / "model", scaler=scaler)
    assert not (tmp_path / "model").exists()


def test_a_model_of_the_command_line_stays_what_it_is(tmp_path: Path) -> None:
    X, _ = problem("binary")
    names = list("abcde")
    shifted = 1000 + X  # in float32 they are other numbers
    lines = [f"{','.join(map(repr, row))},{int(row[0] > 1000)}" for row in shifted.tolist()]
    (tmp_path / "data.csv").write_text("\n".join([",".join([*names, "late"]), *lines]) + "\n")
    train(tmp_path, "data.csv", "--target", "late", "--validation", 0.2, "--block-size", 64)
    clf = gdnet.load(tmp_path / "m")
    clf.set_params(max_iter=7, device="cpu").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()
    assert here("evaluate", "again", "data.csv", cwd=tmp_path).code == 0

    assert clf.parameters_.W1.dtype == np.float64
    assert here("predict", "m", "data.csv", "--logits", "--out", "z.npy", cwd=tmp_path).code == 0
    frame = pytest.importorskip("pandas").DataFrame(dict(zip(names, shifted.T, strict=True)))
    for one in (clf, pickle.loads(pickle.dumps(clf))):
        np.testing.assert_array_equal(
            one.decision_function(frame), np.load(tmp_path / "z.npy")[:, 0]
        )

    refitted = clone(clf).set_params(**QUICK).fit(X, X[:, 0] > 0)
    for one in (refitted, clf.set_params(**QUICK).fit(X, X[:, 0] > 0)):
        one.save(tmp_path / "refitted")
        model = load_model(tmp_path / "refitted")
        assert (model.target_name, model.trained_in) == (None, "float64")
        assert model.settings["iterations"] == QUICK["max_iter"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mlp_classifier_there_and_back(kind: str, activation: str, dtype: Any) -> None:
    X, y = problem(kind)
    X = X.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPClassifier((6,), activation=activation, max_iter=30, alpha=0.5, random_state=1)
        mlp.fit(X, y)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    clf = GDClassifier.from_sklearn(mlp)
    assert_same_answers(clf, mlp, X, rtol)
    assert clf.parameters_.W1.dtype == dtype
    assert clf.parameters_.W1.flags.c_contiguous
    assert (clf.n_hidden, clf.l2, clf.random_state, clf.loss_) == (6, 0.5, 1, mlp.loss_)
    back = clf.to_sklearn()
    assert_same_answers(back, mlp, X, rtol)
    assert back.score(X, y) == mlp.score(X, y)
    assert back.loss_ == mlp.loss_
    assert back.activation == activation


@pytest.mark.parametrize("kind", KINDS)
def test_a_classifier_goes_to_scikit_learn(kind: str) -> None:
    X, y = problem(kind)
    clf = GDClassifier(**QUICK).fit(X, y)
    mlp = clf.to_sklearn()
    assert_same_answers(mlp, clf, X, 1e-12)
    assert mlp.loss_curve_ == clf.loss_curve_
    assert_same_answers(GDClassifier.from_sklearn(mlp), clf, X, 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.set_params(max_iter=2).fit(X, y)  # it can be trained again


def test_an_mlp_classifier_goes_on_learning_here() -> None:
    X, y = problem("binary")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPClassifier((6,), activation="tanh", max_iter=5, random_state=1).fit(X, y)
    clf = GDClassifier.from_sklearn(mlp).set_params(warm_start=True, max_iter=50, tol=0)
    before = clf.score(X, y)
    clf.fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    assert clf.score(X, y) > before


def test_what_cannot_be_converted_is_refused() -> None:
    X, y = problem("binary")
    with pytest.raises(ValueError, match="expected an MLPClassifier, got LogisticRegression"):
        GDClassifier.from_sklearn(LogisticRegression().fit(X, y))
    with pytest.raises(NotFittedError):
        GDClassifier.from_sklearn(MLPClassifier())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deep = MLPClassifier((3, 3), max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="expected one hidden layer, got 2"):
        GDClassifier.from_sklearn(deep)
    with pytest.raises(ValueError, match="tanh, sigmoid, relu, identity, got 'silu'"):
        GDClassifier(**QUICK, activation="silu").fit(X, y).to_sklearn()
