"""``gdnet train``: from a file or a built-in data set to a model file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.argument_types import auto_or, whole_number
from gdnet.cli.checkpointing import (
    add_checkpoint_options,
    opened_checkpoint,
    say_if_bits_differ,
)
from gdnet.cli.data_argument import add_data_argument
from gdnet.cli.options import (
    add_device_options,
    add_header_option,
    add_ignore_option,
    add_label_options,
    add_mpi_option,
    add_quiet_option,
    add_speed_options,
    add_task_option,
    check_header,
    choose_device,
)
from gdnet.cli.output import reason_of, say, show
from gdnet.cli.train_checks import check_apart, check_solver
from gdnet.cli.train_data import load_table, load_validation, say_what_is_odd, validation_of
from gdnet.cli.train_options import (
    add_column_options,
    add_data_options,
    add_network_options,
    add_result_options,
)
from gdnet.cli.train_run import run_training
from gdnet.data.formats import COMPRESSED, CSV, NPY, NPZ, TABLES
from gdnet.errors import DataError
from gdnet.training.options import OPTIONS, REGRESSION_LEARNING_RATE, Settings

if TYPE_CHECKING:
    from gdnet.backends import Choice
    from gdnet.data.table import Table
    from gdnet.descent.progress import ShownPhases
    from gdnet.model.model import Model
    from gdnet.training.table import Training
    from gdnet.training.trained import Trained

_PACKED = ", ".join(CSV.extensions[0] + each for each in COMPRESSED)
_TABLES = "\n".join(f"  {each.name:<8} {', '.join(each.extensions)}" for each in TABLES)
DESCRIPTION = f"""\
Train a network of one hidden layer by the exact gradient of all examples, and save it.

DATA is a built-in data set (planar, breast_cancer, digits, flights, diabetes) or a file:

{_TABLES}
  arrays   {NPZ} (X and y), {NPY} (rows are examples, the labels by --labels; read as it is needed)

