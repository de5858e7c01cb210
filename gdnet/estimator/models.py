"""A fitted GDClassifier to and from a model file's contents, and scikit-learn's MLPClassifier."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from gdnet.data.scaling import Scaling
from gdnet.data.targets import output_of
from gdnet.errors import DataError
from gdnet.export.centred import rounding_note
from gdnet.model_file import Model, save_model
from gdnet.parameters import Parameters
from gdnet.training.options import OPTIONS

Classifier = TypeVar("Classifier", bound="Conversions")

# Names of the hidden activations in scikit-learn.
SKLEARN_NAMES = {"tanh": "tanh", "sigmoid": "logistic", "relu": "relu", "identity": "identity"}
GDNET_NAMES = {theirs: ours for ours, theirs in SKLEARN_NAMES.items()}

# Parameters of GDClassifier by what a model file calls them.
SETTINGS = {
    name: option.estimator for name, option in OPTIONS.items() if option.estimator is not None
}


class Conversions:
    """The methods of a GDClassifier that turn it into something else, and back."""

    # Of GDClassifier: what it is told, and what a fit leaves behind.
    l2: float
    learning_rate: float
    solver: str
    max_iter: int
    parameters_: Parameters
    classes_: Any
    n_iter_: int
    loss_: float
    _kind: Any
    _activation: Any

    def save(self, path: str | Path, *, scaler: Any = None) -> None:
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

        Raises
        ------
        DataError
            If the file cannot be written there, the activation is the user's own, or `scaler` is
            something else, is not fitted, or has another number of features.
        """
        check_is_fitted(self)
        save_model(model_of(self, scaler), path)

    def to_onnx(
        self,
        path: str | Path,
        dtype: npt.DTypeLike | None = None,
        *,
        scaler: Any = None,
        labels: str | None = None,
    ) -> None:
        """Write the fitted network as ONNX, as `gdnet export` does.

        Its input is ``X``, float32 of shape (batch, n_features); its outputs are ``label`` and
        ``probabilities``, as `predict` and `predict_proba` give them. An existing file is replaced
        in one step.

        Parameters
        ----------
        path : str or Path
            The file.
        dtype : float32 or float64, optional
            What the graph computes in; None is the type that the network was fitted in, and
            float32 with `scaler`, whose mean the graph subtracts first.
        scaler : sklearn.preprocessing.StandardScaler, optional
            As of `save`: with it the graph takes raw features.
        labels : {"text", "codes", "none"}, optional
            What ``label`` is: None is the class as `predict` gives it, "text" its name, "codes" its
            number in `classes_`, and with "none" there is no such output.

        Warns
        -----
        UserWarning
            If float32 has few digits of a feature, as of times in seconds since 1970.

        Raises
        ------
        DataError
            If the onnx package is not installed, the file cannot be written there, the activation
            is the user's own, or `scaler` or `labels` does not fit.
        """
        from gdnet.onnx import save_onnx

        check_is_fitted(self)
        model = model_of(self, scaler)
        note = rounding_note(model)
        if note:
            warnings.warn(note, UserWarning, stacklevel=2)
        save_onnx(model, path, dtype, labels)

    def to_sklearn(self) -> Any:
        """Return a fitted `sklearn.neural_network.MLPClassifier` with the same predictions.

        Raises
        ------
        DataError
            If scikit-learn does not have the activation.
        """
        from sklearn.neural_network import MLPClassifier

        check_is_fitted(self)
        if self._activation not in SKLEARN_NAMES:
            raise DataError(
                f"expected an activation that MLPClassifier has, {', '.join(SKLEARN_NAMES)}, got "
                f"{self._activation!r}; gdnet.onnx exports every one"
            )
        W1, b1, W2, b2 = self.parameters_
        n1, n0 = W1.shape
        mlp = MLPClassifier(
            (n1,),
            activation=SKLEARN_NAMES[self._activation],
            solver="sgd",
            alpha=self.l2,
            learning_rate_init=self.learning_rate,
            momentum=0,
            nesterovs_momentum=False,
            max_iter=1,
        )
        # What a fitted MLPClassifier consists of is scikit-learn's business: it is fitted to
        # examples of the right shapes, and gets the parameters then.
        y = np.eye(W2.shape[0], dtype=int) if self._kind == "multilabel" else self.classes_
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
        """Return a fitted MLPClassifier of one hidden layer as a GDClassifier.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted. Of its settings those with the same meaning here are taken over.

        Raises
        ------
        DataError
            If it is something else, or has another number of hidden layers.
        """
        from sklearn.neural_network import MLPClassifier

        if not isinstance(mlp, MLPClassifier):
            raise DataError(f"expected an MLPClassifier, got {type(mlp).__name__}")
        check_is_fitted(mlp)
        if len(mlp.coefs_) != 2 or len(mlp.classes_) < 2:
            raise DataError(
                "expected one hidden layer and at least 2 classes, got "
                f"{len(mlp.coefs_) - 1} and {len(mlp.classes_)}"
            )
        (W1, W2), (b1, b2) = mlp.coefs_, mlp.intercepts_
        parameters = Parameters(
            *(np.ascontiguousarray(p) for p in (W1.T, b1.reshape(-1, 1), W2.T, b2.reshape(-1, 1)))
        )
        if mlp.out_activation_ == "softmax":
            kind = "multiclass"
        else:
            kind = "binary" if mlp.n_outputs_ == 1 else "multilabel"
        names = getattr(mlp, "feature_names_in_", None)
        model = Model(
            parameters,
            GDNET_NAMES[mlp.activation],
            output_of(kind),
            kind,
            None if kind == "multilabel" else tuple(mlp.classes_.tolist()),
            None if names is None else tuple(names.tolist()),
            settings={
                "l2": float(mlp.alpha),
                "seed": mlp.random_state,
                "solver": "lbfgs" if mlp.solver == "lbfgs" else "gd",
            },
            training={"iterations": mlp.n_iter_, "cost": float(mlp.loss_)},
            versions={"scikit-learn": sklearn.__version__},
        )
        clf = from_model(cls, model)
        clf.classes_ = mlp.classes_  # of their own type
        return clf


