"""``gdnet train``: from a file or a built-in data set to a model file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.checkpointing import (
    add_checkpoint_options,
    opened_checkpoint,
    say_if_bits_differ,
    what_is_kept,
)
from gdnet.cli.options import (
    MOST_SEED,
    MOST_UNITS,
    add_device_options,
    add_header_option,
    add_ignore_option,
    add_label_options,
    add_quiet_option,
    add_speed_options,
    auto_or,
    check_header,
    choose_device,
    fraction_below_1,
    number,
    show,
    whole_number,
)
from gdnet.cli.signals import Terminated, raise_received
from gdnet.cli.train_data import load_table, load_validation, say_what_is_odd, validation_of
from gdnet.errors import DataError, Diverged

if TYPE_CHECKING:
    from gdnet.checkpoint import Checkpoint
    from gdnet.data.table import Table
    from gdnet.descent import Observer
    from gdnet.model_file import Model
    from gdnet.training import Settings, Trained, Training

DESCRIPTION = """\
Train a network of one hidden layer by full-batch gradient descent and save it.

DATA is a built-in data set (planar, breast_cancer, digits, flights) or a file: CSV (.csv, .tsv,
.tab, .txt) or .parquet (numeric columns, the labels by --target), .npz (arrays X and y), or .npy
(rows are examples, the labels by --labels; read block by block as it is needed). Two classes get
one sigmoid output, more classes a softmax, and two or more columns of 0 and 1 in --labels one
sigmoid each.
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
    parser.add_argument("data", metavar="DATA", help="built-in name or file")
    add_label_options(parser)
    add_ignore_option(parser)
    add_header_option(parser)
    _add_network_options(parser)
    add_device_options(parser)
    add_speed_options(parser)
    parser.add_argument(
        "--block-size",
        type=auto_or(whole_number(1)),
        metavar="N",
        help="examples a block; auto depends on the shapes and the device alone (default: auto)",
    )
    _add_data_options(parser)
    _add_result_options(parser)
    add_checkpoint_options(parser)
    add_quiet_option(parser)


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--hidden",
        type=whole_number(1, MOST_UNITS),
        default=32,
        metavar="N",
        help="hidden units (default: 32)",
    )
    add(
        "--activation",
        default="tanh",
        metavar="NAME",
        help="tanh, sigmoid, relu, leaky_relu, identity, softplus, gelu or silu (default: tanh)",
    )
    add("--learning-rate", type=number(above=True), default=0.5, metavar="A", help="(default: 0.5)")
    add("--iterations", type=whole_number(1), default=1000, metavar="N", help="(default: 1000)")
    add(
        "--tol",
        type=fraction_below_1,
        default=0.0,
        help="stop when the cost falls by less than this fraction over --patience iterations; "
        "0 makes every iteration (default: 0)",
    )
    add("--patience", type=whole_number(1), default=10, metavar="N", help="(default: 10)")
    add(
        "--l2",
        type=number(),
        default=0.0,
        help="adds l2/2m times the sum of the squared weights to the cost (default: 0)",
    )
    add(
        "--init-scale",
        type=auto_or(number()),
        metavar="S",
        help="factor of the random first weights; auto is 1/sqrt(fan-in) (default: auto)",
    )
    add(
        "--seed",
        type=whole_number(0, MOST_SEED),
        default=0,
        metavar="N",
        help="of the weights and of the choice of a validation fraction (default: 0)",
    )
    add("--dtype", choices=("float32", "float64"), default="float32", help="(default: float32)")


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--validation",
        metavar="FILE|FRACTION",
        help="examples to validate on: a file like DATA, or a random fraction of each class",
    )
    add("--validation-labels", metavar="FILE.npy", help="labels of a --validation file")
    add("--class-weight", choices=("balanced",), help="let every class count the same")
    add(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="give every feature mean 0 and deviation 1; the saved model takes raw features all "
        "the same (default: for everything but planar)",
    )


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--out",
        default="model.safetensors",
        metavar="FILE",
        help="the model, replaced if it exists (default: model.safetensors)",
    )
    add("--history", metavar="FILE", help="costs, one JSON object an iteration")
    add("--plot", metavar="FILE", help="cost curve, and the boundary of two features (.png, ...)")
    add("--json", action="store_true", help="the summary as one JSON object, also if it diverges")


