"""GDClassifier: the network as a classifier of scikit-learn. Here examples are rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "GDClassifier and gdnet.load need scikit-learn: pip install 'scikit-learn>=1.6'"
    ) from None

from gdnet.activations import Activation
from gdnet.checkpoint import Checkpoint
from gdnet.descent import Callback
from gdnet.estimator.fitting import fit_network
from gdnet.estimator.models import Conversions, from_model
from gdnet.estimator.parameters import PARAMETER_CONSTRAINTS
from gdnet.estimator.predictions import Predictions
from gdnet.estimator.sklearn_callbacks import CallbackSupportMixin
from gdnet.estimator.validation import eval_set_of
from gdnet.model_file import Model, load_model


class GDClassifier(
    Predictions,
    Conversions,
    CallbackSupportMixin,  # type: ignore[misc]
    ClassifierMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """A network of one hidden layer, trained by exact full-batch gradient descent.

    Two classes get one sigmoid output, more classes a softmax, and a y of several columns of 0
    and 1 one sigmoid each. Every iteration takes the exact gradient of all examples; the same data
    give the same bits with any number of threads, see docs/guarantees.md.

    Parameters
    ----------
    n_hidden : int, default 32
        Hidden units n1.
    activation : str or Activation, default "tanh"
        The hidden activation g1: "tanh", "sigmoid", "relu", "leaky_relu", "identity", "softplus",
        "gelu", "silu", or a `gdnet.Activation` of one's own.
    learning_rate : float, default 0.5
        The lecture's alpha; not read by "lbfgs".
    max_iter : int, default 1000
        Most iterations, each over all examples.
    tol : float, default 1e-4
        Stop when over `n_iter_no_change` iterations the cost has not fallen by this fraction of it.
        0 makes `max_iter` iterations; "lbfgs" ends where rounding hides any fall. With
        `early_stopping` the validation cost is watched instead, and 0 means any fall.
    n_iter_no_change : int or "auto", default "auto"
        See `tol`; "auto" is 10, and 50 for "lbfgs" with `early_stopping`.
    l2 : float, default 0
        Adds ``(l2 / 2m) (|W1|^2 + |W2|^2)`` to the cost; MLPClassifier's alpha.
    init_scale : float or "auto", default "auto"
        Factor of the standard normal first weights; "auto" is 1 / sqrt(fan-in).
    random_state : int, RandomState or None
        Of the first weights, W1 before W2, and of what `early_stopping` sets aside.
    class_weight : dict, "balanced" or None
        Weight of each class in the cost, times the sample weights. Of several labels only
        "balanced" or None: an example then weighs the product, over its labels, of the balanced
        weights of 0 and 1 of that label, as in `sklearn.utils.class_weight.compute_sample_weight`.
    early_stopping : bool, default False
        Stop when the validation cost no longer falls, and keep the parameters of the lowest.
    validation_fraction : float, default 0.1
        Fraction of the examples, of each class alike, that `early_stopping` sets aside if `fit`
        gets no `eval_set`; an example of every class stays in training. They are copied for that.
    warm_start : bool, default False
        Go on from the parameters of the last fit. The loss curves go on too; a velocity, and the
        pairs of "lbfgs", begin again.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default "auto"
        Where to compute. "auto" is the device that X is on, or else CUDA whenever it works, which
        every fit finds out. "cuda" is CUDA or an error. Predictions for an array on a device are
        made there.
    dtype : {"auto", "float32", "float64"}, default "auto"
        What to compute in; "auto" is float32 for an array or a pandas frame of NumPy's float32, or
        an array of bfloat16, and otherwise float64.
    block_size : int or "auto", default "auto"
        Examples a block.
    n_jobs : int or None
        CPU threads. None is every core that the process may use, and in a worker of joblib its
        share of them (``OMP_NUM_THREADS``); -1 is every core.
    matmul_precision : {"highest", "tf32"}, default "highest"
        Whether CUDA may multiply float32 matrices with the digits of TensorFloat-32.
    engine : str, default "auto"
        How the gradient of a block is computed: "reference", the equations as they stand, or an
        engine of the device, which `gdnet info` lists. "auto" is the fastest known to be right.
    verbose : bool or int, default 0
        Whether `fit` shows its device and its progress on stderr.
    solver : {"gd", "lbfgs"}, default "gd"
        "gd" is the lecture's gradient descent. "lbfgs" is L-BFGS on the same exact gradient: it
        needs no learning rate and about a tenth of the iterations.
    momentum : float, default 0
        Of "gd": the part of the last change of the parameters that is made again.
    nesterov : bool, default False
        Whether momentum looks ahead; nothing changes where `momentum` is 0.

    Attributes
    ----------
    parameters_ : Parameters
        W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1) in the lecture's shapes, NumPy arrays.
    classes_ : array of shape (n_classes,)
        The labels in the order of the columns of `predict_proba`; 0, 1, ... for multi-label.
    n_iter_ : int
        Iterations of the last fit.
    n_passes_ : int
        How often that went over the examples; more than `n_iter_` for "lbfgs" alone.
    loss_ : float
        The cost of `parameters_`, with weights and l2; with `early_stopping` that of the best.
    loss_curve_ : list of float
        ``loss_curve_[i]`` is the cost before update i + 1, with weights and l2.
    validation_loss_curve_ : list of float or None
        The same on the validation data, with the sample weights of `eval_set`, without l2 and class
        weights; None without such data.
    converged_ : bool
        Whether `tol`, early stopping or "lbfgs" itself ended the fit.
    device_ : str
        Where it was fitted: "cpu", "cuda:0", ...
    n_features_in_ : int
        Number of features n0.
    feature_names_in_ : array of shape (n_features,)
        Names of the features, if X had them all as text.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from gdnet import GDClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = make_pipeline(StandardScaler(), GDClassifier(random_state=0, max_iter=200, tol=0))
    >>> round(clf.fit(X, y).score(X, y), 2)
    0.99
    """

    _parameter_constraints = PARAMETER_CONSTRAINTS
    _is_clone = False
    _loaded: Model | None = None

    def __init__(
        self,
        n_hidden: int = 32,
        *,
        activation: str | Activation = "tanh",
        learning_rate: float = 0.5,
        max_iter: int = 1000,
        tol: float = 1e-4,
        n_iter_no_change: int | str = "auto",
        l2: float = 0.0,
        init_scale: float | str = "auto",
        random_state: int | np.random.RandomState | None = None,
        class_weight: dict[Any, float] | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        device: str = "auto",
        dtype: Any = "auto",
        block_size: int | str = "auto",
        n_jobs: int | None = None,
        matmul_precision: str = "highest",
        engine: str = "auto",
        verbose: bool | int = 0,
        solver: str = "gd",
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.n_hidden = n_hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.l2 = l2
        self.init_scale = init_scale
        self.random_state = random_state
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.device = device
        self.dtype = dtype
        self.block_size = block_size
        self.n_jobs = n_jobs
        self.matmul_precision = matmul_precision
        self.engine = engine
        self.verbose = verbose
        self.solver = solver
        self.momentum = momentum
        self.nesterov = nesterov

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        eval_set: Any = None,
        *,
        X_val: Any = None,  # noqa: N803
        y_val: Any = None,
        sample_weight_val: Any = None,
        checkpoint: Checkpoint | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> GDClassifier:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NumPy arrays, data frames, and arrays of CuPy, PyTorch or JAX on the CPU or CUDA; never
            written to. Finite.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels that are integers, booleans, whole floats or text, of NumPy, pandas, polars or
            Arrow or in a list; they keep their values. Or columns of 0 and 1.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each example. 0 is as if it were not there, but its features must be finite
            numbers of ordinary size, too: 0 times a cost that overflows is not 0.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Examples to validate on: their cost is recorded in every iteration, and
            `early_stopping` watches it. A pipeline does not transform them.
        X_val : array-like of shape (n_val_samples, n_features), optional
            With `y_val` the same as ``eval_set=(X_val, y_val)``, for a pipeline to transform:
            ``Pipeline(..., transform_input=["X_val"])``, see `HistGradientBoostingClassifier`.
        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_labels), optional
            The labels of `X_val`.
        sample_weight_val : array-like of shape (n_val_samples,), optional
            The weights of `X_val`.
        checkpoint : gdnet.Checkpoint, optional
            In which the fit is saved, and from which it is resumed, bitwise identical, if it was
            opened with ``resume=True``. Each fit needs its own, so it is no parameter that clones
            would share.
        callbacks : sequence of callables
            Called with a `gdnet.DescentState`, see `gdnet.descent.Callback`; `gdnet.TimeLimit` is
            one. Those of scikit-learn 1.9 are set by ``set_callbacks``; each iteration is a task.

        Returns
        -------
        self : GDClassifier
            The fitted estimator.

        Raises
        ------
        DataError, ValueError, TypeError
            For data or parameters that do not fit.
        CheckpointError
            If the checkpoint is of another fit.
        DeviceUnavailable
            If a CUDA device was asked for and cannot be used.
        Diverged
            If the cost is not finite before the first update.

        Warns
        -----
        ConvergenceWarning
            If the cost still fell when `max_iter` was reached, or grew out of all bounds: the last
            good parameters are then kept.
        UserWarning
            If the features of X, or of `eval_set` alone, are badly scaled, the columns of y exclude
            each other (are one-hot), the GPU is slow at float64, or Ctrl-C ended the fit.

        Notes
        -----
        Ctrl-C ends the fit, after `checkpoint` is saved: the parameters of the last iteration made
        are kept, or with `early_stopping` the best, and `converged_` is False. In a clone, as
        searches, cross-validation and ensembles fit them, it raises `KeyboardInterrupt`, so that
        one Ctrl-C ends the whole search.
        """
        self._validate_params()
        warm = self.warm_start and hasattr(self, "parameters_")
        others = eval_set_of(eval_set, X_val, y_val, sample_weight_val)
        fitted = fit_network(
            self,
            X,
            y,
            sample_weight,
            others,
            warm=warm,
            checkpoint=checkpoint,
            callbacks=callbacks,
        )
        outcome, encoded = fitted.outcome, fitted.encoded
        run = outcome.run
        validation = run.validation_costs
        earlier: list[float] = getattr(self, "loss_curve_", []) if warm else []
        earlier_validation = getattr(self, "validation_loss_curve_", None) if warm else None
        self.loss_curve_ = earlier + run.costs.tolist()
        self.validation_loss_curve_ = None
        if validation is not None:
            self.validation_loss_curve_ = (earlier_validation or []) + validation.tolist()
        self.parameters_, self.loss_ = outcome.parameters, outcome.cost
        self.n_iter_, self.n_passes_ = run.iterations, run.total_passes
        self.converged_ = run.converged
        self.device_ = fitted.device
        self.classes_ = fitted.classes
        # As they were, in case that a parameter is changed between fit and predict.
        self._kind, self._activation = encoded.kind, self.activation
        self._training, self._versions = fitted.training, fitted.versions
        self._loaded = None
        return self

    def __sklearn_clone__(self) -> Any:
        """Return a clone, whose `fit` lets `KeyboardInterrupt` through."""
        copy = super().__sklearn_clone__()
        copy._is_clone = True
        return copy

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether a fit has succeeded; one that fails leaves attributes behind, too."""
        return hasattr(self, "parameters_")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: several labels are taken, sparse data are not."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def load(path: str | Path) -> GDClassifier:
    """Read a model file, of `GDClassifier.save` or of `gdnet train`, as a fitted classifier.

    The file is checked, and nothing in it is executed. The curves of the cost are not in it. Until
    the classifier is fitted again, it predicts as `gdnet predict` does with the file, from numbers
    rounded to the dtype of the training, and `save` writes all of the file again.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    ModelFileError
        If it is missing, damaged, or no model of gdnet.
    """
    model = load_model(path)
    clf = from_model(GDClassifier, model)
    clf._loaded = model
    return clf
