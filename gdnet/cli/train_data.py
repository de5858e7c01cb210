"""What ``gdnet train`` trains and validates on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gdnet.cli.output import say
from gdnet.cli.ranks import check_shared
from gdnet.data.formats import TABLE_NAMES
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.data.encoding.file import Plan
    from gdnet.data.table import Table
    from gdnet.model.model import Model
    from gdnet.phases import Phases
    from gdnet.training.table import Training


# What is learnt from the data; a model to start from brings it along.
LEARNT = ("text", "max_categories", "categorical", "na_values")


def validation_of(options: argparse.Namespace) -> tuple[float | None, str | None]:
    """Return the fraction to hold out, or the file to validate on.

    Raises
    ------
    DataError
        For a fraction that is not between 0 and 1, or labels without a file.
    """
    text = options.validation
    try:
        fraction = None if text is None else float(text)
    except ValueError:
        return None, text
    if options.validation_labels is not None:
        got = "none" if text is None else f"the fraction {text}"
        raise DataError(f"expected --validation FILE with --validation-labels, got {got}")
    if fraction is not None and not 0 < fraction < 1:
        raise DataError(f"expected --validation FILE or a fraction above 0 and below 1, got {text}")
    return fraction, None


def load_table(
    options: argparse.Namespace, fraction: float | None, init: Model | None, phases: Phases
) -> Table:
    """Return the data to train on, and say what is special about them.

    `fraction` of them is to be held out, and `init` is the model to start from, if there is one.

    Raises
    ------
    DataError
        For data that are not there, or cannot be trained on as the options say.
    """
    from gdnet.data.builtin import BUILTIN_NAMES, load_builtin
    from gdnet.data.columns.named import explained
    from gdnet.data.files import read_table
    from gdnet.data.opening import not_a_file
    from gdnet.data.parts import parts_of

    data, target, labels = options.data, options.target, options.labels
    if data in BUILTIN_NAMES:
        if target is not None or labels is not None:
            raise DataError(f"{data} is built in and has its labels: leave out target and labels")
        if options.ignore:
            raise DataError(f"{data} is built in and has only features: leave --ignore")
        _check_columns_are_named(options)
        return load_builtin(data, options.dtype)
    if data == "-":
        raise not_a_file(data)
    path = parts_of(data).path
    if not path.suffix and not path.exists() and isinstance(data, str):
        raise DataError(
            f"{data}: expected a file, or one of the built-in data sets {', '.join(BUILTIN_NAMES)}"
        )
    if not parts_of(data).by_name:
        _check_columns_are_named(options)
    if options.ranks is not None:
        check_shared(data)
    table = read_table(
        data,
        target=target,
        labels=labels,
        ignore=options.ignore,
        dtype=options.dtype,
        continuous=options.task == "regression",
        header=options.header,
        plan=_plan(options, fraction, init),
        phases=phases,
        ranks=options.ranks,
    )
    if table.ignored and not options.quiet:
        say(f"ignored columns: {explained(table.ignored)}")
    return table


def _given(options: argparse.Namespace, *names: str) -> list[str]:
    """Return which of the options on columns are given, as they are spelled."""
    given = [name for name in names if getattr(options, name) not in (None, [])]
    return [f"--{name.replace('_', '-')}" for name in given]


def _check_columns_are_named(options: argparse.Namespace) -> None:
    """Raise if an option on text or missing values is given."""
    given = _given(options, *LEARNT, "missing")
    if given:
        raise DataError(
            f"{options.data}: expected a {TABLE_NAMES} file with {given[0]}, got numbers without "
            f"gaps; leave {', '.join(given)}"
        )


def _plan(options: argparse.Namespace, fraction: float | None, init: Model | None) -> Plan:
    """Return how columns are encoded; a model to start from has its own way."""
    from gdnet.data.encoding.encoding import Encoding, Options
    from gdnet.data.encoding.file import Plan
    from gdnet.data.parts import parts_of
    from gdnet.training.target import rows_to_train_on

    def chosen(target: Any) -> Any:
        if fraction is None:
            return None
        name = parts_of(options.data).name
        return rows_to_train_on(target, options.task, fraction, options.seed, name)

    of_model = None if init is None else init.encoding
    if of_model is not None:
        given = _given(options, *LEARNT)
        if given:
            raise DataError(
                f"{options.init}: its model has its own way to encode columns: leave "
                f"{', '.join(given)}"
            )
        used = [name for name in options.ignore if name in of_model.column_names]
        if used:
            raise DataError(
                f"{options.init}: its model takes the column {used[0]!r}: leave --ignore"
            )
        missing = options.missing or of_model.options.missing
        if missing != "drop":
            own = of_model.options._replace(missing=missing)
            of_model = Encoding(of_model.columns, own)
        return Plan(of_model.options._replace(missing=missing), of_model)
    # A model that takes numbers as they are starts from tables as 0.1.0 has read them.
    text, missing = ("encode", "impute") if init is None else ("ignore", "error")
    given_options = Options(
        options.max_categories or Options().max_categories,
        options.text or text,
        options.missing or missing,
        tuple(options.categorical),
        tuple(options.na_values),
    )
    return Plan(given_options, None, chosen)


def load_validation(options: argparse.Namespace, table: Table, phases: Phases) -> Table:
    """Return the file to validate on, with the columns that are trained on.

    Raises
    ------
    DataError
        If there are no labels, or as `gdnet.data.files.read_table`.
    """
    from gdnet.data.encoding.encoding import Column, Encoding, Options
    from gdnet.data.encoding.file import Plan
    from gdnet.data.files import read_table
    from gdnet.data.formats import NPY
    from gdnet.data.parts import parts_of

    path = options.validation
    plan = None
    if table.encoding is not None:
        missing = "drop" if options.missing == "drop" else table.encoding.options.missing
        plan = Plan(table.encoding.options._replace(missing=missing), table.encoding)
    elif options.missing == "drop" and table.feature_names is not None:
        # Numbers as they are: no gap is left to be filled.
        numbers = [Column(name, 0.0) for name in table.feature_names]
        plan = Plan(Options(missing="drop"), Encoding(numbers, Options(missing="drop")))
    if options.ranks is not None:
        check_shared(path)
    parts = parts_of(path)
    by_name = parts.by_name
    target = table.target_name if by_name and options.validation_labels is None else None
    needs_labels = parts.format == NPY or (by_name and target is None)
    if parts.files[0].is_file() and options.validation_labels is None and needs_labels:
        raise DataError(f"{path}: expected --validation-labels FILE with its labels, got none")
    return read_table(
        path,
        target=target,
        labels=options.validation_labels,
        features=table.feature_names,
        dtype=options.dtype,
        typed=False,
        continuous=options.task == "regression",
        header=options.header,
        plan=plan,
        phases=phases,
        ranks=options.ranks,
    )


def say_what_is_odd(training: Training, dtype: str) -> None:
    """Say what may not be meant, and name features that float32 rounds by much of their spread."""
    for note in training.notes:
        say(note)
    if training.rounded and dtype == "float32":
        say(
            "large numbers that vary little, of which float32 keeps few digits: "
            f"{', '.join(training.rounded)}; --dtype float64 keeps more"
        )