def run(options: argparse.Namespace) -> int:
    """Train, save, and write the summary."""
    from gdnet.activations import get_activation
    from gdnet.atomic import check_writable
    from gdnet.cli.summary import as_json, as_text, describe_divergence, describe_training
    from gdnet.training import Training

    # Everything that can be refused is refused before the data are read.
    get_activation(options.activation)
    for path in (options.out, options.history):
        if path is not None:
            check_writable(path)
    if options.plot is not None:
        from gdnet.plots import check_plot_path

        check_plot_path(options.plot)
    _check_apart(options)
    fraction, validation_file = validation_of(options)
    check_header(options, options.data, validation_file)
    replaced = Path(options.out).exists()
    choice = choose_device(options)
    with opened_checkpoint(options) as checkpoint:
        table = load_table(options)
        settings = _settings(options, table, fraction)
        validation = None if validation_file is None else load_validation(options, table)
        training = Training(table, settings, choice.backend, validation)
        if not options.quiet:
            say_what_is_odd(training, options.dtype)
        try:
            trained = _train(options, training, checkpoint)
        except Diverged as diverged:
            if options.json:
                show(as_json(describe_divergence(diverged, training, choice, options.out)))
            raise
    if checkpoint is not None and not options.quiet:
        say_if_bits_differ(checkpoint)
    if options.plot is not None:
        _plot(options, trained, training, table)
    facts = describe_training(trained, training, choice, options.out)
    show(as_json(facts) if options.json else as_text(facts, trained, choice, replaced=replaced))
    return 0


def _train(
    options: argparse.Namespace, training: Training, checkpoint: Checkpoint | None
) -> Trained:
    import numpy.random  # noqa: F401 - the last C code to be imported

    from gdnet.model_file import save_model

    raise_received()
    saved = False

    def keep(model: Model) -> None:
        nonlocal saved
        save_model(model, options.out)
        saved = True

    with _observers(options, training, checkpoint) as observers:
        try:
            return training.run(observers, keep, checkpoint)
        except (KeyboardInterrupt, Terminated) as stop:
            what = "interrupted" if isinstance(stop, KeyboardInterrupt) else "terminated"
            kept = what_is_kept(options, checkpoint, saved)
            raise type(stop)(f"{what}; {kept}") from None
        except Diverged as diverged:
            if diverged.last_good is None:
                raise
            save_model(training.model_of(diverged.last_good, diverged), options.out)
            raise Diverged(
                f"{diverged}; the last good parameters, those after "
                f"{diverged.last_good.iterations} iterations, are in {options.out}",
                diverged.iteration,
                diverged.cost,
                diverged.last_good,
            ) from None


def _check_apart(options: argparse.Namespace) -> None:
    """Raise if a result would overwrite the data or another result."""
    from gdnet.checkpoint import beside
    from gdnet.data.builtin import BUILTIN_NAMES

    taken: dict[Path, str] = {}
    read = ("data", "labels", "validation", "validation_labels")
    for name in (*read, "out", "history", "plot", "checkpoint"):
        path = getattr(options, name)
        if path is None or (name == "data" and path in BUILTIN_NAMES):
            continue
        option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
        file = Path(path).resolve()
        for each in (file, *beside(file)) if name == "checkpoint" else (file,):
            other = taken.setdefault(each, option)
            if other != option and name not in read:
                raise DataError(
                    f"{each.name}: expected files of their own for {other} and {option}"
                )


def _settings(options: argparse.Namespace, table: Table, fraction: float | None) -> Settings:
    from gdnet.training import Settings

    standardize = options.standardize
    return Settings(
        hidden=options.hidden,
        activation=options.activation,
        learning_rate=options.learning_rate,
        iterations=options.iterations,
        tol=options.tol,
        patience=options.patience,
        l2=options.l2,
        init_scale="auto" if options.init_scale is None else options.init_scale,
        seed=options.seed,
        dtype=options.dtype,
        block_size=options.block_size,
        class_weight=options.class_weight,
        standardize=table.standardize_by_default if standardize is None else standardize,
        validation_fraction=fraction,
    )


@contextmanager
def _observers(
    options: argparse.Namespace, training: Training, checkpoint: Checkpoint | None
) -> Iterator[list[Observer]]:
    from gdnet.cli.history import HistoryFile
    from gdnet.progress import progress_bar

    with ExitStack() as stack:
        observers: list[Observer] = []
        if options.history is not None:
            observers.append(stack.enter_context(HistoryFile(options.history, checkpoint)))
        if not options.quiet:
            bar = stack.enter_context(progress_bar(options.iterations, training.m))
            if bar is not None:
                observers.append(bar)
        if observers or checkpoint is not None:  # without any, the loop is not slowed by one
            observers.insert(0, lambda told: raise_received())
        yield observers


def _plot(options: argparse.Namespace, trained: Trained, training: Training, table: Table) -> None:
    from gdnet.plots import Boundary, plot_training, save_figure

    boundary = None
    if training.points is not None:
        boundary = Boundary(trained.model, *training.points)
    save_figure(plot_training(trained.run, title=table.name, boundary=boundary), options.plot)
