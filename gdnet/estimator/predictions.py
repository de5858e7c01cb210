"""The predictions of a fitted GDClassifier. Here examples are rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from gdnet.activations import get_activation, get_output, softplus
from gdnet.data.device_arrays import on_host, origin_of
from gdnet.data.targets import output_of
from gdnet.estimator.data import checked_rows
from gdnet.estimator.device import Answer, choose, device_to_predict_on
from gdnet.estimator.labels import as_labels
from gdnet.model_file import Model
from gdnet.parameters import Parameters
from gdnet.prediction import Outputs, class_probabilities, forward_rows, predicted_codes


class Predictions:
    """The methods of a GDClassifier that predict."""

    # Of GDClassifier: what it is told, and what a fit leaves behind.
    device: str
    n_jobs: int | None
    matmul_precision: str
    engine: str
    parameters_: Parameters
    classes_: Any
    _kind: Any
    _activation: Any
    _loaded: Model | None

    def decision_function(self, X: Any) -> Any:
        """Return Z2, from which the outputs are computed: the logits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        array of shape (n_samples,), or (n_samples, n_outputs) but for two classes
            Above 0 for the second class or the label. An array of the library and device of X.
        """
        outputs, answer = self._forward(X)
        return answer(outputs.Z2[:, 0] if self._kind == "binary" else outputs.Z2)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class or label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        array of shape (n_samples, n_classes)
            Columns in the order of `classes_`; of two, both keep their digits where they are small.
            An array of the library and device of X.
        """
        outputs, answer = self._forward(X)
        with answer.activate():
            return answer(class_probabilities(outputs, self._kind, answer.xp))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of the probability of each class or label.

        It is computed from Z2, and so is finite where the probability is rounded to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        array of shape (n_samples, n_classes)
            As of `predict_proba`.
        """
        outputs, answer = self._forward(X)
        Z2, xp = outputs.Z2, answer.xp
        with answer.activate():
            if self._kind == "multiclass":
                below = Z2 - xp.max(Z2, axis=1, keepdims=True)
                return answer(below - xp.log(xp.sum(xp.exp(below), axis=1, keepdims=True)))
            likely = -softplus(-Z2, xp)
            if self._kind == "multilabel":
                return answer(likely)
            unlikely = -softplus(Z2, xp)
            return answer(xp.stack([unlikely[:, 0], likely[:, 0]], axis=1))

    def predict(self, X: Any) -> Any:
        """Return the most likely class, or of several labels 1 for the likely ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_labels)
            An array of the library and device of X, or of NumPy if those cannot hold the labels.
        """
        outputs, answer = self._forward(X)
        with answer.activate():
            codes = predicted_codes(outputs.Z2, self._kind)
            if self._kind == "multilabel":
                return answer(codes.astype(np.int64))
            if not answer.on_device:
                return answer(self.classes_[codes])
            if self.classes_.dtype.kind not in "biuf":
                return self.classes_[answer.backend.to_numpy(codes)]
            return answer(answer.xp.take(answer.backend.asarray(self.classes_), codes))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the fraction of right predictions; multi-label: with every label right.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each example.
        """
        predicted = on_host("predictions", self.predict(X))
        weights = on_host("sample_weight", sample_weight)
        return float(accuracy_score(as_labels(y), predicted, sample_weight=weights))

    def _forward(self, X: Any) -> tuple[Outputs, Answer]:
        """Return the outputs for X, and how to answer with them."""
        check_is_fitted(self)
        backend = choose(
            device_to_predict_on(self.device, X),
            self.n_jobs,
            self.matmul_precision,
            self.engine,
        ).backend
        seen_in: type = self.parameters_.W1.dtype.type
        if self._loaded is not None:
            seen_in = np.dtype(self._loaded.trained_in).type
        rows = checked_rows(self, X, backend, (seen_in,), reset=False)
        answer = Answer(origin_of(X), backend)
        g1, g2 = get_activation(self._activation), get_output(output_of(self._kind))
        outputs = forward_rows(self.parameters_, g1, g2, rows, backend, on_device=answer.on_device)
        return outputs, answer
