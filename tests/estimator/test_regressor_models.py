"""GDRegressor among the estimators of scikit-learn, and in files."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import gdnet
from gdnet import DataError, GDClassifier, GDRegressor
from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.labelled_problems import ACTIVATIONS
from tests.support.regressors import QUICK, Rows, X, problem, y

# Other estimators around it


def test_searches_pipelines_and_transformed_targets() -> None:
    X, y = load_diabetes(return_X_y=True)
    network = make_pipeline(StandardScaler(), GDRegressor(8, max_iter=150, tol=0, random_state=0))
    reg = TransformedTargetRegressor(network, transformer=StandardScaler())
    assert cross_val_score(reg, X, y, cv=3).mean() > 0.45
    grid = {"regressor__gdregressor__l2": [0.0, 100.0]}
    search = GridSearchCV(reg, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.45
    assert search.predict(X).shape == y.shape
    several = np.column_stack([y, -y])
    assert reg.fit(X, several).predict(X).shape == several.shape
    each = MultiOutputRegressor(GDRegressor(**QUICK)).fit(*problem(2))
    assert each.predict(problem(2)[0]).shape == (150, 2)


def test_a_validation_part_goes_through_the_scaler_of_a_pipeline() -> None:
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        network = GDRegressor(**QUICK).set_fit_request(X_val=True, y_val=True)
        steps = [("scale", StandardScaler()), ("net", network)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=3 * X + 1, y_val=y)
    scaled = StandardScaler().fit(X)
    expected = GDRegressor(**QUICK).fit(
        scaled.transform(X), y, eval_set=(scaled.transform(3 * X + 1), y)
    )
    assert pipeline[-1].validation_loss_curve_ == expected.validation_loss_curve_


def test_clones_and_pickles_predict_the_same() -> None:
    reg = GDRegressor(**QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(reg))
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    np.testing.assert_array_equal(clone(reg).fit(X, y).predict(X), reg.predict(X))
    with pytest.raises(NotFittedError):
        clone(reg).predict(X)


# Model files and scikit-learn's models


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_regressor_comes_back(targets: int, dtype: str, tmp_path: Path) -> None:
    X, y = problem(targets)
    reg = GDRegressor(**QUICK, activation="gelu", l2=0.25, dtype=dtype).fit(X, y)
    reg.save(tmp_path / "model")
    again = gdnet.load(tmp_path / "model")
    assert isinstance(again, GDRegressor)
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    assert (again.n_outputs_, again.n_iter_, again.loss_) == (targets, 30, reg.loss_)
    assert (again.l2, again.activation, again.learning_rate) == (0.25, "gelu", 0.1)
    again.save(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "model").read_bytes()
    pytest.importorskip("onnx")
    for each, name in ((reg, "a.onnx"), (again, "b.onnx")):
        each.to_onnx(tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("how", [{}, {"with_mean": False}, {"with_std": False}])
def test_scalers_are_folded_into_what_is_saved(
    targets: int, how: dict[str, bool], tmp_path: Path
) -> None:
    X, y = problem(targets)
    raw = X * [1, 3, 0.2, 1, 2] + [1, -2, 0, 3, 5]
    network = make_pipeline(StandardScaler(), GDRegressor(**QUICK))
    reg = TransformedTargetRegressor(network, transformer=StandardScaler(**how)).fit(raw, y + 7)
    inner = reg.regressor_
    inner[-1].save(tmp_path / "m", scaler=inner[0], target_scaler=reg.transformer_)
    got = gdnet.load(tmp_path / "m").predict(raw)
    np.testing.assert_allclose(got, reg.predict(raw), rtol=1e-12, atol=1e-12)
    inner[-1].save(tmp_path / "s", scaler=inner[0])
    standardised = gdnet.load(tmp_path / "s").predict(raw)
    np.testing.assert_allclose(
        reg.transformer_.inverse_transform(standardised.reshape(len(raw), -1)).reshape(y.shape),
        got,
        rtol=1e-12,
    )
    with pytest.raises(DataError, match="target_scaler: expected one of"):
        inner[-1].save(tmp_path / "no", target_scaler=inner[0])
    with pytest.raises(DataError, match="target_scaler: expected a StandardScaler, got str"):
        inner[-1].save(tmp_path / "no", target_scaler="standard")


def test_models_of_the_command_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=X, y=50 * y + 1000)
    train(tmp_path, "data.npz", "--task", "regression", "--iterations", 40)
    reg = gdnet.load(tmp_path / "m")
    assert isinstance(reg, GDRegressor)
    assert here("predict", "m", "data.npz", "--out", "p.npy", cwd=tmp_path).code == 0
    np.testing.assert_array_equal(reg.predict(X), np.load(tmp_path / "p.npy"))
    GDRegressor(**QUICK).fit(X, y).save(tmp_path / "saved")
    np.savez(tmp_path / "same.npz", X=X, y=y)
    caught = here("evaluate", "saved", "same.npz", "--json", cwd=tmp_path).json
    assert caught["r2"] == pytest.approx(GDRegressor(**QUICK).fit(X, y).score(X, y), rel=1e-12)
    ours, theirs = load_model(tmp_path / "saved"), load_model(tmp_path / "m")
    for part in ("settings", "training", "versions"):
        assert set(getattr(ours, part)) <= set(getattr(theirs, part))


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_to_scikit_learn_and_back(targets: int, activation: str) -> None:
    X, y = problem(targets)
    reg = GDRegressor(**QUICK, activation=activation).fit(X, y)
    mlp = reg.to_sklearn()
    assert isinstance(mlp, MLPRegressor)
    np.testing.assert_allclose(mlp.predict(X), reg.predict(X), rtol=1e-12, atol=1e-13)
    assert mlp.score(X, y) == pytest.approx(reg.score(X, y), rel=1e-12)
    back = GDRegressor.from_sklearn(mlp)
    np.testing.assert_array_equal(back.predict(X), reg.predict(X))
    assert (back.n_outputs_, back.activation) == (targets, activation)


def test_other_models_of_scikit_learn_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier = MLPClassifier((3,), max_iter=2).fit(X, y > 0)
        deep = MLPRegressor(hidden_layer_sizes=(3, 2), max_iter=2).fit(X, y)
        poisson = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, loss="poisson").fit(
            X, np.abs(y)
        )
    for cls, mlp, message in (
        (GDRegressor, classifier, "expected an MLPRegressor, got MLPClassifier"),
        (GDClassifier, deep, "expected an MLPClassifier, got MLPRegressor"),
        (GDRegressor, deep, "expected one hidden layer, got 2"),
        (GDRegressor, poisson, "expected an MLPRegressor of the squared error"),
    ):
        with pytest.raises(DataError, match=message):
            cls.from_sklearn(mlp)


# How well it predicts


def held_out(name: str) -> tuple[Rows, Rows, Rows, Rows]:
    """Return standardised features and targets, to train on and to test on."""
    X, y = load_diabetes(return_X_y=True)
    if name == "friedman":
        X, y = make_friedman1(2000, noise=1.0, random_state=0)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    of_X, of_y = StandardScaler().fit(X), StandardScaler().fit(y[:, None])
    targets = (of_y.transform(each[:, None])[:, 0] for each in (y, y_test))
    return of_X.transform(X), of_X.transform(X_test), *targets


@pytest.mark.parametrize(("table", "penalty"), [("diabetes", 100.0), ("friedman", 1.0)])
def test_predicts_as_well_as_mlp_regressor_and_ridge(table: str, penalty: float) -> None:
    X, X_test, y, y_test = held_out(table)
    mlp = MLPRegressor(
        hidden_layer_sizes=(16,),
        activation="tanh",
        solver="lbfgs",
        alpha=penalty,
        random_state=0,
        max_iter=500,
        max_fun=10**6,
    )
    candidates = {
        "gdnet": GDRegressor(16, solver="lbfgs", l2=penalty, random_state=0, max_iter=500),
        "mlp": mlp,
        "ridge": Ridge(penalty),
    }
    error = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, candidate in candidates.items():
            predicted = candidate.fit(X, y).predict(X_test)
            error[name] = root_mean_squared_error(y_test, predicted)
    assert error["gdnet"] < 1.03 * error["mlp"]
    assert error["gdnet"] < (1.02 if table == "diabetes" else 0.5) * error["ridge"]
