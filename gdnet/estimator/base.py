"""What GDClassifier and GDRegressor have in common. Here examples are rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gdnet._typing import Array, HostArray
from gdnet.activations import Activation, get_activation, get_output
from gdnet.checkpoint import Checkpoint
from gdnet.data.device_arrays import origin_of
from gdnet.data.labels.targets import EncodedTarget, output_of
from gdnet.descent import Callback
from gdnet.estimator.data import checked_rows
from gdnet.estimator.device import OutputConverter, choose, device_to_predict_on
from gdnet.estimator.fitting import fit_network
from gdnet.estimator.models import write_model
from gdnet.estimator.sklearn_callbacks import CallbackSupportMixin
from gdnet.estimator.sklearn_networks import SklearnConversions
from gdnet.estimator.validation import eval_set_of
from gdnet.model.model import Model
from gdnet.model.prediction import Outputs, forward_rows
from gdnet.parameters import Parameters
from gdnet.ranks.communicator import Ranks, ranks_of, together
from gdnet.ranks.mpi import Communicator


class GDEstimator(
    SklearnConversions,
    CallbackSupportMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """A network of one hidden layer as an estimator: its parameters, and how it is fitted.

    What a target is, and what is made of the outputs, is of the classes derived from it.
    """

    _is_clone = False
    _loaded: Model | None = None
    parameters_: Parameters[HostArray]
    _kind: str
    _activation: Any

    def __init__(
        self,
        n_hidden: int,
        *,
        activation: str | Activation,
        learning_rate: float,
        max_iter: int,
        tol: float,
        n_iter_no_change: int | str,
        l2: float,
        init_scale: float | str,
        random_state: int | np.random.RandomState | None,
        early_stopping: bool,
        validation_fraction: float,
        warm_start: bool,
        device: str,
        dtype: Any,
        block_size: int | str,
        n_jobs: int | None,
        matmul_precision: str,
        engine: str,
        verbose: bool | int,
        solver: str,
        momentum: float,
        nesterov: bool,
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
        comm: Communicator | Ranks | None = None,
    ) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NumPy arrays, data frames, and arrays of CuPy, PyTorch or JAX on the CPU or CUDA; never
            written to. Finite.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Of GDClassifier labels that are integers, booleans, whole floats or text, of NumPy,
            pandas, polars or Arrow or in a list; they keep their values. Or columns of 0 and 1.
            Of GDRegressor finite numbers, of several targets one column each.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each example. 0 is as if it were not there, but its features must be finite
            numbers of ordinary size, too: 0 times a cost that overflows is not 0.
        eval_set : tuple (X, y) or (X, y, sample_weight), optional
            Examples to validate on: their cost is recorded in every iteration, and
            `early_stopping` watches it. A pipeline does not transform them.
        X_val : array-like of shape (n_val_samples, n_features), optional
            With `y_val` the same as ``eval_set=(X_val, y_val)``, for a pipeline to transform:
            ``Pipeline(..., transform_input=["X_val"])``, see `HistGradientBoostingClassifier`.
        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), optional
            What `X_val` is of.
        sample_weight_val : array-like of shape (n_val_samples,), optional
            The weights of `X_val`.
        checkpoint : gdnet.Checkpoint, optional
            In which the fit is saved, and from which it is resumed, bitwise identical, if it was
            opened with ``resume=True``. Each fit needs its own, so it is not a parameter that
            clones would share.
        callbacks : sequence of callables
            Called with a `gdnet.DescentState`, see `gdnet.descent.Callback`; `gdnet.TimeLimit` is
            one. Those of scikit-learn 1.9 are set by ``set_callbacks``; each iteration is a task.
        comm : mpi4py.MPI.Comm, optional
            The processes of MPI that fit together, such as ``MPI.COMM_WORLD``: each calls `fit`
            with the same arrays, best memory-mapped, and all end with the same bits as one process.

        Returns
        -------
        Self
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
            If the features of X, or of `eval_set` alone, or the numbers to be predicted are badly
            scaled, the columns of y exclude each other (are one-hot), the GPU is slow at float64,
            or Ctrl-C ended the fit.

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
        ranks = ranks_of(comm)
        with together(ranks):
            fitted = fit_network(
                self,
                X,
                y,
                sample_weight,
                others,
                warm=warm,
                checkpoint=checkpoint,
                callbacks=callbacks,
                ranks=ranks,
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
        self._describe_target(encoded)
        # As they were, in case that a parameter is changed between fit and predict.
        self._kind, self._activation = encoded.kind, self.activation
        self._training, self._versions = fitted.training, fitted.versions
        self._loaded = None
        return self

    def save(self, path: str | Path, *, scaler: Any = None, encoder: Any = None) -> None:
        """Write the fitted network to a model file, as `gdnet train` does.

        `gdnet.load` and the command line read it. An existing file is replaced in one step. Without
        `scaler` the file takes what the network was fitted to, in a pipeline standardised features.

        Parameters
        ----------
        path : str or Path
            The file, with any extension.
        scaler : sklearn.preprocessing.StandardScaler, optional
            Fitted, the step before the network in a pipeline. Its mean and scale are folded into W1
            and b1 in float64, and the file takes raw features.
        encoder : TableEncoder, optional
            Fitted to a data frame, the first step. The file then takes the columns of tables.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        DataError
            If the file cannot be written there, the activation is the user's own, or `scaler` or
            `encoder` is something else, is not fitted, or has another number of features.
        """
        write_model(self, path, scaler, encoder)

    def __sklearn_clone__(self) -> Any:
        """Return a clone, whose `fit` lets `KeyboardInterrupt` through."""
        copy = super().__sklearn_clone__()
        copy._is_clone = True
        return copy

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether a fit has succeeded; one that fails leaves attributes behind, too."""
        return hasattr(self, "parameters_")

    def _encoded(self, y: Any, rows: Array, classes: Any = None) -> EncodedTarget:
        """Return the target, checked; of classification among these classes, if there are any."""
        raise NotImplementedError

    def _describe_target(self, encoded: EncodedTarget) -> None:
        """Set the attributes that tell what is predicted."""
        for name, value in self._of_target(encoded.classes, encoded.n_outputs).items():
            setattr(self, name, value)

    @classmethod
    def _of_target(cls, classes: Any, n_outputs: int) -> dict[str, Any]:
        """Return the attributes that tell what is predicted."""
        raise NotImplementedError

    def _classes(self) -> tuple[Any, ...] | None:
        """Return the classes for a model file."""
        raise NotImplementedError

    def _forward(self, X: Any) -> tuple[Outputs, OutputConverter]:
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
        answer = OutputConverter(origin_of(X), backend)
        g1, g2 = get_activation(self._activation), get_output(output_of(self._kind))
        outputs = forward_rows(self.parameters_, g1, g2, rows, backend, on_device=answer.on_device)
        return outputs, answer
