#!/usr/bin/env bash
# scikit-learn 1.9.1: whatever an estimator gives its callbacks as `metadata` of a task, ScoringMonitor hands
# to the scorer as keyword arguments. A cost that is meant for other callbacks ends the fit with a TypeError;
# only what a scorer takes, such as sample_weight, may be in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, ScoringMonitor, with_callbacks


class Majority(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    def __init__(self, metadata=None):
        self.metadata = metadata

    @with_callbacks
    def fit(self, X, y):
        fit = self._init_callback_context(max_subtasks=1)
        data = {"estimator": self, "X": X, "y": y}
        fit.call_on_fit_task_begin(**data)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.winner_ = self.classes_[counts.argmax()]
        iteration = fit.subcontext(task_name="iteration").call_on_fit_task_begin(**data)
        iteration.call_on_fit_task_end(**data, metadata=self.metadata, reconstruction_attributes={})
        fit.call_on_fit_task_end(**data, reconstruction_attributes={})
        return self

    def predict(self, X):
        return np.full(len(X), self.winner_)


X, y = np.zeros((4, 1)), np.array([0, 1, 1, 1])


def scores(metadata):
    monitor = ScoringMonitor(scoring="accuracy")
    Majority(metadata).set_callbacks(monitor).fit(X, y)
    return [row["accuracy"] for row in monitor.get_logs().data]


print("no metadata:", scores(None))
assert scores(None) == [0.75, 0.75]
assert 0.25 in scores({"sample_weight": np.array([3.0, 1, 0, 0])})
try:
    scores({"cost": 0.5})
except TypeError as error:
    print("a cost:", error)
    assert "cost" in str(error)
else:
    raise SystemExit("a cost among the metadata is taken now")
PYTHON
