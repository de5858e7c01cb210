"""A fitted estimator to and from a fitted network of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from gdnet._typing import HostArray
from gdnet.data.labels.targets import output_of
from gdnet.errors import DataError
from gdnet.estimator.models import from_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters

# Names of the hidden activations in scikit-learn.
SKLEARN_NAMES = {"tanh": "tanh", "sigmoid": "logistic", "relu": "relu", "identity": "identity"}
GDNET_NAMES = {theirs: ours for ours, theirs in SKLEARN_NAMES.items()}


class SklearnConversions:
    """The methods of an estimator that turn it into one of `sklearn.neural_network`, and back."""

    # Of the estimator: its settings, and what a fit leaves behind.
    l2: float
    learning_rate: float
    solver: str
    max_iter: int
    parameters_: Parameters[HostArray]
    n_iter_: int
    loss_: float
    _activation: Any

    #: Which class of `sklearn.neural_network` it corresponds to.
    _sklearn_name: str

    def _sklearn_target(self) -> Any:
        """Return a target of the same classes or columns as that of the fit."""
        raise NotImplementedError

    @staticmethod
    def _kind_of_sklearn(mlp: Any) -> tuple[str, tuple[Any, ...] | None]:
        """Return kind and classes of a fitted model of scikit-learn, or raise DataError."""
        raise NotImplementedError

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
