"""The predictions of a fitted GDClassifier, or GDRegressor. Here examples are rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from gdnet.activations import softplus
from gdnet.data.device_arrays import on_host
from gdnet.estimator.device import OutputConverter
from gdnet.estimator.labels import as_labels
from gdnet.model.prediction import Outputs, class_probabilities, predicted_codes


class ClassPredictions:
    """The methods of a GDClassifier that predict."""

    # Of GDClassifier.
    classes_: Any
    _kind: Any
    _forward: Callable[[Any], tuple[Outputs, OutputConverter]]

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

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError, ValueError, TypeError
            For an X of another width, sparse, or with numbers that are missing or not finite.
        DeviceUnavailable
            If a CUDA device was asked for and cannot be used.
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

        Raises
        ------
        NotFittedError, DataError, ValueError, TypeError, DeviceUnavailable
            As `decision_function`.
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

        Raises
        ------
        NotFittedError, DataError, ValueError, TypeError, DeviceUnavailable
            As `decision_function`.
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

        Raises
        ------
        NotFittedError, DataError, ValueError, TypeError, DeviceUnavailable
            As `decision_function`.
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

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        NotFittedError, DataError, ValueError, TypeError, DeviceUnavailable
            As `decision_function`, and for labels or weights that do not fit X.
        """
        predicted = on_host("predictions", self.predict(X))
        weights = on_host("sample_weight", sample_weight)
        return float(accuracy_score(as_labels(y), predicted, sample_weight=weights))


class NumberPredictions:
    """The methods of a GDRegressor that predict."""

    # Of GDRegressor.
    n_outputs_: int
    _forward: Callable[[Any], tuple[Outputs, OutputConverter]]

    def predict(self, X: Any) -> Any:
        """Return A2, the predicted numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        array of shape (n_samples,), or (n_samples, n_outputs) of several targets
            An array of the library and device of X.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError, ValueError, TypeError
            For an X of another width, sparse, or with numbers that are missing or not finite.
        DeviceUnavailable
            If a CUDA device was asked for and cannot be used.
        """
        outputs, answer = self._forward(X)
        return answer(outputs.A2[:, 0] if self.n_outputs_ == 1 else outputs.A2)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions, of several targets the mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true numbers.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each example.

        Returns
        -------
        float
            At most 1; 0 is that of always predicting the mean.

        Raises
        ------
        NotFittedError, DataError, ValueError, TypeError, DeviceUnavailable
            As `predict`, and for numbers or weights that do not fit X.

        References
        ----------
        Computed by `sklearn.metrics.r2_score`.
        """
        predicted = on_host("predictions", self.predict(X))
        weights = on_host("sample_weight", sample_weight)
        return float(r2_score(on_host("y", y), predicted, sample_weight=weights))
