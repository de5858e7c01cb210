"""From what an estimator's `fit` is given to a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from gdnet._typing import HostArray
from gdnet.activations import Activation
from gdnet.checkpoint import Checkpoint
from gdnet.data.labels.targets import EncodedTarget
from gdnet.descent import Callback, DescentResult, result_of
from gdnet.descent.callbacks import check_callbacks
from gdnet.errors import DataError, Diverged
from gdnet.estimator.data import checked_rows, checked_weights
from gdnet.estimator.device import choose, device_to_fit_on
from gdnet.estimator.guidance import (
    hint_at_float64,
    hint_at_one_hot,
    hint_at_scale,
    hint_at_target_scale,
    progress,
    warn_of_divergence,
    warn_of_interruption,
    warn_of_no_convergence,
)
from gdnet.estimator.parameters import dtypes_of
from gdnet.estimator.sklearn_callbacks import sklearn_callbacks
from gdnet.estimator.validation import EvalSet, checked_eval_set
from gdnet.parameters import Parameters
from gdnet.ranks.communicator import Ranks
from gdnet.training.examples import Examples, hold_out
from gdnet.training.options import OPTIONS, Settings
from gdnet.training.pipeline import Pipeline, first_parameters
from gdnet.training.trained import Outcome


class Fitted(NamedTuple):
    """A trained network.

    Attributes
    ----------
    outcome : Outcome
        The parameters that are kept, and the run.
    encoded : EncodedTarget
        Classes and kind of the target.
    device : str
        Where it was trained.
    training : dict
        How the training went, for the model file.
    versions : dict
        Of gdnet and of the libraries it computed with.
    """

    outcome: Outcome
    encoded: EncodedTarget
    device: str
    training: dict[str, Any]
    versions: dict[str, str]


def fit_network(
    clf: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    eval_set: EvalSet | None,
    *,
    warm: bool,
    checkpoint: Checkpoint | None,
    callbacks: Sequence[Callback],
    ranks: Ranks | None,
) -> Fitted:
    """Check the data, hint at what may not be meant, and train.

    Parameters
    ----------
    clf : GDClassifier or GDRegressor
        How to train; learns the number and the names of the features.
    X, y, sample_weight : array-like
        As for `fit`.
    eval_set : EvalSet or None
        Examples to validate on.
    warm : bool
        Whether to continue from ``clf.parameters_``.
    checkpoint : Checkpoint or None
        Where the fit is saved.
    callbacks : sequence of callables
        As for `fit`.
    ranks : Ranks or None
        Those of `comm`.

    Raises
    ------
    DataError, ValueError, TypeError, DeviceUnavailable, CheckpointError, Diverged
        As `fit`.
    """
    check_callbacks(callbacks)
    if not isinstance(checkpoint, Checkpoint | None):
        raise DataError(
            f"checkpoint: expected a gdnet.Checkpoint, such as Checkpoint('fit.ckpt'), got "
            f"{checkpoint!r}"
        )
    if checkpoint is not None and clf.random_state is None:
        raise DataError(
            "checkpoint: expected a random_state, such as random_state=0, got None, with which no "
            "fit can be resumed: each begins with other parameters"
        )
    if checkpoint is not None and checkpoint.ranks is not ranks:
        raise DataError(
            "checkpoint: expected one that was opened for the same comm: Checkpoint(..., comm=comm)"
        )
    choice = choose(
        device_to_fit_on(clf.device, X), clf.n_jobs, clf.matmul_precision, clf.engine, again=True
    )
    backend = choice.backend
    rows = checked_rows(clf, X, backend, dtypes_of(clf.dtype), reset=not warm)
    encoded = clf._encoded(y, rows)
    weights = checked_weights(sample_weight, rows)
    examples = Examples(rows, encoded.codes, weights, not isinstance(rows, np.ndarray))
    others = None
    if eval_set is not None:
        others = checked_eval_set(clf, eval_set, encoded, backend, rows.dtype)
    hint_at_scale(clf, examples, others, eval_set and eval_set.names[0], backend)
    hint_at_target_scale(encoded)
    hint_at_float64(backend, rows.dtype)
    hint_at_one_hot(encoded)

    settings = _settings(clf, np.dtype(rows.dtype).name)
    random = check_random_state(clf.random_state)
    start = first_parameters(settings, encoded, rows.shape[1], random)
    if warm:
        _check_warm(clf, encoded)
        start = clf.parameters_
    if clf.early_stopping and others is None:
        seed = _split_seed(clf.random_state, random)
        if ranks is not None:
            seed = ranks.of_first(partial(int, seed), "what is held out")
        try:
            examples, others = hold_out(examples, encoded, clf.validation_fraction, seed, backend)
        except DataError as error:
            raise DataError(f"validation_fraction: {error}, or an eval_set") from None
    own = clf.activation if isinstance(clf.activation, Activation) else None
    pipeline = Pipeline(
        examples, encoded, settings, backend, validation=others, activation=own, ranks=ranks
    )
    if checkpoint is not None:
        checkpoint.settings |= settings.fingerprint()
        callbacks = [checkpoint, *callbacks]
    m, first = pipeline.objective.source.m, ranks is None or ranks.rank == 0
    fitted_so_far = {
        "_kind": encoded.kind,
        "_activation": clf.activation,
        "_loaded": None,
        **clf._of_target(encoded.classes, encoded.n_outputs),
    }
    with (
        sklearn_callbacks(clf, (X, y, sample_weight), backend.to_numpy, fitted_so_far) as theirs,
        progress(clf.verbose if first else 0, choice, clf.max_iter, m) as shown,
    ):
        callbacks = [*callbacks, *([] if theirs is None else [theirs]), *shown]
        outcome, diverged = _run(clf, pipeline, start, callbacks)
        if theirs is not None:
            theirs.finish(outcome.parameters)
    facts = pipeline.facts(outcome) | {"diverged": diverged}
    if diverged:  # its last cost is that of the last good parameters
        facts["iterations"] -= 1
    fitted = Fitted(
        outcome,
        encoded,
        backend.name,
        facts,
        pipeline.versions(),
    )
    # The memory of a GPU is for others now.
    pipeline.release()
    return fitted


def _settings(clf: Any, dtype: str) -> Settings:
    """Return the parameters of a classifier as the settings of a training."""
    settings = {
        name: _plain(getattr(clf, option.estimator))
        for name, option in OPTIONS.items()
        if option.estimator is not None and hasattr(clf, option.estimator)
    }
    if isinstance(clf.activation, Activation):
        settings["activation"] = clf.activation.name
    if not isinstance(clf.random_state, Integral):
        settings["seed"] = None
    settings |= {name: bool(settings[name]) for name in ("early_stopping", "nesterov")}
    settings["block_size"] = None if clf.block_size == "auto" else _plain(clf.block_size)
    return Settings(**settings, dtype=dtype, standardize=False)


def _plain(value: Any) -> Any:
    """Return a number of NumPy, such as a search sets, as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def _check_warm(clf: Any, encoded: EncodedTarget) -> None:
    """Raise unless the fit can continue from the last one."""
    for name, was, now in (
        *(
            (name.rstrip("_"), np.asarray(getattr(clf, name)).tolist(), np.asarray(now).tolist())
            for name, now in clf._of_target(encoded.classes, encoded.n_outputs).items()
        ),
        ("n_hidden", len(clf.parameters_.W1), clf.n_hidden),
        ("kind of y", clf._kind, encoded.kind),
    ):
        if was != now:
            raise DataError(
                f"warm_start continues from the last fit: expected its {name}, {was}, got {now}; "
                "set warm_start=False to start from the beginning"
            )


