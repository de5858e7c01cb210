"""``gdnet train``: from a file or a built-in data set to a model file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.options import (
    add_device_options,
    add_label_options,
    add_quiet_option,
    auto_or,
    choose_device,
    number,
    say,
    show,
    whole_number,
)
from gdnet.errors import DataError, Diverged

if TYPE_CHECKING:
    from gdnet.backends import Choice
    from gdnet.data.table import Table
    from gdnet.descent import Observer
    from gdnet.training import Settings, Trained, Training

DESCRIPTION = """\
Train a network of one hidden layer by full-batch gradient descent and save it.

DATA is a built-in data set (planar, breast_cancer, digits, flights) or a file: .csv or .parquet
(numeric columns, the labels by --target), .npz (arrays X and y), or .npy (memory-mapped, rows are
examples, the labels by --labels). Two classes get one sigmoid output, more classes a softmax, and
two or more columns of 0 and 1 in --labels one sigmoid each.
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
    parser.set_defaults(run=run)
    parser.add_argument("data", metavar="DATA", help="built-in name or file")
    add_label_options(parser)
    _add_network_options(parser)
    add_device_options(parser)
    parser.add_argument(
        "--block-size",
        type=auto_or(whole_number(1)),
        metavar="N",
        help="examples a block; auto depends on the shapes and the device alone (default: auto)",
    )
    _add_data_options(parser)
    _add_result_options(parser)
    add_quiet_option(parser)


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--hidden", type=whole_number(1), default=32, metavar="N", help="hidden units (default: 32)"
    )
    add("--activation", default="tanh", metavar="NAME", help="hidden activation (default: tanh)")
    add("--learning-rate", type=number(above=True), default=0.5, metavar="A", help="(default: 0.5)")
    add("--iterations", type=whole_number(1), default=1000, metavar="N", help="(default: 1000)")
    add(
        "--tol",
        type=number(),
        default=0.0,
        help="stop when the cost falls by less than this fraction of the best for --patience "
        "iterations; 0 makes every iteration (default: 0)",
    )
    add("--patience", type=whole_number(1), default=10, metavar="N", help="(default: 10)")
    add(
        "--l2",
        type=number(),
        default=0.0,
        help="adds l2/2m (|W1|^2 + |W2|^2) to the cost (default: 0)",
    )
    add(
        "--init-scale",
        type=auto_or(number()),
        metavar="S",
        help="factor of the random first weights; auto is 1/sqrt(fan-in) (default: auto)",
    )
    add("--seed", type=whole_number(0), default=0, metavar="N", help="of the weights (default: 0)")
    add("--dtype", choices=("float32", "float64"), default="float32", help="(default: float32)")


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--validation",
        metavar="FILE|FRACTION",
        help="examples to validate on: a file like DATA, or a random fraction set aside",
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
        help="the model (default: model.safetensors)",
    )
    add("--history", metavar="FILE", help="costs, one JSON object an iteration")
    add("--plot", metavar="FILE", help="cost curve, and the boundary of two features (.png, ...)")
    add("--json", action="store_true", help="write the summary as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Train, save, and write the summary."""
    from gdnet.activations import get_activation
    from gdnet.atomic import check_writable
    from gdnet.model_file import save_model
    from gdnet.training import Training

    # Everything that can be refused is refused before the data are read.
    get_activation(options.activation)
    for path in (options.out, options.history):
        if path is not None:
            check_writable(path)
    if options.plot is not None:
        from gdnet.plots import check_plot_path

        check_plot_path(options.plot)
    fraction, validation_file = _validation_of(options)
    choice = choose_device(options)
    table = _load(options.data, options.target, options.labels, options.dtype)
    if table.ignored and not options.quiet:
        say(f"ignored columns, which are not numbers: {', '.join(table.ignored)}")
    settings = _settings(options, table, fraction)
    validation = None if validation_file is None else _load_validation(options, table)
    training = Training(table, settings, choice.backend, validation)
    with _observers(options, training) as observers:
        try:
            trained = training.run(observers)
        except Diverged as diverged:
            save_model(training.model_of(diverged.last_good, diverged), options.out)
            raise Diverged(
                f"{diverged}; the last good parameters, after "
                f"{diverged.last_good.iterations} iterations, are in {options.out}",
                diverged.iteration,
                diverged.cost,
                diverged.last_good,
            ) from None
    save_model(trained.model, options.out)
    if options.plot is not None:
        _plot(options, trained, training, table)
    _summarise(options, trained, training, choice)
    return 0


def _validation_of(options: argparse.Namespace) -> tuple[float | None, str | None]:
    """Return the fraction to set aside, or the file to validate on."""
    text = options.validation
    if text is None or not text.replace(".", "", 1).isdigit():
        if options.validation_labels is not None and text is None:
            raise DataError("expected --validation FILE with --validation-labels, got none")
        return None, text
    if not 0 < float(text) < 1:
        raise DataError(f"expected --validation FILE or a fraction above 0 and below 1, got {text}")
    return float(text), None


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


def _load(data: str, target: str | None, labels: str | None, dtype: str) -> Table:
    from gdnet.data.builtin import BUILTIN_NAMES, load_builtin
    from gdnet.data.files import read_table

    if data in BUILTIN_NAMES:
        if target is not None or labels is not None:
            raise DataError(f"{data} is built in and has its labels: leave --target and --labels")
        return load_builtin(data, dtype)
    if not Path(data).suffix and not Path(data).exists():
        raise DataError(
            f"{data}: expected a file, or one of the built-in data sets {', '.join(BUILTIN_NAMES)}"
        )
    return read_table(data, target=target, labels=labels, dtype=dtype)


def _load_validation(options: argparse.Namespace, table: Table) -> Table:
    from gdnet.data.files import read_table

    by_name = options.validation.lower().endswith((".csv", ".parquet"))
    if options.validation_labels is None and options.labels is not None and not by_name:
        raise DataError("expected --validation-labels FILE.npy with --validation FILE, got none")
    return read_table(
        options.validation,
        target=table.target_name if options.validation_labels is None else None,
        labels=options.validation_labels,
        features=table.feature_names,
        dtype=options.dtype,
    )


@contextmanager
def _observers(options: argparse.Namespace, training: Training) -> Iterator[list[Observer]]:
    from gdnet.cli.progress import HistoryFile, progress_bar

    with ExitStack() as stack:
        observers: list[Observer] = []
        if options.history is not None:
            observers.append(stack.enter_context(HistoryFile(options.history)))
        if not options.quiet:
            bar = stack.enter_context(progress_bar(options.iterations, training.m))
            if bar is not None:
                observers.append(bar)
        yield observers


def _plot(options: argparse.Namespace, trained: Trained, training: Training, table: Table) -> None:
    from gdnet.plots import Boundary, plot_training

    boundary = None
    if training.points is not None:
        boundary = Boundary(trained.model, *training.points)
    plot_training(options.plot, trained.run, title=table.name, boundary=boundary)


def _summarise(
    options: argparse.Namespace, trained: Trained, training: Training, choice: Choice
) -> None:
    from gdnet.cli.summary import as_json, as_text, describe_training

    facts = describe_training(trained, training, choice, options.out)
    show(as_json(facts) if options.json else as_text(facts, trained, choice))
