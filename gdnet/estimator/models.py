"""A fitted estimator to and from a model, as model files hold them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from gdnet.data.labels.targets import output_of
from gdnet.data.scaling import Scaling
from gdnet.errors import DataError
from gdnet.estimator.table_encoder import with_encoder
from gdnet.export.centred import rounding_notes
from gdnet.model.file import save_model
from gdnet.model.model import Model
from gdnet.training.options import OPTIONS

Estimator = TypeVar("Estimator", bound=BaseEstimator)

# Parameters of the estimators by what a model file calls them.
SETTINGS = {
    name: option.estimator for name, option in OPTIONS.items() if option.estimator is not None
}


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


def write_model(
    clf: Any, path: str | Path, scaler: Any, encoder: Any, target_scaler: Any = None
) -> None:
    """Write an estimator to a model file, as its method `save` says.

    Raises
    ------
    NotFittedError, DataError
        As there.
    """
    check_is_fitted(clf)
    save_model(with_encoder(model_of(clf, scaler, target_scaler), encoder), path)


def write_onnx(
    clf: Any,
    path: str | Path,
    dtype: npt.DTypeLike | None,
    scaler: Any,
    *,
    target_scaler: Any = None,
    labels: str | None = None,
) -> None:
    """Write an estimator as ONNX, as its method `to_onnx` says.

    Raises
    ------
    NotFittedError, DataError
        As there.

    Warns
    -----
    UserWarning
        Of features and targets of which float32, in which ONNX has its rows, has few digits.
    """
    from gdnet.export.onnx import save_onnx

    check_is_fitted(clf)
    model = model_of(clf, scaler, target_scaler)
    for note in rounding_notes(model):
        warnings.warn(note, UserWarning, stacklevel=3)
    save_onnx(model, path, dtype, labels)


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
        if name in model.settings and parameter in cls._get_param_names()
    }
    settings |= {"n_hidden": model.shape[1], "activation": model.activation}
    clf: Estimator = cls(**settings)
    set_fitted(clf, model)
    return clf