def _split_seed(random_state: Any, random: np.random.RandomState) -> int:
    """Return the seed of what is held out: the same examples in every fit from the same number.

    A warm start must not learn from those that it is validated on.
    """
    return int(random_state) if isinstance(random_state, Integral) else random.randint(2**31)


def _run(
    clf: Any, pipeline: Pipeline, start: Parameters[HostArray], callbacks: Sequence[Callback]
) -> tuple[Outcome, bool]:
    """Return what to keep, also if the run diverges or Ctrl-C ends it; and whether it diverged."""
    try:
        outcome = pipeline.run(start, callbacks)
    except Diverged as diverged:
        if diverged.last_good is None:
            raise
        warn_of_divergence(diverged, best=clf.early_stopping)
        return pipeline.keep(_up_to(diverged.last_good, pipeline)), True
    except KeyboardInterrupt as interrupt:
        finished, state = pipeline.finished, getattr(interrupt, "state", None)
        if finished is None and state is not None and state.iteration:
            finished = result_of(state, pipeline.objective)
        if clf._is_clone or finished is None or not np.isfinite(finished.final_cost):
            raise
        warn_of_interruption(finished.iterations, clf.max_iter)
        return pipeline.keep(finished._replace(converged=False)), False
    if clf.tol and not outcome.run.converged and outcome.run.iterations == clf.max_iter:
        warn_of_no_convergence(clf.max_iter, clf.tol, clf.solver)
    return outcome, False


def _up_to(last_good: DescentResult, pipeline: Pipeline) -> DescentResult:
    """Return a run that diverged with the costs of its last good parameters, before the update."""
    validation_costs = last_good.validation_costs
    if pipeline.validation is not None and validation_costs is not None:
        last = pipeline.cost(pipeline.validation, last_good.parameters)
        validation_costs = np.append(validation_costs, last)
    return last_good._replace(
        costs=np.append(last_good.costs, last_good.final_cost),
        passes=np.append(last_good.passes, last_good.total_passes + 1),
        validation_costs=validation_costs,
    )
