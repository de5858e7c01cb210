"""``gdnet plot importance``: what shuffling each column of a table costs a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gdnet.cli.argument_types import whole_number
from gdnet.cli.options import add_header_option, add_label_options
from gdnet.errors import DataError
from gdnet.training.options import MAX_SEED

if TYPE_CHECKING:
    from gdnet._typing import HostArray
    from gdnet.model.model import Model


ABOUT = "what shuffling each column costs a model in accuracy or R^2"
ROWS_AT_A_TIME = 65536
# An array of more features than this would take minutes, and is not a table.
MAX_COLUMNS = 1000


def add_importance_options(picture: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    picture.add_argument("model", metavar="MODEL", help="a model file")
    picture.add_argument("data", metavar="DATA", help="built-in name or file, best one held out")
    add_label_options(picture)
    add_header_option(picture)
    for name, default, about in (
        ("rows", 2000, "so many of the rows, drawn at random"),
        ("repeats", 10, "how often each column is shuffled"),
    ):
        picture.add_argument(
            f"--{name}",
            type=whole_number(2 if name == "rows" else 1),
            default=default,
            metavar="N",
            help=f"{about} (default: {default})",
        )
    picture.add_argument(
        "--seed", type=whole_number(0, MAX_SEED), default=0, metavar="N", help="(default: 0)"
    )


def draw_importance(options: argparse.Namespace) -> Any:
    """Return the picture.

    Raises
    ------
    DataError
        If scikit-learn is not installed, the model has too many columns, or the data do not fit it.
    ModelFileError
        As `gdnet.model.file.load_model`.
    """
    from gdnet.model.file import load_model
    from gdnet.plots import plot_importance
    from gdnet.scores.importance import column_importance, sampled

    try:
        from gdnet import load
    except ImportError:
        raise DataError(
            "importance needs scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    model, estimator = load_model(options.model), load(options.model)
    X, y = sampled(_examples(options, model, estimator), options.rows, options.seed)
    names = getattr(estimator, "feature_names_in_", None)
    names = [f"feature {k}" for k in range(X.shape[1])] if names is None else names.tolist()
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{options.model}: expected a model of at most {MAX_COLUMNS} columns, got {len(names)}"
        )
    importance = column_importance(
        estimator, X, y, names, repeats=options.repeats, seed=options.seed
    )
    return plot_importance(
        importance,
        score="R²" if model.kind == "regression" else "accuracy",
        title=options.data if options.title is None else options.title,
        theme=options.theme,
    )


def _examples(
    options: argparse.Namespace, model: Model, estimator: Any
) -> Iterator[tuple[Any, HostArray]]:
    """Yield the columns that an estimator takes, and labels, some rows at a time."""
    import numpy as np

    from gdnet.data.columns.kept import kept_columns
    from gdnet.data.labels.numbers import encode_as
    from gdnet.model.rows import iterate_examples

    examples = iterate_examples(
        options.data, model, options.target, options.labels, ROWS_AT_A_TIME, header=options.header
    )

    def labelled() -> Iterator[tuple[HostArray, HostArray]]:
        for rows, target in examples:
            codes = encode_as(model.kind, model.classes, target)
            y = codes if model.classes is None else np.array(model.classes)[codes]
            for lo in range(0, len(y), ROWS_AT_A_TIME):  # of an array file all come at once
                yield rows[lo : lo + ROWS_AT_A_TIME], y[lo : lo + ROWS_AT_A_TIME]

    steps = getattr(estimator, "steps", None)
    if steps is None:
        yield from labelled()
        return
    # A pipeline takes the columns of the file, of which its first step makes the features.
    names = estimator.feature_names_in_.tolist()
    numbers = {*steps[0][1].get_feature_names_out().tolist()}
    with kept_columns(options.data, names, options.header) as kept:
        for rows, y in labelled():
            yield as_numbers(kept.take(len(rows)), numbers), y


def as_numbers(table: Any, numbers: set[str]) -> Any:
    """Return a pyarrow.Table whose columns of these names are numbers, null where a cell is not."""
    import pyarrow as pa

    from gdnet.data.columns.cells import is_number

    for j, field in enumerate(table.schema):
        if field.name in numbers and pa.types.is_string(field.type):
            cells = [cell.strip() for cell in table.column(j).to_pylist()]
            values = [
                float(cell) if is_number(cell) else _TRUTH.get(cell.lower()) for cell in cells
            ]
            table = table.set_column(j, field.name, pa.array(values, pa.float64()))
    return table


_TRUTH = {"true": 1.0, "false": 0.0}