CSV may be packed: {_PACKED}. Where columns have names, --target
tells which has the labels; text and missing values are encoded, and the model takes the columns as
they are. Two classes get one sigmoid output, more classes a softmax, and two or more columns of 0
and 1, in --target or --labels, one sigmoid each. With --task regression the target is a number, or
several, and the cost half the squared error.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train a network and save it",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    add_data_argument(parser)
    add_label_options(parser)
    add_task_option(parser)
    add_ignore_option(parser)
    add_header_option(parser)
    add_column_options(parser)
    add_network_options(parser)
    add_device_options(parser)
    add_speed_options(parser)
    parser.add_argument(
        "--block-size",
        type=auto_or(whole_number(1)),
        metavar="N",
        help="examples a block; auto depends on the shapes and the device alone (default: auto)",
    )
    add_data_options(parser)
    add_result_options(parser)
    add_checkpoint_options(parser)
    add_mpi_option(parser)
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Train, save, and write the summary.

    Raises
    ------
    DataError
        For options that do not go together, and data that cannot be trained on.
    DeviceUnavailable
        If a CUDA device was asked for and cannot be used.
    CheckpointError, ModelFileError
        For a checkpoint to resume, or a model to start from, that is not what it should be.
    Diverged
        If the cost diverges; the last good parameters are saved before.
    """
    from gdnet.activations import get_activation
    from gdnet.atomic import check_writable
    from gdnet.cli.still_falling import still_falling_notes
    from gdnet.cli.summary import as_json, as_text, baseline_notes, describe_training
    from gdnet.descent.progress import ShownPhases
    from gdnet.model.file import load_model

    # Everything that can be refused is refused before the data are read.
    if options.init is not None and options.init_scale is not None:
        raise DataError("expected --init or --init-scale, got both: there are no random weights")
    init = None if options.init is None else load_model(options.init)
    if options.activation is None:
        options.activation = Settings.activation if init is None else init.activation
    if options.hidden is None:
        options.hidden = Settings.hidden if init is None else init.shape[1]
    get_activation(options.activation)
    first = options.ranks is None or options.ranks.rank == 0
    if not first:  # who alone writes
        options.history = options.plot = None
    for path in (options.out, options.history):
        if path is not None:
            check_writable(path)
    if options.plot is not None:
        from gdnet.plots import check_plot_path

        check_plot_path(options.plot)
    check_apart(options)
    check_solver(options)
    if options.patience and not (options.tol or options.early_stopping or options.quiet):
        say("--patience has no use without --tol above 0 or --early-stopping")
    fraction, validation_file = validation_of(options)
    if options.early_stopping and options.validation is None:
        raise DataError("expected --validation FILE or FRACTION with --early-stopping, got none")
    check_header(options, options.data, validation_file)
    replaced = Path(options.out).exists()
    sharing = 1 if options.ranks is None else options.ranks.size
    phases = ShownPhases(quiet=options.quiet, ranks=sharing)
    choice = choose_device(options)
    with opened_checkpoint(options) as checkpoint:
        training = _prepared(options, validation_file, fraction, choice, init, phases)
        if not options.quiet:
            say_what_is_odd(training, options.dtype)
        ended = run_training(options, training, choice, checkpoint, phases)
    trained = ended.trained
    if checkpoint is not None and not options.quiet:
        say_if_bits_differ(checkpoint)
    out = None if ended.not_saved else options.out
    not_evaluated = None if ended.failure is None else reason_of(ended.failure)
    facts = describe_training(trained, training, choice, out, not_evaluated)
    facts |= phases.facts
    if ended.limit is not None:
        facts["time_limit_reached"] = ended.limit.reached
    if ended.failure is None:
        judged = trained.validation or trained.train
        which = "training" if judged is trained.train else "validation"
        notes = baseline_notes(judged, f"the {which} examples")
        if not (ended.limit is not None and ended.limit.reached):
            notes += still_falling_notes(trained.outcome.run, training.settings, judged)
        facts["notes"] += notes
        for note in () if options.quiet else notes:
            say(note)
    show(
        as_json(facts)
        if options.json
        else as_text(facts, trained, choice, replaced=replaced and out is not None)
    )
    for error in (ended.not_saved, ended.failure):
        if error is not None:
            raise error
    if options.plot is not None:
        _plot(options, trained, training)
    return 0


def _prepared(
    options: argparse.Namespace,
    validation_file: str | None,
    fraction: float | None,
    choice: Choice,
    init: Model | None,
    phases: ShownPhases,
) -> Training:
    """Return the training, which alone holds its data."""
    from gdnet.training.table import Training

    table = load_table(options, fraction, init, phases)
    if options.task == "auto" and table.task is not None:
        options.task = table.task
    settings = _settings(options, table, fraction)
    validation = None if validation_file is None else load_validation(options, table, phases)
    return Training(table, settings, choice.backend, validation, init, phases, options.ranks)


def _settings(options: argparse.Namespace, table: Table, fraction: float | None) -> Settings:
    given = {name: getattr(options, name) for name in OPTIONS if hasattr(options, name)}
    if given["learning_rate"] is None and options.task == "regression":
        given["learning_rate"] = REGRESSION_LEARNING_RATE
    given |= {
        name: getattr(Settings, name)
        for name in ("init_scale", "learning_rate", "momentum", "patience")
        if given[name] is None
    }
    if given["standardize"] is None:
        given["standardize"] = table.standardize_by_default
    return Settings(**given, validation_fraction=fraction, init=options.init, task=options.task)


def _plot(options: argparse.Namespace, trained: Trained, training: Training) -> None:
    from gdnet.plots import Boundary, plot_training, save_figure

    boundary = None
    if training.points is not None:
        boundary = Boundary(trained.model, *training.points)
    save_figure(plot_training(trained.run, title=training.name, boundary=boundary), options.plot)
