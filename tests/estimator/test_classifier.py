"""GDClassifier as its users meet it: fitted attributes, parameters, other estimators around it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdnet
from gdnet import Activation, GDClassifier
from gdnet.backends.host import usable_cpus
from gdnet.estimator.device import threads_of
from gdnet.parameters import Parameters, initialise
from tests.support.labelled_problems import problem

Rows = np.ndarray[Any, Any]
QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 30, "tol": 0, "random_state": 0}
X, y = problem("binary")
X.flags.writeable = False


def test_the_lectures_lab(planar: tuple[Rows, Rows], lab: Any) -> None:
    columns, Y = planar
    clf = GDClassifier(
        4, learning_rate=1.2, max_iter=5001, tol=0, init_scale=0.01, random_state=2
    ).fit(columns.T, Y[0])
    published = lab["planar_training"]["init_seed_2"]["published_cost_every_1000"][:6]
    np.testing.assert_allclose(clf.loss_curve_[::1000], published, atol=5e-7)
    assert clf.score(columns.T, Y[0]) >= 0.9
    assert (clf.n_iter_, clf.converged_, clf.device_) == (5001, False, "cpu")


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_types(kind: str, dtype: Any) -> None:
    X, y = problem(kind)
    X = X.astype(dtype)
    clf = GDClassifier(**QUICK, device="cpu").fit(X, y)
    outputs = {"binary": 1, "multiclass": 3, "multilabel": 3}[kind]
    assert isinstance(clf.parameters_, Parameters)
    shapes = [(4, 5), (4, 1), (outputs, 4), (outputs, 1)]
    assert [p.shape for p in clf.parameters_] == shapes
    assert {p.dtype for p in clf.parameters_} == {np.dtype(dtype)}
    assert clf.predict(X).shape == y.shape
    probabilities, logits = clf.predict_proba(X), clf.decision_function(X)
    assert probabilities.dtype == logits.dtype == dtype
    assert probabilities.shape == (len(X), 2 if kind == "binary" else 3)
    assert logits.shape == ((len(X),) if kind == "binary" else (len(X), 3))
    if kind != "multilabel":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
        labels = clf.classes_[probabilities.argmax(axis=1)]
        np.testing.assert_array_equal(clf.predict(X), labels)
    assert len(clf.loss_curve_) == clf.n_iter_ == 30
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    assert clf.validation_loss_curve_ is None
    assert clf.n_features_in_ == 5


def test_dtype_is_what_was_asked_for() -> None:
    clf = GDClassifier(**QUICK, dtype="float32").fit(X, y)
    assert clf.parameters_.W1.dtype == clf.predict_proba(X).dtype == np.float32
    clf = GDClassifier(**QUICK, dtype=np.float64).fit(X.astype(np.float32), y)
    assert clf.parameters_.W1.dtype == np.float64
    narrow = X.astype(np.float32)
    clf = clone(clf).set_params(dtype=narrow.dtype).fit(X, y)
    assert clf.parameters_.W1.dtype == np.float32
    assert GDClassifier(**QUICK).fit((9 * X).astype(int), y).parameters_.W1.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_threads_or_layout(dtype: Any) -> None:
    random = np.random.RandomState(0)
    rows = random.randn(5000, 6).astype(dtype)
    labels = (rows[:, 0] > 0.1).astype(int)
    settings = {**QUICK, "block_size": 512, "device": "cpu"}
    one = GDClassifier(**settings, n_jobs=1).fit(rows, labels)
    for n_jobs, X in ((3, rows), (None, np.asfortranarray(rows)), (-1, rows.repeat(2, 1)[:, ::2])):
        other = GDClassifier(**settings, n_jobs=n_jobs).fit(X, labels)
        for got, want in zip(other.parameters_, one.parameters_, strict=True):
            np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(other.predict_proba(X), one.predict_proba(rows))


def test_a_prediction_does_not_depend_on_the_rows_beside_it() -> None:
    clf = GDClassifier(16, max_iter=5, tol=0, random_state=0, device="cpu")
    rows = X.astype(np.float32)
    together = clf.fit(rows, y).decision_function(rows)
    for i in (0, 17, 149):
        assert clf.decision_function(rows[i : i + 1])[0] == together[i]
    np.testing.assert_array_equal(clf.decision_function(rows[::-1]), together[::-1])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_log_probabilities_are_finite_where_probabilities_are_0(kind: str) -> None:
    special = pytest.importorskip("scipy.special")
    X, y = problem(kind)
    clf = GDClassifier(**QUICK).fit(X, y)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(clf.predict_proba(X)), rtol=1e-12)
    clf.parameters_ = clf.parameters_._replace(W2=1e4 * clf.parameters_.W2)
    assert (clf.predict_proba(X) == 0).any()
    Z2 = clf.decision_function(X)
    expected = {
        "binary": lambda: special.log_expit(np.stack([-Z2, Z2], axis=1)),
        "multiclass": lambda: special.log_softmax(Z2, axis=1),
        "multilabel": lambda: special.log_expit(Z2),
    }[kind]()
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, rtol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_small_probabilities_of_both_classes_keep_their_digits(sign: int) -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    clf.parameters_ = clf.parameters_._replace(W2=sign * 50 * clf.parameters_.W2)
    Z2, probabilities = clf.decision_function(X), clf.predict_proba(X)
    assert Z2.max() > 40  # where 1 - A2 is 0
    assert Z2.min() < -40
    expected = np.exp(-np.logaddexp(0, np.stack([Z2, -Z2], axis=1)))
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_wherever_they_are(value: float) -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    rows = X.copy()
    rows[-1, -1] = value
    for bad in (rows, np.asfortranarray(rows), rows.tolist(), rows.astype(np.float32)):
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            clf.predict(bad)


def test_finite_numbers_whose_sum_is_not() -> None:
    clf = GDClassifier(**QUICK).fit(X.astype(np.float32), y)
    large = np.full((8, 5), 1e38, np.float32)
    np.testing.assert_array_equal(clf.predict(large), clf.predict(large.tolist()))


def test_random_state_of_every_kind() -> None:
    first = initialise(5, 4, 1, random_state=7).W1
    for state in (7, np.random.RandomState(7), np.int64(7)):
        settings = {**QUICK, "random_state": state, "learning_rate": 1e-12, "max_iter": 1}
        clf = GDClassifier(**settings).fit(X, y)
        np.testing.assert_allclose(clf.parameters_.W1, first, rtol=1e-9)
    two = [GDClassifier(**{**QUICK, "random_state": None}).fit(X, y) for _ in range(2)]
    assert not np.array_equal(two[0].parameters_.W1, two[1].parameters_.W1)


def test_tol_ends_the_fit_and_0_does_not() -> None:
    clf = GDClassifier(4, tol=1e-2, n_iter_no_change=3, random_state=0).fit(X, y)
    assert clf.converged_
    assert len(clf.loss_curve_) == clf.n_iter_ < 1000
    exact = GDClassifier(4, tol=0, max_iter=clf.n_iter_, random_state=0).fit(X, y)
    assert not exact.converged_
    np.testing.assert_array_equal(exact.parameters_.W1, clf.parameters_.W1)


def test_loss_is_that_of_the_parameters_that_are_kept() -> None:
    settings = {**QUICK, "l2": 2.0, "class_weight": "balanced"}
    clf = GDClassifier(**settings).fit(X, y)
    longer = GDClassifier(**{**settings, "max_iter": 40}).fit(X, y)
    assert clf.loss_ == longer.loss_curve_[30]
    settings |= {"early_stopping": True, "max_iter": 500, "learning_rate": 2.0, "l2": 0.0}
    stopped = GDClassifier(**settings).fit(X[:30], y[:30], eval_set=(X[30:], y[30:]))
    best = int(np.argmin(stopped.validation_loss_curve_ or []))
    assert 0 < best < stopped.n_iter_ - 1
    assert stopped.loss_ == pytest.approx(stopped.loss_curve_[best], rel=1e-12)


def test_warm_start_goes_on_where_the_last_fit_ended() -> None:
    clf = GDClassifier(**{**QUICK, "max_iter": 20}, warm_start=True).fit(X, y)
    clf.set_params(max_iter=10).fit(X, y)
    whole = GDClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(clf.parameters_.W1, whole.parameters_.W1)
    assert clf.loss_curve_ == whole.loss_curve_
    assert clf.n_iter_ == 10
    for other, message in (
        (clone(clf).fit(X, y).set_params(n_hidden=5), "expected its n_hidden, 4, got 5"),
        (clone(clf).fit(X, y == "yes"), r"expected its classes, \[False, True\], got \['no'"),
    ):
        with pytest.raises(ValueError, match=message):
            other.fit(X, y)
    with pytest.raises(ValueError, match="5 features"):
        clf.fit(X[:, :3], y)


def test_an_activation_of_ones_own() -> None:
    square = Activation("square", lambda Z, xp: Z * Z, lambda Z, xp: 2 * Z, slope_needs_Z1=True)
    clf = clone(GDClassifier(**QUICK, activation=square)).fit(X, y)
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]
    W1, b1, W2, b2 = clf.parameters_
    np.testing.assert_allclose(
        clf.decision_function(X), (W2 @ (W1 @ X.T + b1) ** 2 + b2)[0], rtol=1e-12
    )


def test_parameters_set_after_a_fit_do_not_change_its_predictions() -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(activation="relu", n_hidden=9, dtype="float32")
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library: str) -> None:
    frames = pytest.importorskip(library)
    names = [f"feature {i}" for i in range(5)]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    clf = GDClassifier(**QUICK).fit(frame, frames.Series(y))
    assert clf.feature_names_in_.tolist() == names
    plain = GDClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(frame), plain.predict_proba(X))
    assert clf.score(frame, frames.Series(y)) == plain.score(X, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame[names[::-1]])


def test_pipelines_searches_and_calibration() -> None:
    pandas = pytest.importorskip("pandas")
    rows, labels = load_breast_cancer(return_X_y=True)
    frame = pandas.DataFrame(rows)
    frame.columns = [f"f{i}" for i in range(30)]
    pipeline = make_pipeline(StandardScaler(), GDClassifier(8, max_iter=50, tol=0, random_state=0))
    pipeline.set_output(transform="pandas")
    assert cross_val_score(pipeline, frame, labels, cv=3).min() > 0.9
    grid = {"gdclassifier__learning_rate": [0.1, 1.0], "gdclassifier__activation": ["relu", "tanh"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(frame, labels)
    assert search.best_score_ > 0.9
    calibrated = CalibratedClassifierCV(pipeline, cv=2).fit(rows, labels, sample_weight=None)
    assert calibrated.score(rows, labels) > 0.9


def test_sample_weights_are_routed() -> None:
    import sklearn

    weights = np.linspace(0, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        clf = GDClassifier(**QUICK).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, clf).fit(X, y, sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    direct = GDClassifier(**QUICK).fit(scaled, y, sample_weight=weights)
    np.testing.assert_array_equal(pipeline[-1].parameters_.W1, direct.parameters_.W1)


def test_pickle_and_joblib_keep_the_bits() -> None:
    import joblib

    clf = GDClassifier(**QUICK).fit(X, y)
    buffer = io.BytesIO()
    joblib.dump(clf, buffer)
    buffer.seek(0)
    for again in (pickle.loads(pickle.dumps(clf)), joblib.load(buffer)):
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        assert again.loss_curve_ == clf.loss_curve_


def test_score_takes_weights() -> None:
    clf = GDClassifier(**QUICK).fit(X, y)
    right = clf.predict(X) == y
    weights = np.linspace(0, 1, len(X))
    assert clf.score(X, y, weights) == pytest.approx((right * weights).sum() / weights.sum())


def test_one_column_of_labels_is_taken_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = GDClassifier(**QUICK).fit(X, y.reshape(-1, 1))
    assert clf.predict(X).shape == (150,)


def test_a_sparse_y_of_several_labels_is_taken() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    rows, labels = problem("multilabel")
    sparse = GDClassifier(**QUICK).fit(rows, scipy_sparse.csr_array(labels))
    dense = GDClassifier(**QUICK).fit(rows, labels)
    np.testing.assert_array_equal(sparse.parameters_.W1, dense.parameters_.W1)


SPOILT = X.copy()
SPOILT[3, 2] = np.nan


@pytest.mark.parametrize(
    ("X", "y", "more", "message"),
    [
        (SPOILT, y, {}, "Input X contains NaN"),
        (X[:, 0], y, {}, "Expected 2D array, got 1D array instead"),
        (np.full((150, 2), "a", object), y, {}, "could not convert string to float"),
        (X, y[:9], {}, "inconsistent numbers of samples"),
        (X, np.ones(150), {}, "at least 2 classes, got one class only"),
        (X, X[:, 0], {}, "Unknown label type: continuous"),
        (X, np.where(X[:, :2] > 0, 3, 4), {}, "expected 0 or 1, got"),
        (X, None, {}, "requires y to be passed, but the target y is None"),
        (X, y, {"sample_weight": np.zeros(150)}, "(?i)weights must contain at least one|all zero"),
        (X, y, {"sample_weight": np.full(150, -1.0)}, "Negative values in data"),
        (X, y, {"sample_weight": np.ones(7)}, "sample_weight.shape"),
        (X, y, {"eval_set": [(X, y)]}, r"tuple \(X, y\) or \(X, y, sample_weight\), got a list"),
        (X, y, {"eval_set": (X[:, :2], y)}, "^eval_set: X has 2 features, but .* is expecting 5"),
        (X, y, {"eval_set": (SPOILT, y)}, "^eval_set: Input X contains NaN"),
        (X, y, {"eval_set": (X, y[:9])}, "^eval_set: Found input variables with inconsistent"),
        (X, y, {"eval_set": (X, None)}, "^eval_set: .* the target y is None"),
        (X, y, {"eval_set": (X, y, np.ones(7))}, "^eval_set: sample_weight.shape"),
        (
            X,
            y,
            {"eval_set": (X, np.where(y == "no", "No", y))},
            "^eval_set: .* classes of the model",
        ),
    ],
)
def test_bad_data_are_refused(X: Any, y: Any, more: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        GDClassifier(**QUICK).fit(X, y, **more)
    assert "Traceback" not in str(caught.value)


def test_sparse_data_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse").csr_array(X)
    with pytest.raises(TypeError, match="expected dense data, got a sparse csr_array"):
        GDClassifier(**QUICK).fit(sparse, y)
    with pytest.raises(TypeError, match="eval_set: X: expected dense data, got a sparse csr_array"):
        GDClassifier(**QUICK).fit(X, y, eval_set=(sparse, y))


def test_bad_data_to_predict_are_refused() -> None:
    clf = GDClassifier(**QUICK)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf.fit(X, y)
    with pytest.raises(ValueError, match="3 features, but GDClassifier is expecting 5"):
        clf.predict(X[:, :3])
    with pytest.raises(ValueError, match="1D array"):
        clf.predict(X[0])
    with pytest.raises(ValueError, match="NaN"):
        clf.predict_proba(SPOILT)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_hidden", 0, "int in the range"),
        ("n_hidden", 2.5, "int in the range"),
        ("activation", "thanh", "must be a str among .*'tanh'"),
        ("learning_rate", 0, "float in the range"),
        ("learning_rate", float("inf"), "float in the range"),
        ("max_iter", 0, "int in the range"),
        ("tol", -1, "float in the range"),
        ("tol", 1.0, "float in the range"),
        ("l2", -1.0, "float in the range"),
        ("l2", float("inf"), "float in the range"),
        ("init_scale", "large", "'auto'"),
        ("init_scale", float("inf"), "float in the range"),
        ("class_weight", "even", "'balanced'"),
        ("class_weight", {"perhaps": 2.0}, r"the classes \['no', 'yes'\], got one of 'perhaps'"),
        ("class_weight", {"yes": -1.0}, "at least 0, got -1.0 for 'yes'"),
        ("class_weight", {"yes": 0, "no": 0}, "at least one class, got all 0"),
        ("validation_fraction", 1.0, "float in the range"),
        ("device", "gpu", "unknown device 'gpu': choose auto, cpu, cuda or cuda:N"),
        ("dtype", "float16", "'float32'"),
        ("block_size", 0, "'auto'"),
        ("n_jobs", 0, "n_jobs: expected a number of threads"),
        ("matmul_precision", "high", "'tf32'"),
        ("engine", "sometimes", "'cublas_fused'"),
        ("verbose", -1, "verbose"),
    ],
)
def test_bad_parameters_are_refused_by_fit(name: str, value: Any, message: str) -> None:
    clf = GDClassifier().set_params(**{name: value})
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


def test_what_only_cuda_has_is_refused_on_a_cpu() -> None:
    for settings in ({"engine": "fused"}, {"matmul_precision": "tf32"}):
        clf = GDClassifier(device="cpu").set_params(**settings)
        with pytest.raises(ValueError, match=f"{next(iter(settings.values()))}' is for CUDA"):
            clf.fit(X, y)


def test_mapping_of_class_weights_is_not_for_several_labels() -> None:
    rows, labels = problem("multilabel")
    with pytest.raises(
        ValueError, match=r"class_weight: expected 'balanced' or None .*, got weights of classes"
    ):
        GDClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0}).fit(rows, labels)


def test_workers_of_joblib_take_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    from gdnet.estimator import device

    monkeypatch.setattr(device, "usable_cpus", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    assert [threads_of(n) for n in (None, -1, -2, 3, -99)] == [8, 8, 7, 3, 1]
    for share, expected in (("2", 2), ("16", 8), ("", 8), ("2,1", 8)):
        monkeypatch.setenv("OMP_NUM_THREADS", share)
        assert threads_of(None) == expected
    assert threads_of(-1) == 8


def test_a_worker_of_joblib_is_one() -> None:
    import joblib

    shares = joblib.Parallel(n_jobs=2)(joblib.delayed(threads_of)(None) for _ in range(2))
    assert shares == [max(1, usable_cpus() // 2)] * 2


def test_without_scikit_learn_the_remedy_is_reported() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import gdnet
for name in ("GDClassifier", "load"):
    try:
        getattr(gdnet, name)
    except ImportError as error:
        print(error)
"""
    root = Path(gdnet.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    caught = (
        "GDClassifier, GDRegressor, TableEncoder and gdnet.load need scikit-learn: "
        "pip install 'scikit-learn>=1.6'"
    )
    assert done.stdout.splitlines() == [caught, caught]


def test_fit_says_nothing_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    GDClassifier(**QUICK).fit(X, y)
    assert capfd.readouterr() == ("", "")
    GDClassifier(**QUICK, verbose=1, device="cpu").fit(X, y, eval_set=(X, y))
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "gdnet: on cpu (asked for)"
    assert len(lines) == 12
    assert lines[1].startswith("gdnet: iteration 0, cost 0.")
    assert "validation cost 0." in lines[-1]
    assert lines[-1].startswith("gdnet: iteration 29, ")


def test_device_is_reported_without_what_to_install(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    GDClassifier(**QUICK, verbose=1).fit(X, y)
    said = "gdnet: on cpu (no CUDA: CuPy is not installed)"
    assert capfd.readouterr().err.splitlines()[0] == said


@pytest.mark.filterwarnings("error")
def test_warning_of_no_convergence() -> None:
    with pytest.warns(
        ConvergenceWarning, match="tol=0.0001 when max_iter=5 .* set tol=0"
    ) as caught:
        GDClassifier(max_iter=5, random_state=0).fit(X, y)
    assert caught[0].filename == __file__
