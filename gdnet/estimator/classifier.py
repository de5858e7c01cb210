"""GDClassifier: the network as a classifier of scikit-learn. Here examples are rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from gdnet.activations import Activation
from gdnet.data.labels.targets import EncodedTarget, encode_target
from gdnet.errors import DataError
from gdnet.estimator.base import GDEstimator
from gdnet.estimator.labels import checked_target
from gdnet.estimator.models import write_onnx
from gdnet.estimator.parameters import CLASSIFIER_CONSTRAINTS
from gdnet.estimator.predictions import ClassPredictions


class GDClassifier(
    ClassPredictions,
    ClassifierMixin,  # type: ignore[misc]
    GDEstimator,
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
        The hidden activation g1: "tanh", "relu", "gelu" or another name in
        `gdnet.activations.ACTIVATIONS`, or a custom `gdnet.Activation`.
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
        Of the first weights, W1 before W2, and of what `early_stopping` holds out.
    class_weight : dict, "balanced" or None
        Weight of each class in the cost, times the sample weights. Of several labels only
        "balanced" or None: an example then weighs the product, over its labels, of the balanced
        weights of 0 and 1 of that label, as in `sklearn.utils.class_weight.compute_sample_weight`.
    early_stopping : bool, default False
        Stop when the validation cost no longer falls, and keep the parameters of the lowest.
    validation_fraction : float, default 0.1
        Fraction of the examples, of each class alike, that `early_stopping` holds out if `fit`
        gets no `eval_set`; an example of every class stays in training. They are copied for that.
    warm_start : bool, default False
        Resume from the parameters of the last fit. The loss curves continue, too; a velocity, and
        the pairs of "lbfgs", begin again.
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

    _parameter_constraints = CLASSIFIER_CONSTRAINTS
    _sklearn_name = "MLPClassifier"

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
        super().__init__(
            n_hidden,
            activation=activation,
            learning_rate=learning_rate,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            l2=l2,
            init_scale=init_scale,
            random_state=random_state,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            device=device,
            dtype=dtype,
            block_size=block_size,
            n_jobs=n_jobs,
            matmul_precision=matmul_precision,
            engine=engine,
            verbose=verbose,
            solver=solver,
            momentum=momentum,
            nesterov=nesterov,
        )
        self.class_weight = class_weight

    def to_onnx(
        self,
        path: str | Path,
        dtype: npt.DTypeLike | None = None,
        *,
        scaler: Any = None,
        labels: str | None = None,
    ) -> None:
        """Write the fitted network as ONNX, as `gdnet export` does.

        Its input is ``X``, float32 of shape (batch, n_features); its outputs are ``label`` and
        ``probabilities``, as `predict` and `predict_proba` give them. An existing file is replaced
        in one step.

        Parameters
        ----------
        path : str or Path
            The file.
        dtype : float32 or float64, optional
            What the graph computes in; None is the type that the network was fitted in, and
            float32 with `scaler`, whose mean the graph subtracts first.
        scaler : sklearn.preprocessing.StandardScaler, optional
            As of `save`: with it the graph takes raw features.
        labels : {"text", "codes", "none"}, optional
            What ``label`` is: None is the class as `predict` gives it, "text" its name, "codes" its
            number in `classes_`, and with "none" there is no such output.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError
            If the onnx package is not installed, the file cannot be written there, the activation
            is the user's own, or `scaler` or `labels` does not fit.

        Warns
        -----
        UserWarning
            If float32 has few digits of a feature, as of times in seconds since 1970.
        """
        write_onnx(self, path, dtype, scaler, labels=labels)

    def _encoded(self, y: Any, rows: Any, classes: Any = None) -> EncodedTarget:
        return encode_target(checked_target(y, rows), classes)

    def _classes(self) -> tuple[Any, ...] | None:
        return None if self._kind == "multilabel" else tuple(self.classes_.tolist())

    def _sklearn_target(self) -> Any:
        return (
            np.eye(len(self.classes_), dtype=int) if self._kind == "multilabel" else self.classes_
        )

    @staticmethod
    def _kind_of_sklearn(mlp: Any) -> tuple[str, tuple[Any, ...] | None]:
        if len(mlp.classes_) < 2:
            raise DataError(f"expected at least 2 classes, got {len(mlp.classes_)}")
        if mlp.out_activation_ == "softmax":
            return "multiclass", tuple(mlp.classes_.tolist())
        if mlp.n_outputs_ == 1:
            return "binary", tuple(mlp.classes_.tolist())
        return "multilabel", None

    @classmethod
    def _of_target(cls, classes: Any, n_outputs: int) -> dict[str, Any]:
        return {"classes_": np.arange(n_outputs) if classes is None else np.asarray(classes)}

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: several labels are taken, sparse data are not."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