def model_of(clf: Any, scaler: Any = None) -> Model:
    """Return a fitted estimator as a model, with the settings that JSON can hold.

    One that was loaded is the model that it was loaded from, whatever it is set to now. With a
    scaler the model takes what the scaler takes.
    """
    model = clf._loaded or Model(
        clf.parameters_,
        clf._activation,
        output_of(clf._kind),
        clf._kind,
        None if clf._kind == "multilabel" else tuple(clf.classes_.tolist()),
        _feature_names(clf),
        settings=_settings(clf),
        training=clf._training,
        versions=clf._versions,
    )
    if scaler is None:
        return replace(model, parameters=clf.parameters_)
    scaling = _scaling(scaler, model.shape[0])
    return replace(
        model,
        parameters=scaling.folded(clf.parameters_),
        # What was standardised may have been so before: z is at its mean where x is at this one.
        mean=tuple((scaling.mean + scaling.scale * np.array(model.mean or 0)).tolist()),
        feature_names=_feature_names(scaler) or model.feature_names,
        settings=model.settings | {"standardize": True},
    )


def _feature_names(fitted: Any) -> tuple[str, ...] | None:
    names = getattr(fitted, "feature_names_in_", None)
    return None if names is None else tuple(names.tolist())


def _settings(clf: Any) -> dict[str, Any]:
    settings = {}
    for name, parameter in SETTINGS.items():
        value = getattr(clf, parameter)
        # A search sets numbers of NumPy.
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or type(value) in (bool, int, float, str):
            settings[name] = value
    return settings


def _scaling(scaler: Any, n0: int) -> Scaling:
    """Return what a StandardScaler of n0 features does."""
    if not isinstance(scaler, StandardScaler):
        raise DataError(
            f"scaler: expected a StandardScaler, got {type(scaler).__name__}: no other step can be "
            "folded into the network"
        )
    width = getattr(scaler, "n_features_in_", None)
    if width is None:
        raise DataError("scaler: expected a StandardScaler that is fitted, got one that is not")
    if width != n0:
        raise DataError(f"scaler: expected one of {n0} features, as the network, got {width}")
    return Scaling(
        scaler.mean_ if scaler.with_mean else np.zeros(n0),
        scaler.scale_ if scaler.with_std else np.ones(n0),
    )


def set_fitted(clf: Any, model: Model) -> None:
    """Give an estimator what `fit` would have given it, from a model."""
    n0, _, n2 = model.shape
    clf.parameters_ = model.parameters
    clf.classes_ = np.arange(n2) if model.classes is None else np.array(model.classes)
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


def from_model(cls: type[Classifier], model: Model) -> Classifier:
    """Return a model as a fitted estimator of the class `cls`."""
    settings = {
        parameter: model.settings[name]
        for name, parameter in SETTINGS.items()
        if name in model.settings
    }
    settings |= {"n_hidden": model.shape[1], "activation": model.activation}
    clf = cls(**settings)
    set_fitted(clf, model)
    return clf
