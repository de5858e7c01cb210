"""GDClassifier with what surrounds it: pipelines, searches, data frames, joblib, pickles."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdnet
from gdnet import GDClassifier
from gdnet.backends.host import usable_cpus
from gdnet.estimator.device import threads_of
from tests.support.classifiers import QUICK, X, y


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
