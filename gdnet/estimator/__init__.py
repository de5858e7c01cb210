"""GDClassifier, for scikit-learn. Here examples are rows."""

from __future__ import annotations

from gdnet.estimator.classifier import GDClassifier, load

__all__ = ["GDClassifier", "load"]
