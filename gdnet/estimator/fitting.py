"""From what `GDClassifier.fit` is given to a trained network."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from gdnet._version import __version__
from gdnet.backends import Backend
from gdnet.class_weight import balanced_label_weights, class_weights
from gdnet.data.targets import Encoded, Labels, encode_target, output_of
from gdnet.descent import Descent, Observer, descend
from gdnet.early_stopping import EarlyStopping
from gdnet.errors import DataError, Diverged
from gdnet.estimator.data import (
    Examples,
    checked_rows,
    checked_weights,
    set_aside,
    source_of,
)
from gdnet.estimator.device import choose, device_to_fit_on
from gdnet.estimator.guidance import (
    hint_at_float64,
    hint_at_one_hot,
    hint_at_scale,
    progress,
    warn_of_divergence,
    warn_of_interruption,
    warn_of_no_convergence,
)
from gdnet.estimator.interruption import SoFar
from gdnet.estimator.labels import checked_target
from gdnet.estimator.parameters import dtypes_of
from gdnet.estimator.validation import EvalSet, checked_eval_set
from gdnet.gradient import FullBatch
from gdnet.parameters import Parameters, initialise


class Fitted(NamedTuple):
    """A trained network.

    Attributes
    ----------
    parameters : Parameters
        NumPy arrays: after the last update, or with early stopping the best.
    run : Descent
        The costs.
    encoded : Encoded
        Classes and kind of the target.
    classes : array of shape (k,)
        The classes; 0, 1, ... for multi-label.
    device : str
        Where it was trained.
    training : dict
        How the training went, for the model file.
    versions : dict
        Of gdnet and of the libraries it computed with.
    """

    parameters: Parameters
    run: Descent
    encoded: Encoded
    classes: Labels
    device: str
    training: dict[str, Any]
    versions: dict[str, str]


def fit_network(
    settings: Any, X: Any, y: Any, sample_weight: Any, eval_set: EvalSet | None, *, warm: bool
) -> Fitted:
    """Check the data, descend, and choose the parameters to keep.

    Parameters
    ----------
    settings : GDClassifier
        How to train; learns the number and the names of the features.
    X, y, sample_weight : array-like
        As for `GDClassifier.fit`.
    eval_set : EvalSet or None
        Examples to validate on.
    warm : bool
        Whether to go on from ``settings.parameters_``.

    Raises
    ------
    DataError, ValueError, TypeError, DeviceUnavailable, Diverged
        As `GDClassifier.fit`.
    """
    choice = choose(
        device_to_fit_on(settings.device, X),
        settings.n_jobs,
        settings.matmul_precision,
        settings.fused,
        anew=True,
    )
    backend = choice.backend
    rows = checked_rows(settings, X, backend, dtypes_of(settings.dtype), reset=not warm)
    encoded = encode_target(checked_target(y, rows))
    examples = Examples(rows, encoded.codes, checked_weights(sample_weight, rows))
    others = None
    if eval_set is not None:
        others = checked_eval_set(settings, eval_set, encoded, backend, rows.dtype)
    hint_at_scale(examples, others, eval_set and eval_set.names[0], backend)
    hint_at_float64(backend, rows.dtype)
    hint_at_one_hot(encoded)

    random = check_random_state(settings.random_state)
    start = _start(settings, encoded, random, rows.shape[1], rows.dtype, warm=warm)
    of_classes = _class_weights(settings.class_weight, encoded, examples)
    if settings.early_stopping and others is None:
        seed = _split_seed(settings.random_state, random)
        fraction = settings.validation_fraction
        examples, others = set_aside(examples, encoded, fraction, seed, backend)
    gradient = _full_batch(settings, examples, encoded, of_classes, backend, settings.l2)
    validation = None
    if others is not None:
        validation = _full_batch(settings, others, encoded, None, backend)
    m = gradient.source.m
    with progress(settings.verbose, choice, settings.max_iter, m) as observers:
        parameters, cost, run = _descend(settings, gradient, validation, start, observers)
    training = {
        "iterations": run.iterations,
        "cost": cost,
        "converged": run.converged,
        "examples": m,
        "block_size": gradient.grid.columns,
        "kernel": gradient.kernel,
        "precision": backend.precision,
    }
    # The memory of a GPU is for others now.
    for batch in (gradient, validation):
        if batch is not None:
            batch.release()
    versions = {"gdnet": __version__, "backend": backend.describe_arithmetic()}
    return Fitted(parameters, run, encoded, _classes(encoded), backend.name, training, versions)


def _start(
    settings: Any, encoded: Encoded, random: Any, n0: int, dtype: Any, *, warm: bool
) -> Parameters:
    """Return where the descent starts, on the host."""
    n2 = encoded.codes.shape[1] if encoded.classes is None else encoded.n_exclusive or 1
    drawn = initialise(
        n0,
        settings.n_hidden,
        n2,
        random_state=random,
        init_scale=settings.init_scale,
        dtype=dtype,
    )
    if not warm:
        return drawn
    earlier: Parameters = settings.parameters_
    for name, was, now in (
        ("classes", settings.classes_.tolist(), _classes(encoded).tolist()),
        ("n_hidden", len(earlier.W1), settings.n_hidden),
        ("kind of y", settings._kind, encoded.kind),
    ):
        if was != now:
            raise DataError(
                f"warm_start goes on from the last fit: expected its {name}, {was}, got {now}; set "
                "warm_start=False to start anew"
            )
    return earlier


def _split_seed(random_state: Any, random: np.random.RandomState) -> int:
    """Return the seed of what is set aside: the same examples in every fit from the same number.

    A warm start must not learn from those that it is validated on.
    """
    return int(random_state) if isinstance(random_state, Integral) else random.randint(2**31)


def _full_batch(
    settings: Any,
    examples: Examples,
    encoded: Encoded,
    of_classes: Any,
    backend: Backend,
    l2: float = 0.0,
) -> FullBatch:
    return FullBatch(
        source_of(examples, encoded, of_classes),
        backend,
        n1=settings.n_hidden,
        activation=settings.activation,
        output=output_of(encoded.kind),
        dtype=examples.rows.dtype,
        block_columns=None if settings.block_size == "auto" else settings.block_size,
        l2=l2,
    )


def _classes(encoded: Encoded) -> Labels:
    return np.arange(encoded.codes.shape[1]) if encoded.classes is None else encoded.classes


def _class_weights(class_weight: Any, encoded: Encoded, examples: Examples) -> Any:
    if encoded.classes is None and class_weight is not None:
        if class_weight != "balanced":
            raise DataError(
                "class_weight: expected 'balanced' or None for a y of several labels, got a dict, "
                "which is for exclusive classes; sample_weight weighs single examples"
            )
        return balanced_label_weights(encoded.codes, examples.weights)
    return class_weights(class_weight, encoded.classes, encoded.codes, examples.weights)


def _descend(
    settings: Any,
    gradient: FullBatch,
    validation: FullBatch | None,
    start: Parameters,
    observers: list[Observer],
) -> tuple[Parameters, float, Descent]:
    """Return the parameters to keep, their cost, and the run."""
    stopping = None
    if settings.early_stopping:
        stopping = EarlyStopping(settings.tol, settings.n_iter_no_change)
        observers = [*observers, stopping]
    # The last: an iteration is finished when all observers know of it.
    so_far = SoFar(gradient)
    observers = [*observers, so_far]
    try:
        # A descent that diverges overflows first; what users need to know of it is the warning.
        with np.errstate(over="ignore", invalid="ignore"):
            run = descend(
                gradient,
                start,
                learning_rate=settings.learning_rate,
                iterations=settings.max_iter,
                tol=0.0 if stopping else settings.tol,
                patience=settings.n_iter_no_change,
                validation=validation,
                observers=observers,
            )
    except Diverged as diverged:
        if diverged.last_good is None:
            raise
        warn_of_divergence(diverged)
        run = _up_to(diverged.last_good, validation)
    except KeyboardInterrupt:
        finished = None if settings._is_clone else so_far.descent()
        if finished is None:
            raise
        warn_of_interruption(finished.iterations, settings.max_iter)
        run = finished
    else:
        if settings.tol and not run.converged:
            warn_of_no_convergence(settings.max_iter, settings.tol)
    if stopping is None or validation is None:
        return run.parameters, run.final_cost, run
    stopping.consider(gradient.place(run.parameters), _cost(validation, run.parameters))
    assert stopping.best_parameters is not None
    best = Parameters(*(gradient.backend.to_numpy(p) for p in stopping.best_parameters))
    return best, _cost(gradient, best), run


def _up_to(last_good: Descent, validation: FullBatch | None) -> Descent:
    """Return a run that diverged with the costs of its last good parameters, before the update."""
    validation_costs = last_good.validation_costs
    if validation is not None and validation_costs is not None:
        last = _cost(validation, last_good.parameters)
        validation_costs = np.append(validation_costs, last)
    return last_good._replace(
        costs=np.append(last_good.costs, last_good.final_cost), validation_costs=validation_costs
    )


def _cost(data: FullBatch, parameters: Parameters) -> float:
    with data.backend.activate():
        return float(data.cost(data.place(parameters)))
