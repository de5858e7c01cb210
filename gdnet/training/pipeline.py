"""From encoded examples to a trained network: standardise, weigh, descend, keep the best."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet._version import __version__
from gdnet.activations import Activation
from gdnet.backends import Backend
from gdnet.data.columns.shared_rows import SharedRows
from gdnet.data.labels.targets import EncodedTarget, label_rows, output_of
from gdnet.data.scaling import Scaling
from gdnet.data.source import RowSource
from gdnet.descent import Callback, DescentResult, descend
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise
from gdnet.phases import Phases, unseen_phases
from gdnet.ranks.communicator import Ranks
from gdnet.scores.classification import Evaluation
from gdnet.scores.evaluation import evaluate
from gdnet.scores.examples import examples_to_evaluate
from gdnet.scores.regression import RegressionScores
from gdnet.training.examples import Examples, source_of, weights_of_classes
from gdnet.training.options import Settings, solver_of
from gdnet.training.trained import Outcome

logger = logging.getLogger(__name__)


def first_parameters(
    settings: Settings,
    encoded: EncodedTarget,
    n0: int,
    random_state: int | np.random.RandomState | None = None,
) -> Parameters[HostArray]:
    """Draw the first parameters of a network for n0 features and these labels.

    Parameters
    ----------
    settings : Settings
        How.
    encoded : EncodedTarget
        The labels.
    n0 : int
        Number of features.
    random_state : int, RandomState or None
        Instead of the settings' seed.

    Raises
    ------
    DataError
        If the init scale gives weights that are not finite.
    """
    start = initialise(
        n0,
        settings.hidden,
        encoded.n_outputs,
        random_state=settings.seed if random_state is None else random_state,
        init_scale=settings.init_scale,
        dtype=settings.dtype,
    )
    if not all(np.isfinite(p).all() for p in start):
        raise DataError(
            f"expected an init scale that gives finite {settings.dtype} weights, "
            f"got {settings.init_scale}"
        )
    return start


class Pipeline:
    """A training that is ready to run.

    Parameters
    ----------
    examples : Examples
        What to train on.
    encoded : EncodedTarget
        Classes and kind of the labels.
    settings : Settings
        How to train.
    backend : Backend
        Where to compute.
    validation : Examples, optional
        What to validate on.
    activation : Activation, optional
        Instead of the settings' name of one.
    feature_names : sequence of str, optional
        For messages.
    owned : bool, default False
        Whether rows in memory may be standardised in place.
    phases : callable, optional
        Shows how far standardising and evaluating are.
    ranks : Ranks, optional
        The processes of MPI that train together, each with the same examples.

    Attributes
    ----------
    objective : FullBatch
        Cost and gradient of the examples.
    validation : FullBatch or None
        Those of the validation data.
    scaling : Scaling or None
        How the features are standardised.
    target_scaling : Scaling or None
        How numbers to be predicted are.
    finished : DescentResult or None
        The run, as soon as it has come to its end.

    Raises
    ------
    DataError
        For data or settings that do not fit.
    """

    def __init__(
        self,
        examples: Examples,
        encoded: EncodedTarget,
        settings: Settings,
        backend: Backend,
        *,
        validation: Examples | None = None,
        activation: Activation | None = None,
        feature_names: Sequence[str] | None = None,
        owned: bool = False,
        phases: Phases = unseen_phases,
        ranks: Ranks | None = None,
    ) -> None:
        self._phases, self._ranks = phases, ranks
        self.encoded, self.settings, self._backend = encoded, settings, backend
        self._stopping: EarlyStopping | None = None
        self.finished: DescentResult | None = None
        self.scaling = self.target_scaling = transform = None
        rows = examples.rows
        if settings.standardize:
            in_place = owned and isinstance(rows, np.ndarray)
            with phases("standardising", len(rows)) as done:
                self.scaling = Scaling.of(
                    rows, settings.dtype, feature_names, run=backend.run, done=done, ranks=ranks
                )
            if encoded.kind == "regression":
                # In float64, whatever is computed in: targets may be large and vary little.
                targets = label_rows(examples.codes).T
                self.target_scaling = Scaling.of(targets, np.float64, what="target")
            if in_place:
                with phases("standardising", len(rows)) as done:
                    self.scaling.apply_in_place(rows, run=backend.run, done=done)
            elif isinstance(rows, SharedRows):
                with phases("standardising", len(rows)) as done:
                    in_place = rows.standardise(self.scaling, backend.run, done)
            # From here on owned rows are standardised, and others become so block by block.
            transform = None if in_place else self.scaling
        self.train = source_of(examples._replace(weights=None), encoded, None, transform)
        of_classes = weights_of_classes(settings.class_weight, encoded, examples)
        weighted = self.train
        if of_classes is not None or examples.weights is not None or self.target_scaling:
            weighted = source_of(self._scaled(examples), encoded, of_classes, transform)
        self._network: dict[str, Any] = {
            "n1": settings.hidden,
            "activation": activation or settings.activation,
            "output": output_of(encoded.kind),
            "dtype": settings.dtype,
            "block_columns": settings.block_size,
        }
        self.objective = FullBatch(weighted, backend, l2=settings.l2, comm=ranks, **self._network)
        self.objective.engine  # noqa: B018 - raises where it is not made for the network
        self.validation, self.held_out = None, None
        if validation is not None:
            self.held_out = source_of(validation, encoded, None, self.scaling)
            others = self.held_out
            if self.target_scaling:
                others = source_of(self._scaled(validation), encoded, None, self.scaling)
            self.validation = FullBatch(others, backend, comm=ranks, **self._network)

    def _scaled(self, examples: Examples) -> Examples:
        """Return examples with standardised targets, if they are standardised."""
        if self.target_scaling is None:
            return examples
        codes = self.target_scaling.applied(label_rows(examples.codes).T)
        return examples._replace(
            codes=codes.astype(self.settings.dtype).reshape(examples.codes.shape)
        )

    def evaluated(
        self, source: RowSource, parameters: Parameters[HostArray]
    ) -> Evaluation | RegressionScores:
        """Return how good parameters are on a source without weights, in the target's units."""
        if self.target_scaling:
            parameters = self.target_scaling.folded_output(parameters)
        # The folded model computes in float64, so its summary does too.
        dtype = "float64" if self.scaling else self.settings.dtype
        network = self._network | {"dtype": dtype}
        data = examples_to_evaluate(source, self._backend, **network)
        with self._phases("evaluating", source.m) as done:
            evaluation = evaluate(data, parameters, self.encoded.kind, done, self._ranks)
        data.release()
        return evaluation

    def run(self, start: Parameters[HostArray], callbacks: Sequence[Callback] = ()) -> Outcome:
        """Descend.

        Parameters
        ----------
        start : Parameters
            Where to start, in standardised features if they are standardised.
        callbacks : sequence of callables
            As for `gdnet.descent.descend`.

        Raises
        ------
        CheckpointError, Diverged, KeyboardInterrupt
            As `gdnet.descent.descend`; `keep` chooses among the parameters up to there.
        DataError
            If there is no solver of the name in the settings.
        """
        settings = self.settings
        if self._ranks is not None:
            # Random numbers may have other last digits on another machine.
            first = start
            start = self._ranks.of_first(lambda: first, "the first parameters")
        self._stopping, self.finished = None, None
        if settings.early_stopping:
            self._stopping = EarlyStopping(settings.tol, settings.patience_in_iterations)
            callbacks = [*callbacks, self._stopping]
        # A descent that diverges overflows first; what users need to know of it is the error.
        with np.errstate(over="ignore", invalid="ignore"):
            run = descend(
                self.objective,
                start,
                solver=solver_of(settings),
                iterations=settings.iterations,
                tol=0.0 if settings.early_stopping else settings.tol,
                patience=settings.patience_in_iterations,
                validation=self.validation,
                callbacks=callbacks,
            )
        self.finished = run
        return self.keep(run)

    def keep(self, run: DescentResult) -> Outcome:
        """Return the parameters to keep of a run: the last, or with early stopping the best."""
        if self._stopping is None or self.validation is None:
            return Outcome(run.parameters, run.final_cost, run.iterations, run)
        # No iteration has asked for the validation cost of the last parameters.
        last = self.objective.place(run.parameters)
        self._stopping.consider(last, self.cost(self.validation, last), run.iterations)
        best = self._stopping.best
        if best is None:
            logger.warning(
                "the validation cost was never a finite number, so the last parameters are kept: "
                "look at the validation data, whose features may be far from those of the training"
            )
            return Outcome(run.parameters, run.final_cost, run.iterations, run)
        if best.parameters is last:
            return Outcome(run.parameters, run.final_cost, run.iterations, run, best.cost)
        on_host = Parameters(*map(self._backend.to_numpy, best.parameters))
        cost = self.cost(self.objective, best.parameters)
        return Outcome(on_host, cost, best.iteration, run, best.cost)

    def cost(self, data: FullBatch, parameters: Parameters) -> float:
        """Return J of parameters on the training or the validation data."""
        with self._backend.activate():
            return float(data.value(data.place(parameters)))

    def facts(self, outcome: Outcome) -> dict[str, Any]:
        """Return how the training went, for the model file."""
        facts = {
            "iterations": outcome.run.iterations,
            "passes": outcome.run.total_passes,
            "cost": outcome.cost,
            "converged": outcome.run.converged,
            "examples": self.objective.source.m,
            "block_size": self.objective.grid.columns,
            "engine": self.objective.engine,
            "precision": self._backend.precision,
        }
        return facts | ({"kept_iteration": outcome.iteration} if self._stopping else {})

    def versions(self) -> dict[str, str]:
        """Return the versions of gdnet and of the libraries that it computes with."""
        return {"gdnet": __version__, "backend": self._backend.describe_arithmetic()}

    def release(self) -> None:
        """Give back the memory of the device."""
        for batch in (self.objective, self.validation):
            if batch is not None:
                batch.release()
