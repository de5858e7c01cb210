"""The options of ``gdnet train``: the network and its solver, the data, the results."""

from __future__ import annotations

import argparse
from typing import Any

from gdnet.activations import ACTIVATIONS
from gdnet.cli.argument_types import auto_or, column_names, number, number_of, whole_number
from gdnet.data.formats import TABLE_NAMES
from gdnet.training.options import OPTIONS, REGRESSION_LEARNING_RATE, SOLVERS, Settings


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the hyper-parameters, --init and --max-seconds."""

    def add(name: str, about: str = "", **how: Any) -> None:
        option = OPTIONS[name]
        if option.limits is not None:
            how = {"type": number_of(name)} | how
        default = getattr(Settings, name)
        shown = default if isinstance(default, str) else f"{default:g}"
        how = {"default": default, "help": f"{about} (default: {shown})".strip()} | how
        parser.add_argument(f"--{name.replace('_', '-')}", **how)

    # With --init these two are the model's unless they are given.
    add("hidden", "hidden units", metavar="N", default=None)
    add(
        "activation",
        f"one of {', '.join(ACTIVATIONS)}",
        metavar="NAME",
        default=None,
    )
    add(
        "solver",
        "; ".join(f"{name} is {option.about}" for name, option in SOLVERS.items()),
        choices=[*SOLVERS],
    )
    add(
        "learning_rate",
        metavar="A",
        default=None,
        help=f"of gd (default: {Settings.learning_rate:g}, and {REGRESSION_LEARNING_RATE:g} for "
        "--task regression)",
    )
    add(
        "momentum",
        "of gd: the part of the last change of the parameters that is made again",
        metavar="M",
        default=None,
    )
    parser.add_argument(
        "--nesterov",
        action="store_true",
        help="with --momentum: look ahead to where it leads",
    )
    add("iterations", metavar="N")
    add(
        "tol",
        "stop when the cost falls by less than this fraction over --patience iterations; "
        "0 makes every iteration",
    )
    add(
        "patience",
        "auto is 10, and 50 for lbfgs with --early-stopping",
        metavar="N",
        type=auto_or(number_of("patience")),
        default=None,
    )
    add("l2", "adds l2/2m times the sum of the squared weights to the cost")
    add(
        "init_scale",
        "factor of the random first weights; auto is 1/sqrt(fan-in)",
        metavar="S",
        type=auto_or(number_of("init_scale")),
    )
    add("seed", "of the weights and of the choice of a validation fraction", metavar="N")
    add("dtype", choices=("float32", "float64"))
    parser.add_argument(
        "--init",
        metavar="MODEL",
        help="start from the parameters of a saved model of the same features and classes, in "
        "place of random ones; its hidden units and activation are then the default",
    )
    parser.add_argument(
        "--max-seconds",
        type=number(above=True),
        metavar="S",
        help="end the iterations after so many seconds; --resume then continues from --checkpoint",
    )


def add_column_options(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of text and of missing values."""
    add = parser.add_argument
    add(
        "--text",
        choices=("encode", "ignore"),
        help=f"columns of text ({TABLE_NAMES}) become one feature a value, or are left out "
        "(default: encode)",
    )
    add(
        "--max-categories",
        type=whole_number(1),
        metavar="N",
        help="of a column of text the N most frequent values have a feature each, the others one "
        "in common (default: 32)",
    )
    add(
        "--categorical",
        type=column_names,
        action="extend",
        default=[],
        metavar="COL[,COL...]",
        help="columns of numbers that are codes, to be encoded as text is",
    )
    add(
        "--missing",
        choices=("impute", "drop", "error"),
        help="impute: a missing number becomes the mean of the rows that are trained on, and a "
        "feature says where; missing text is a value of its own. drop: leave such rows out. error: "
        "refuse them (default: impute)",
    )
    add(
        "--na-values",
        type=column_names,
        action="extend",
        default=[],
        metavar="TEXT[,TEXT...]",
        help="more spellings of a missing value; known are the empty cell, ?, NA, N/A, NaN, null "
        "and None; --na-values=-999 where it begins with a minus",
    )


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add what is validated on, and how examples count and are scaled."""
    add = parser.add_argument
    add(
        "--validation",
        metavar="FILE|FRACTION",
        help="examples to validate on: a file like DATA, or a random fraction (of each class)",
    )
    add("--validation-labels", metavar="FILE", help="labels of a --validation file")
    add(
        "--early-stopping",
        action="store_true",
        help="stop when the cost on --validation has not fallen by --tol over --patience "
        "iterations, and keep the parameters of its lowest",
    )
    add("--class-weight", choices=("balanced",), help="let every class count the same")
    add(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="give every feature, and every number to be predicted, mean 0 and deviation 1; the "
        "saved model takes raw features and gives raw numbers all the same (default: for "
        "everything but planar)",
    )


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add what is written."""
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
