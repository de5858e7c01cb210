"""GDClassifier and GDRegressor, for scikit-learn. Here examples are rows."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401 - before anything that needs it
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "GDClassifier, GDRegressor and gdnet.load need scikit-learn: "
        "pip install 'scikit-learn>=1.6'"
    ) from None

from gdnet.estimator.classifier import GDClassifier
from gdnet.estimator.loading import load
from gdnet.estimator.regressor import GDRegressor

__all__ = ["GDClassifier", "GDRegressor", "load"]
