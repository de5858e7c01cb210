"""From a table to a trained, evaluated model: encode, split, standardise, descend, fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from gdnet._version import __version__
from gdnet.backends import Backend
from gdnet.checkpoint import Checkpoint
from gdnet.class_weight import class_weights
from gdnet.data.one_hot import ONE_HOT, looks_one_hot
from gdnet.data.scaling import Scaling
from gdnet.data.source import Rows, RowSource
from gdnet.data.split import missing_class_notes, split_rows
from gdnet.data.table import Table
from gdnet.data.targets import encode_target, label_rows, output_of
from gdnet.descent import Descent, Observer, descend
from gdnet.errors import DataError, Diverged
from gdnet.evaluation import Evaluation, evaluate
from gdnet.gradient import FullBatch
from gdnet.model_file import Model
from gdnet.parameters import initialise

Codes = np.ndarray[Any, Any]

# A picture of the examples shows no more than these.
MOST_POINTS = 2000


@dataclass(frozen=True)
class Settings:
    """What a training needs to know besides the data and the device; see `gdnet train --help`."""

    hidden: int = 32
    activation: str = "tanh"
    learning_rate: float = 0.5
    iterations: int = 1000
    tol: float = 0.0
    patience: int = 10
    l2: float = 0.0
    init_scale: float | str = "auto"
    seed: int = 0
    dtype: str = "float32"
    block_size: int | None = None
    class_weight: str | None = None
    standardize: bool = True
    validation_fraction: float | None = None


class Trained(NamedTuple):
    """A model, the run that made it, and how good it is.

    Attributes
    ----------
    model : Model
    run : Descent
    train : Evaluation
        On the examples it was trained on.
    validation : Evaluation or None
        On those set aside or given for validation.
    """

    model: Model
    run: Descent
    train: Evaluation
    validation: Evaluation | None


class Training:
    """A training that is ready to run.

    Parameters
    ----------
    table : Table
        The examples with their target. Where the table owns its rows they are standardised, and
        moved to set some aside, in place.
    settings : Settings
        How to train.
    backend : Backend
        Where to compute.
    validation : Table, optional
        Examples to validate on, instead of `settings.validation_fraction`.

    Attributes
    ----------
    name : str
        How a summary calls the data.
    m : int
        Number of examples to train on.
    gradient : FullBatch
        Their cost and gradient.
    kernel : str
        How the gradient is computed, see `FullBatch.kernel`.
    encoded : Encoded
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
    ) -> None:
        self._table, self._settings, self._backend = table, settings, backend
        self.encoded = encode_target(table.target)
        self.name, self.ignored = table.name, table.ignored
        rows, codes = table.X, self.encoded.codes
        aside: tuple[Rows, Codes] | None = None
        if validation is not None:
            aside = validation.X, self._validation_codes(validation)
        elif settings.validation_fraction is not None:
            split = split_rows(
                rows,
                codes,
                settings.validation_fraction,
                settings.seed,
                strata=None if self.encoded.classes is None else codes,
                in_place=table.owned,
            )
            rows, codes = split.rows, split.codes
            aside = split.validation_rows, split.validation_codes
        self.m = len(rows)
        self.notes = self._notes(codes, None if aside is None else aside[1])
        # To be plotted: some of the examples as they are now, before they are standardised.
        self.points = _some(rows, codes) if rows.shape[1] == 2 and codes.ndim == 1 else None
        self._scaling = None
        if settings.standardize:
            self._scaling = Scaling.of(rows, settings.dtype, table.feature_names)
        names = table.feature_names or [f"{k} (counted from 0)" for k in range(rows.shape[1])]
        self.rounded = tuple(names[k] for k in (self._scaling.rounded if self._scaling else ()))
        # From here on owned rows are standardised, and others become so block by block.
        transform = self._scaling
        if self._scaling and isinstance(rows, np.ndarray) and table.owned:
            self._scaling.apply_in_place(rows)
            transform = None
        self._train = self._source(rows, codes, transform)
        weights = class_weights(settings.class_weight, self.encoded.classes, codes)
        weighted = self._source(rows, codes, transform, weights) if weights is not None else None
        self.gradient = self._full_batch(weighted or self._train, settings.dtype, settings.l2)
        self.kernel = self.gradient.kernel
        self._validation = None if aside is None else self._source(*aside, self._scaling)
        self.validation_cost = None
        if self._validation is not None:
            self.validation_cost = self._full_batch(self._validation, settings.dtype)

    def run(
        self,
        observers: Sequence[Observer] = (),
        keep: Callable[[Model], object] = lambda model: None,
        checkpoint: Checkpoint | None = None,
    ) -> Trained:
        """Descend and evaluate.

        Parameters
        ----------
        observers, checkpoint
            As for `gdnet.descent.descend`.
        keep : callable, optional
            Called with the model as soon as there is one, before it is evaluated.

        Raises
        ------
        CheckpointError, Diverged
            As `gdnet.descent.descend`; `model_of` makes a model of the last good parameters.
        """
        settings = self._settings
        n0, n1, n2 = self.gradient.shape
        start = initialise(
            n0,
            n1,
            n2,
            random_state=settings.seed,
            init_scale=settings.init_scale,
            dtype=settings.dtype,
        )
        if not all(np.isfinite(p).all() for p in start):
            raise DataError(
                f"expected an init scale that gives finite {settings.dtype} weights, "
                f"got {settings.init_scale}"
            )
        if checkpoint is not None:
            # More iterations may be made; of the blocks the size counts that they really have.
            free = ("iterations", "block_size")
            checkpoint.settings |= {k: v for k, v in asdict(settings).items() if k not in free}
        run = descend(
            self.gradient,
            start,
            learning_rate=settings.learning_rate,
            iterations=settings.iterations,
            tol=settings.tol,
            patience=settings.patience,
            validation=self.validation_cost,
            observers=observers,
            checkpoint=checkpoint,
        )
        model = self.model_of(run)
        keep(model)
        # The memory of a GPU is for the evaluation now.
        for batch in (self.gradient, self.validation_cost):
            if batch is not None:
                batch.release()
        train = self._evaluated(self._train, run)
        validation = None if self._validation is None else self._evaluated(self._validation, run)
        return Trained(model, run, train, validation)

    def _evaluated(self, source: RowSource, run: Descent) -> Evaluation:
        # The folded model computes in float64, so its summary does too.
        data = self._full_batch(source, "float64" if self._scaling else self._settings.dtype)
        evaluation = evaluate(data, run.parameters, self.encoded.kind)
        data.release()
        return evaluation

    def model_of(self, run: Descent, diverged: Diverged | None = None) -> Model:
        """Return the parameters of a run as a model that takes raw features."""
        parameters = run.parameters
        if self._scaling:
            parameters = self._scaling.folded(parameters)
        classes = self.encoded.classes
        training = {
            "iterations": run.iterations,
            "cost": run.final_cost,
            "converged": run.converged,
            "diverged": diverged is not None,
            "examples": self.m,
            "data": self.name,
            "block_size": self.gradient.grid.columns,
            "kernel": self.kernel,
            "precision": self._backend.precision,
        }
        return Model(
            parameters,
            self._settings.activation,
            self.gradient.g2.name,
            self.encoded.kind,
            None if classes is None else tuple(classes.tolist()),
            self._table.feature_names,
            self._table.target_name,
            self._table.spellings,
            settings=asdict(self._settings),
            training=training,
            versions={"gdnet": __version__, "backend": self._backend.describe_arithmetic()},
        )

    def _notes(self, codes: Codes, validation_codes: Codes | None) -> tuple[str, ...]:
        notes = self._table.notes
        classes = self.encoded.classes
        if classes is None and looks_one_hot(codes):
            notes += (ONE_HOT,)
        if classes is not None and validation_codes is not None:
            notes += missing_class_notes(codes, validation_codes, classes)
        return notes

    def _validation_codes(self, validation: Table) -> Codes:
        width, expected = validation.X.shape[1], self._table.X.shape[1]
        if width != expected:
            raise DataError(
                f"{validation.name}: expected {expected} features as in {self._table.name}, "
                f"got {width}"
            )
        target = validation.target
        if self.encoded.kind == "multilabel":
            codes = encode_target(target).codes
            if codes.shape[1:] != self.encoded.codes.shape[1:]:
                raise DataError(
                    f"{validation.name}: expected labels of shape (m, "
                    f"{self.encoded.codes.shape[1]}), got {codes.shape}"
                )
            return codes
        try:
            return encode_target(target, classes=self.encoded.classes).codes
        except DataError as error:
            raise DataError(f"{validation.name}: {error}") from None

    def _source(
        self,
        rows: Rows,
        codes: Codes,
        transform: Scaling | None,
        weights: Codes | None = None,
    ) -> RowSource:
        return RowSource(
            rows,
            label_rows(codes),
            class_weights=weights,
            n_classes=self.encoded.n_exclusive,
            transform=transform,
        )

    def _full_batch(self, source: RowSource, dtype: str, l2: float = 0.0) -> FullBatch:
        settings = self._settings
        return FullBatch(
            source,
            self._backend,
            n1=settings.hidden,
            activation=settings.activation,
            output=output_of(self.encoded.kind),
            dtype=dtype,
            block_columns=settings.block_size,
            l2=l2,
        )


def _some(rows: Rows, codes: Codes) -> tuple[Codes, Codes]:
    """Return examples from all over the data, as copies."""
    step = -(-len(rows) // MOST_POINTS)
    return np.concatenate([rows[i : i + 1] for i in range(0, len(rows), step)]), codes[::step]
