"""A fitted estimator to and from a model file's contents, and those of scikit-learn."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from gdnet.data.labels.targets import output_of
from gdnet.data.scaling import Scaling
from gdnet.errors import DataError
from gdnet.estimator.table_encoder import with_encoder
from gdnet.export.centred import rounding_notes
from gdnet.model.file import save_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters
from gdnet.training.options import OPTIONS

Estimator = TypeVar("Estimator", bound="Conversions")

# Names of the hidden activations in scikit-learn.
SKLEARN_NAMES = {"tanh": "tanh", "sigmoid": "logistic", "relu": "relu", "identity": "identity"}
GDNET_NAMES = {theirs: ours for ours, theirs in SKLEARN_NAMES.items()}

# Parameters of the estimators by what a model file calls them.
SETTINGS = {
    name: option.estimator for name, option in OPTIONS.items() if option.estimator is not None
}


class Conversions:
    """The methods of an estimator that turn it into something else, and back."""

    # Of the estimator: its settings, and what a fit leaves behind.
    l2: float
    learning_rate: float
    solver: str
    max_iter: int
    parameters_: Parameters
    n_iter_: int
    loss_: float
    _kind: Any
    _activation: Any

    #: Which class of `sklearn.neural_network` it corresponds to.
    _sklearn_name: str

    def _classes(self) -> tuple[Any, ...] | None:
        """Return the classes for a model file."""
        raise NotImplementedError

    def _sklearn_target(self) -> Any:
        """Return a target of the same classes or columns as that of the fit."""
        raise NotImplementedError

    @staticmethod
    def _kind_of_sklearn(mlp: Any) -> tuple[str, tuple[Any, ...] | None]:
        """Return kind and classes of a fitted model of scikit-learn, or raise DataError."""
        raise NotImplementedError

    def save(self, path: str | Path, *, scaler: Any = None, encoder: Any = None) -> None:
        """Write the fitted network to a model file, as `gdnet train` does.

        `gdnet.load` and the command line read it. An existing file is replaced in one step. Without
        `scaler` the file takes what the network was fitted to, in a pipeline standardised features.

        Parameters
        ----------
        path : str or Path
            The file, with any extension.
        scaler : sklearn.preprocessing.StandardScaler, optional
            Fitted, the step before the network in a pipeline. Its mean and scale are folded into W1
            and b1 in float64, and the file takes raw features.
        encoder : TableEncoder, optional
            Fitted to a data frame, the first step. The file then takes the columns of tables.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError
            If the file cannot be written there, the activation is the user's own, or `scaler` or
            `encoder` is something else, is not fitted, or has another number of features.
        """
        check_is_fitted(self)
        save_model(with_encoder(model_of(self, scaler), encoder), path)

    def to_sklearn(self) -> Any:
        """Return a fitted MLPClassifier or MLPRegressor with the same predictions.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            With the same parameters; l2, learning rate and most iterations are taken over.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError
            If scikit-learn does not have the activation.
        """
        import sklearn.neural_network

        check_is_fitted(self)
        if self._activation not in SKLEARN_NAMES:
            raise DataError(
                f"expected an activation that {self._sklearn_name} has, "
                f"{', '.join(SKLEARN_NAMES)}, got {self._activation!r}; to_onnx exports "
                "more"
            )
        W1, b1, W2, b2 = self.parameters_
        n1, n0 = W1.shape
        mlp = getattr(sklearn.neural_network, self._sklearn_name)(
            hidden_layer_sizes=(n1,),
            activation=SKLEARN_NAMES[self._activation],
            solver="sgd",
            alpha=self.l2,
            learning_rate_init=self.learning_rate,
            momentum=0,
            nesterovs_momentum=False,
            max_iter=1,
        )
        # What a fitted model consists of is scikit-learn's business: it is fitted to examples of
        # the right shapes, and gets the parameters then.
        y = self._sklearn_target()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mlp.fit(np.zeros((len(y), n0), W1.dtype), y)
        mlp.set_params(max_iter=self.max_iter)
        if self.solver == "lbfgs":
            mlp.set_params(solver="lbfgs")
        mlp.coefs_ = [W1.T.copy(), W2.T.copy()]
        mlp.intercepts_ = [b1.ravel().copy(), b2.ravel().copy()]
        mlp.n_iter_ = self.n_iter_
        mlp.loss_curve_ = list(getattr(self, "loss_curve_", []))
        if hasattr(self, "loss_"):
            mlp.loss_ = self.loss_
        if hasattr(self, "feature_names_in_"):
            mlp.feature_names_in_ = self.feature_names_in_
        return mlp

    @classmethod
    def from_sklearn(cls, mlp: Any) -> Self:
        """Return a fitted model of scikit-learn, of one hidden layer, as an estimator of gdnet.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier or MLPRegressor
            The one for GDClassifier, the other for GDRegressor. Fitted. Of its settings those with
            the same meaning here are taken over.

        Returns
        -------
        Self
            Fitted.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        DataError
            If it is something else, has another number of hidden layers, or another loss.
        """
        import sklearn.neural_network

        if not isinstance(mlp, getattr(sklearn.neural_network, cls._sklearn_name)):
            raise DataError(f"expected an {cls._sklearn_name}, got {type(mlp).__name__}")
        check_is_fitted(mlp)
        if len(mlp.coefs_) != 2:
            raise DataError(f"expected one hidden layer, got {len(mlp.coefs_) - 1}")
        kind, classes = cls._kind_of_sklearn(mlp)
        (W1, W2), (b1, b2) = mlp.coefs_, mlp.intercepts_
        parameters = Parameters(
            *(np.ascontiguousarray(p) for p in (W1.T, b1.reshape(-1, 1), W2.T, b2.reshape(-1, 1)))
        )
        names = getattr(mlp, "feature_names_in_", None)
        model = Model(
            parameters,
            GDNET_NAMES[mlp.activation],
            output_of(kind),
            kind,
            classes,
            None if names is None else tuple(names.tolist()),
            settings={
                "l2": float(mlp.alpha),
                "seed": mlp.random_state,
                "solver": "lbfgs" if mlp.solver == "lbfgs" else "gd",
            },
            training={"iterations": mlp.n_iter_, "cost": float(mlp.loss_)},
            versions={"scikit-learn": sklearn.__version__},
        )
        estimator = from_model(cls, model)
        if hasattr(mlp, "classes_"):
            estimator.classes_ = mlp.classes_  # type: ignore[attr-defined]  # of their own type
        return estimator


def model_of(clf: Any, scaler: Any = None, target_scaler: Any = None) -> Model:
    """Return a fitted estimator as a model, with the settings that JSON can hold.

    One that was loaded is the model that it was loaded from, whatever it is set to now. With a
    scaler the model takes what the scaler takes, and with one of the target it predicts what that
    was given.

    Raises
    ------
    DataError
        If a scaler is not a StandardScaler, is not fitted, or has another number of columns.
    """
    model = clf._loaded or Model(
        clf.parameters_,
        clf._activation,
        output_of(clf._kind),
        clf._kind,
        clf._classes(),
        _feature_names(clf),
        settings=_settings(clf),
        training=clf._training,
        versions=clf._versions,
    )
    parameters = clf.parameters_
    if target_scaler is not None:
        of_target = _scaling("target_scaler", target_scaler, model.shape[2])
        parameters = of_target.folded_output(parameters)
    if scaler is None:
        return replace(model, parameters=parameters)
    scaling = _scaling("scaler", scaler, model.shape[0])
    return replace(
        model,
        parameters=scaling.folded(parameters),
        # What was standardised may have been so before: z is at its mean where x is at this one.
        mean=tuple((scaling.mean + scaling.scale * np.array(model.mean or 0)).tolist()),
        feature_names=_feature_names(scaler) or model.feature_names,
        settings=model.settings | {"standardize": True},
    )


def warn_of_rounding(model: Model) -> None:
    """Warn of features and targets of which float32, in which ONNX has its rows, has few digits."""
    for note in rounding_notes(model):
        warnings.warn(note, UserWarning, stacklevel=3)


def _feature_names(fitted: Any) -> tuple[str, ...] | None:
    names = getattr(fitted, "feature_names_in_", None)
    return None if names is None else tuple(names.tolist())


def _settings(clf: Any) -> dict[str, Any]:
    settings = {}
    for name, parameter in SETTINGS.items():
        if not hasattr(clf, parameter):  # GDRegressor knows no class weights
            continue
        value = getattr(clf, parameter)
        # A search sets numbers of NumPy.
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or type(value) in (bool, int, float, str):
            settings[name] = value
    return settings


def _scaling(name: str, scaler: Any, columns: int) -> Scaling:
    """Return what a StandardScaler of so many columns does; `name` is what a user calls it."""
    if not isinstance(scaler, StandardScaler):
        raise DataError(
            f"{name}: expected a StandardScaler, got {type(scaler).__name__}: no other step can be "
            "folded into the network"
        )
    width = getattr(scaler, "n_features_in_", None)
    if width is None:
        raise DataError(f"{name}: expected a StandardScaler that is fitted, got one that is not")
    if width != columns:
        raise DataError(f"{name}: expected one of {columns} features, as the network, got {width}")
    return Scaling(
        scaler.mean_ if scaler.with_mean else np.zeros(columns),
        scaler.scale_ if scaler.with_std else np.ones(columns),
    )


def set_fitted(clf: Any, model: Model) -> None:
    """Give an estimator what `fit` would have given it, from a model."""
    n0, _, n2 = model.shape
    clf.parameters_ = model.parameters
    for name, value in clf._of_target(model.classes, n2).items():
        setattr(clf, name, value)
    clf.n_features_in_ = n0
    if model.feature_names is not None:
        clf.feature_names_in_ = np.array(model.feature_names, object)
    clf.n_iter_ = model.training.get("iterations", 0)
    clf.n_passes_ = model.training.get("passes", clf.n_iter_)
    clf.converged_ = model.training.get("converged", False)
    if "cost" in model.training:
        clf.loss_ = model.training["cost"]
    clf._kind, clf._activation = model.kind, model.activation
    clf._training, clf._versions = model.training, model.versions


def from_model(cls: type[Estimator], model: Model) -> Estimator:
    """Return a model as a fitted estimator of the class `cls`."""
    settings = {
        parameter: model.settings[name]
        for name, parameter in SETTINGS.items()
        if name in model.settings and parameter in cls._get_param_names()  # type: ignore[attr-defined]
    }
    settings |= {"n_hidden": model.shape[1], "activation": model.activation}
    clf = cls(**settings)
    set_fitted(clf, model)
    return clf
