"""``gdnet plot``: pictures of runs, models and measurements."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gdnet.cli.options import (
    add_device_options,
    add_header_option,
    add_label_options,
    add_quiet_option,
    check_apart,
    check_header,
    choose_device,
)
from gdnet.cli.output import show
from gdnet.cli.plot_importance import ABOUT, add_importance_options, draw_importance
from gdnet.data.labels.target_columns import output_names
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet._typing import HostArray
    from gdnet.model.model import Model


# Rows are read and predicted this many at a time.
ROWS_AT_A_TIME = 65536
# A picture of the examples shows no more than about these.
MAX_POINTS = 2000

DESCRIPTION = """\
Draw a picture, for light paper or for dark, in colours that the colour-blind can tell apart.

    gdnet train planar --hidden 4 --history four.jsonl --out model
    gdnet train planar --hidden 20 --history twenty.jsonl
    gdnet plot costs four.jsonl twenty.jsonl
    gdnet plot boundary model planar --theme dark --out boundary.svg
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "plot",
        help="draw costs, boundaries, confusion, ROC, calibration, predicted numbers, importance, "
        "hidden units",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    pictures = parser.add_subparsers(metavar="PICTURE", required=True)
    costs = _add_picture(pictures, "costs", _costs, "the costs of one run or of several")
    costs.add_argument(
        "history", nargs="+", metavar="HISTORY", help="files of gdnet train --history"
    )
    costs.add_argument(
        "--over",
        choices=("iterations", "passes"),
        default="iterations",
        help="passes over the examples tell solvers apart, of which an iteration of lbfgs may take "
        "several (default: iterations)",
    )
    for name, draw, about in (
        ("boundary", _boundary, "the regions of the classes, of a model of two features"),
        ("confusion", _confusion, "the confusion matrix of a model on data with labels"),
        ("roc", _roc, "ROC curves, one against the rest where there are several classes"),
        ("calibration", _calibration, "how often what is predicted comes true"),
        ("predicted", _regression, "predicted numbers over observed ones"),
        ("residuals", _regression, "observed - predicted numbers over predicted ones"),
    ):
        picture = _add_picture(pictures, name, draw, about)
        picture.add_argument("model", metavar="MODEL", help="a model file")
        picture.add_argument("data", metavar="DATA", help="built-in name or file")
        add_label_options(picture)
        add_header_option(picture)
        add_device_options(picture)
        add_quiet_option(picture)
    add_importance_options(_add_picture(pictures, "importance", draw_importance, ABOUT))
    hidden = _add_picture(pictures, "hidden", _hidden, "the weights of the hidden units")
    hidden.add_argument("model", metavar="MODEL", help="a model file")
    hidden.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="multiply each weight by its feature's deviation in these data",
    )
    add_header_option(hidden)
    crossover = _add_picture(
        pictures, "crossover", _crossover, "time of an iteration over m, where devices cross"
    )
    crossover.add_argument(
        "timings", metavar="FILE", help="what gdnet bench --json FILE has written"
    )
    crossover.add_argument("--network", metavar="N0-N1-N2", help="only this one, as 28-128-1")


