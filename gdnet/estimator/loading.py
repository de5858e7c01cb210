"""From a model file to a fitted estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from gdnet.estimator.classifier import GDClassifier
from gdnet.estimator.models import from_model
from gdnet.estimator.regressor import GDRegressor
from gdnet.estimator.table_encoder import TableEncoder
from gdnet.model.file import load_model


def load(path: str | Path) -> Any:
    """Read a model file, of an estimator's `save` or of `gdnet train`, as a fitted estimator.

    A model of classes or labels becomes a `GDClassifier`, one that predicts numbers a
    `GDRegressor`. If it takes columns of text or with gaps, it becomes a `Pipeline` of a
    `TableEncoder`, "encoder", and that estimator, "network", for data frames with these columns.
    The file is checked, and nothing in it is executed. The curves of the cost are not in it. Until
    the estimator is fitted again, it predicts as `gdnet predict` does with the file, from numbers
    rounded to the dtype of the training, and `save` writes all of the file again.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    GDClassifier, GDRegressor or sklearn.pipeline.Pipeline
        Fitted.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or no model of gdnet.
    """
    model = load_model(path)
    estimator: GDClassifier | GDRegressor
    if model.kind == "regression":
        estimator = from_model(GDRegressor, model)
    else:
        estimator = from_model(GDClassifier, model)
    estimator._loaded = model
    if model.encoding is None:
        return estimator
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_  # an array comes from the encoder
    return Pipeline([("encoder", TableEncoder.of(model.encoding)), ("network", estimator)])
