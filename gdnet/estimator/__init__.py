"""GDClassifier, GDRegressor and TableEncoder, for scikit-learn. Here examples are rows."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401 - before anything that needs it
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "GDClassifier, GDRegressor, TableEncoder and gdnet.load need scikit-learn: "
        "pip install 'scikit-learn>=1.6'"
    ) from None

from gdnet.estimator.classifier import GDClassifier
from gdnet.estimator.loading import load
from gdnet.estimator.regressor import GDRegressor
from gdnet.estimator.table_encoder import TableEncoder

__all__ = ["GDClassifier", "GDRegressor", "TableEncoder", "load"]
