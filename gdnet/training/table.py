"""From a table to a trained, evaluated model: encode, hold out, train, evaluate, fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.backends import Backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.labels.numbers import encode_as
from gdnet.data.labels.one_hot import ONE_HOT, looks_one_hot
from gdnet.data.labels.targets import label_rows
from gdnet.data.rows import RowReader
from gdnet.data.table import Table
from gdnet.descent import Callback
from gdnet.errors import DataError, Diverged
from gdnet.model.model import Model
from gdnet.phases import Phases, unseen_phases
from gdnet.ranks.communicator import Ranks
from gdnet.scores.evaluation import not_evaluated
from gdnet.training.examples import Examples, hold_out
from gdnet.training.options import Settings
from gdnet.training.pipeline import Pipeline, first_parameters
from gdnet.training.split import missing_class_notes
from gdnet.training.target import encoded_as
from gdnet.training.trained import NotEvaluated, Outcome, Trained

CONSTANT = "the number to be predicted is the same in every row that is trained on"
# A picture of the examples shows no more than these.
MAX_POINTS = 2000
# A message names so many features or classes.
MAX_SHOWN = 12


class Training:
    """A training that is ready to run.

    Parameters
    ----------
    table : Table
        The examples with their target. Where the table owns its rows they are standardised, and
        moved to hold some out, in place.
    settings : Settings
        How to train.
    backend : Backend
        Where to compute.
    validation : Table, optional
        Examples to validate on, instead of `settings.validation_fraction`.
    init : Model, optional
        Whose parameters to start from, instead of random ones; of the same features and classes.
    phases : callable, optional
        Shows how far standardising and evaluating are.
    ranks : Ranks, optional
        The processes of MPI that train together, each with the same table.

    Attributes
    ----------
    name : str
        How a summary calls the data.
    storage : str
        Where the rows are, see `Table`.
    early_stopping : bool
        Whether the best parameters are kept, and not the last.
    settings : Settings
        As above.
    m : int
        Number of examples to train on.
    gradient : FullBatch
        Their cost and gradient.
    encoded : EncodedTarget
        Classes and kind of the target.
    ignored : dict of str to str
        Columns of the data that are neither features nor target, and why.
    rounded : tuple of str
        Features of which the dtype keeps few digits, see `Scaling`.
    notes : tuple of str
        What looks as if it was not meant, in sentences for the user.
    points : tuple of arrays, or None
        Some raw rows (k, 2) with their codes (k,), if there are two features.

    Raises
    ------
    DataError
        For data or settings that do not fit.
    """

    def __init__(
        self,
        table: Table,
        settings: Settings,
        backend: Backend,
        validation: Table | None = None,
        init: Model | None = None,
        phases: Phases = unseen_phases,
        ranks: Ranks | None = None,
    ) -> None:
        self.encoded = encoded_as(table.target, settings.task, table.name, table.task)
        # From here on there are the codes.
        self._table = replace(table, target=None)
        self.name, self.ignored, self.storage = table.name, table.ignored, table.storage
        self.early_stopping, self.settings = settings.early_stopping, settings
        examples, held_out = Examples(table.X, self.encoded.codes), None
        if validation is not None:
            held_out = Examples(validation.X, self._validation_codes(validation))
        elif settings.validation_fraction is not None:
            fraction, seed = settings.validation_fraction, settings.seed or 0
            examples, held_out = hold_out(
                examples, self.encoded, fraction, seed, backend, owned=table.owned
            )
        elif settings.early_stopping:
            raise DataError("early stopping: expected a validation fraction or table, got none")
        rows, codes = examples[:2]
        self.encoded = replace(self.encoded, codes=codes)
        self.m = len(rows)
        self.notes = self._notes(codes, None if held_out is None else held_out.codes)
        if validation is not None:
            others = [note for note in validation.notes if note not in table.notes]
            self.notes += tuple(f"{validation.name}: {note}" for note in others)
        # To be plotted: some of the examples as they are now, before they are standardised.
        drawn = rows.shape[1] == 2 and codes.ndim == 1 and self.encoded.kind != "regression"
        self.points = _some(rows, codes, ranks) if drawn else None
        self._pipeline = Pipeline(
            examples,
            self.encoded,
            settings,
            backend,
            validation=held_out,
            feature_names=table.feature_names,
            owned=table.owned,
            phases=phases,
            ranks=ranks,
        )
        scaling, self.gradient = self._pipeline.scaling, self._pipeline.objective
        names = table.feature_names or [f"{k} (counted from 0)" for k in range(rows.shape[1])]
        self.rounded = tuple(names[k] for k in (scaling.rounded if scaling else ()))
        self._start = first_parameters(settings, self.encoded, rows.shape[1])
        if init is not None:
            self._check_init(init)
            self._start = scaling.unfolded(init.parameters) if scaling else init.parameters
            if self._pipeline.target_scaling:
                self._start = self._pipeline.target_scaling.unfolded_output(self._start)
        # Without standardising the weights of `init` still belong to features of its mean.
        self._mean = tuple(scaling.mean.tolist()) if scaling else init.mean if init else None

    def run(
        self,
        callbacks: Sequence[Callback] = (),
        keep: Callable[[Model], object] = lambda model: None,
        checkpoint: Checkpoint | None = None,
    ) -> Trained:
        """Descend and evaluate.

        Parameters
        ----------
        callbacks : sequence of callables
            As for `gdnet.descent.descend`.
        keep : callable, optional
            Called with the model as soon as there is one, before it is evaluated.
        checkpoint : Checkpoint, optional
            In which to save the run, and from which to resume it.

        Raises
        ------
        CheckpointError, Diverged
            As `gdnet.descent.descend`; `last_good` makes a model of the last good parameters.
        NotEvaluated
            For whatever is raised after `keep` has the model, Ctrl-C included.
        """
        if checkpoint is not None:
            checkpoint.settings |= self.settings.fingerprint()
            if self._table.encoding is not None:
                checkpoint.settings["encoding"] = self._table.encoding.to_json()
            callbacks = [checkpoint, *callbacks]
        outcome = self._pipeline.run(self._start, callbacks)
        model = self._model_of(outcome)
        keep(model)
        sources = self._pipeline.train, self._pipeline.held_out
        evaluations = [None if s is None else not_evaluated(self.encoded.kind, s) for s in sources]
        failure: BaseException | None = None
        try:
            # The memory of a GPU is for the evaluation now.
            self._pipeline.release()
            for k, source in enumerate(sources):
                if source is not None:
                    evaluations[k] = self._pipeline.evaluated(source, outcome.parameters)
        except BaseException as error:
            failure = error
        train, validation = evaluations
        assert train is not None
        trained = Trained(model, outcome, train, validation)
        if failure is not None:
            raise NotEvaluated(trained) from failure
        return trained

    def last_good(self, diverged: Diverged) -> tuple[Model, Outcome]:
        """Return what a run that has diverged leaves."""
        outcome = self._pipeline.keep(diverged.last_good)
        return self._model_of(outcome, diverged=True), outcome

    def _model_of(self, outcome: Outcome, *, diverged: bool = False) -> Model:
        """Return a model that takes raw features."""
        parameters, scaling = outcome.parameters, self._pipeline.scaling
        if scaling:
            parameters = scaling.folded(parameters)
        if self._pipeline.target_scaling:
            parameters = self._pipeline.target_scaling.folded_output(parameters)
        classes = self.encoded.classes
        facts = {"diverged": diverged, "data": self.name}
        return Model(
            parameters,
            self.settings.activation,
            self.gradient.g2.name,
            self.encoded.kind,
            None if classes is None else tuple(classes.tolist()),
            self._table.feature_names,
            self._table.target_name,
            self._table.spellings,
            self._mean,
            settings=asdict(self.settings),
            training=self._pipeline.facts(outcome) | facts,
            versions=self._pipeline.versions(),
            encoding=self._table.encoding,
        )

    def _check_init(self, init: Model) -> None:
        """Raise unless the training can continue from a model."""
        classes = self.encoded.classes
        for what, theirs, ours in (
            ("features", init.feature_names, self._table.feature_names),
            ("number of features", init.shape[0], self._table.X.shape[1]),
            ("hidden units", init.shape[1], self.settings.hidden),
            ("activation", init.activation, self.settings.activation),
            ("kind of labels", init.kind, self.encoded.kind),
            ("classes", init.classes, None if classes is None else tuple(classes.tolist())),
            ("number of outputs", init.shape[2], self.gradient.shape[2]),
        ):
            if theirs != ours and None not in (theirs, ours):
                raise DataError(
                    f"{self.settings.init}: expected a model to start from with the {what} of the "
                    f"training, {_shown(ours)}, got {_shown(theirs)}"
                )

    def _notes(self, codes: HostArray, validation_codes: HostArray | None) -> tuple[str, ...]:
        notes = self._table.notes
        classes = self.encoded.classes
        if self.encoded.kind == "regression":
            constant = (label_rows(codes) == label_rows(codes)[:, :1]).all(axis=1)
            return notes + ((CONSTANT,) if constant.any() else ())
        if classes is None and looks_one_hot(codes):
            notes += (ONE_HOT,)
        if classes is not None and validation_codes is not None:
            notes += missing_class_notes(codes, validation_codes, classes)
        return notes

    def _validation_codes(self, validation: Table) -> HostArray:
        width, expected = validation.X.shape[1], self._table.X.shape[1]
        if width != expected:
            raise DataError(
                f"{validation.name}: expected {expected} features as in {self._table.name}, "
                f"got {width}"
            )
        try:
            codes = encode_as(self.encoded.kind, self.encoded.classes, validation.target)
        except DataError as error:
            raise DataError(f"{validation.name}: {error}") from None
        if codes.shape[1:] != self.encoded.codes.shape[1:]:
            columns = self.encoded.codes.shape[1:]
            expected = f"(m, {columns[0]})" if columns else "(m,)"
            raise DataError(
                f"{validation.name}: expected labels of shape {expected}, got {codes.shape}"
            )
        return codes


def _some(rows: RowReader, codes: HostArray, ranks: Ranks | None) -> tuple[HostArray, HostArray]:
    """Return examples from all over the data, as copies; each rank reads its own."""
    step = -(-len(rows) // MAX_POINTS)
    numbers = range(0, len(rows), step)

    def read(some: range) -> list[HostArray]:
        return [rows[i : i + 1].copy() for i in some]

    found = read(numbers)
    if ranks is not None:
        own = ranks.own(len(numbers))
        found = ranks.gathered(lambda: read(numbers[own.start : own.stop]))
    return np.concatenate(found), codes[::step]


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    shown = ", ".join(map(str, value[:MAX_SHOWN]))
    return shown + (f", ... ({len(value)} in all)" if len(value) > MAX_SHOWN else "")