def _add_picture(pictures: Any, name: str, draw: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = pictures.add_parser(
        name, help=about, description=f"Draw {about}.", allow_abbrev=False
    )
    parser.set_defaults(run=run, draw=draw, picture=name, parser=parser)
    parser.add_argument(
        "--out",
        default=f"{name}.png",
        metavar="FILE",
        help=f"what to write: .png, .svg, .pdf, ... (default: {name}.png)",
    )
    parser.add_argument("--title", help="stands above the picture")
    parser.add_argument(
        "--theme", choices=("light", "dark"), default="light", help="(default: light)"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Draw, write the file, and say which."""
    from gdnet.plots import check_plot_path, save_figure

    check_plot_path(options.out)
    if getattr(options, "data", None) is not None:
        check_header(options, options.data)
    given = [getattr(options, name, None) for name in ("model", "data", "labels", "timings")]
    check_apart("the picture", options.out, *given, *getattr(options, "history", ()))
    save_figure(options.draw(options), options.out)
    show(options.out)
    return 0


def _costs(options: argparse.Namespace) -> Any:
    from gdnet.plots import plot_costs, read_history

    names = [Path(path).stem for path in options.history]
    if len(set(names)) < len(names):
        names = options.history
    runs = {name: read_history(path) for name, path in zip(names, options.history, strict=True)}
    title = options.title or ""
    return plot_costs(runs, title=title, theme=options.theme, over=options.over)


class _Examples(NamedTuple):
    """A model with what it says of some data, and the truth."""

    model: Model
    rows: HostArray  # (k, 2), or none for a model of other than two features
    codes: HostArray
    Z2: HostArray
    A2: HostArray


def _predicted(options: argparse.Namespace, *, numbers: bool = False) -> _Examples:
    """Return what a model, of `numbers` or of classes, says of the data."""
    import numpy as np

    from gdnet.data.labels.numbers import encode_as
    from gdnet.model.file import load_model
    from gdnet.model.prediction import predict_outputs
    from gdnet.model.rows import iterate_examples

    model = load_model(options.model)
    (model.check_predicts_numbers if numbers else model.check_classifies)(options.model)
    backend = choose_device(options).backend
    parts = [
        (
            rows[:] if rows.shape[1] == 2 else rows[:0],
            encode_as(model.kind, model.classes, target),
            *predict_outputs(model, rows, backend),
        )
        for rows, target in iterate_examples(
            options.data,
            model,
            options.target,
            options.labels,
            ROWS_AT_A_TIME,
            header=options.header,
        )
    ]
    return _Examples(model, *(np.concatenate(part) for part in zip(*parts, strict=True)))


def _style(options: argparse.Namespace) -> dict[str, Any]:
    title = options.title
    return {"title": options.data if title is None else title, "theme": options.theme}


def _boundary(options: argparse.Namespace) -> Any:
    from gdnet.plots import Boundary, plot_boundary

    model, rows, codes, _, _ = _predicted(options)
    step = -(-len(codes) // MAX_POINTS)
    return plot_boundary(Boundary(model, rows[::step], codes[::step]), **_style(options))


def _confusion(options: argparse.Namespace) -> Any:
    from gdnet.model.prediction import predicted_codes
    from gdnet.plots import plot_confusion
    from gdnet.scores.metrics import confusion

    model, _, codes, Z2, _ = _predicted(options)
    if model.classes is None:
        raise DataError(f"{options.model}: expected a model of exclusive classes, got multi-label")
    counts = confusion(codes, predicted_codes(Z2, model.kind), len(model.classes))
    return plot_confusion(counts, model.class_names, **_style(options))


def _roc(options: argparse.Namespace) -> Any:
    from gdnet.plots import one_against_rest, plot_roc

    model, _, codes, Z2, A2 = _predicted(options)
    if model.kind == "binary":
        curves = {_positive(model): (Z2[:, 0], codes == 1)}
    else:
        curves = one_against_rest(_names(model), A2 if model.classes else Z2, codes)
    return plot_roc(curves, **_style(options))


def _calibration(options: argparse.Namespace) -> Any:
    from gdnet.plots import one_against_rest, plot_calibration

    model, _, codes, _, A2 = _predicted(options)
    if model.kind == "binary":
        curves = {_positive(model): (A2[:, 0], codes == 1)}
    elif model.kind == "multiclass":
        curves = {"the predicted class": (A2.max(axis=1), A2.argmax(axis=1) == codes)}
    else:
        curves = one_against_rest(_names(model), A2, codes)
    return plot_calibration(curves, **_style(options))


def _regression(options: argparse.Namespace) -> Any:
    from gdnet.plots import plot_predicted, plot_residuals

    model, _, observed, _, predicted = _predicted(options, numbers=True)
    names = [model.target_name or ""]
    if model.shape[2] > 1:
        known = output_names(model.target_name, model.shape[2])
        names = list(known or [f"target {k}" for k in range(model.shape[2])])
    columns = observed.reshape(len(observed), -1)
    if columns.shape[1] != len(names):
        raise DataError(
            f"{options.data}: expected {len(names)} numbers to be predicted a row, got "
            f"{columns.shape[1]}"
        )
    targets = {name: (columns[:, k], predicted[:, k]) for k, name in enumerate(names)}
    draw = plot_predicted if options.picture == "predicted" else plot_residuals
    return draw(targets, **_style(options))


def _positive(model: Model) -> str:
    name, target = _names(model)[1], model.target_name
    if target is None or name == "True":
        return target or name
    return f"{target} = {name}"


def _names(model: Model) -> list[str]:
    if model.classes is None:
        known = output_names(model.target_name, model.shape[2])
        return list(known or [f"label {k}" for k in range(model.shape[2])])
    return list(model.class_names)


def _hidden(options: argparse.Namespace) -> Any:
    import numpy as np

    from gdnet.model.file import load_model
    from gdnet.model.rows import iterate_rows
    from gdnet.plots import plot_hidden

    model, scale = load_model(options.model), None
    if options.data is not None:
        rows = iterate_rows(options.data, model, ROWS_AT_A_TIME, header=options.header)
        scale = np.concatenate([part.astype(np.float64) for part in rows]).std(axis=0)
    title = options.model if options.title is None else options.title
    return plot_hidden(model, scale=scale, title=title, theme=options.theme)


def _crossover(options: argparse.Namespace) -> Any:
    from gdnet.plots import plot_crossover, read_timings

    timings = read_timings(options.timings, options.network)
    title = ", ".join(timings) if options.title is None else options.title
    return plot_crossover(timings, title=title, theme=options.theme)
