"""``gdnet predict``: labels, probabilities or logits for any number of rows."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.argument_types import column_names, probability
from gdnet.cli.data_argument import add_data_argument, say_order
from gdnet.cli.options import (
    add_device_options,
    add_header_option,
    add_mpi_option,
    add_quiet_option,
    check_apart,
    check_extension,
    check_header,
    choose_device,
)
from gdnet.cli.output import say
from gdnet.cli.prediction_output import FORMATS, output, write_csv, write_npy, write_parquet
from gdnet.cli.ranks import check_shared, say_seen
from gdnet.data.formats import TABLE_NAMES
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet._typing import HostArray
    from gdnet.cli.prediction_output import Predicted
    from gdnet.model.model import Model
    from gdnet.model.prediction import Outputs


DESCRIPTION = """\
Predict with a saved model, in memory that does not grow with the data.

Where columns have names, those that the model takes are found by name, in any order, and others are
ignored; arrays must have the model's width. The result is CSV with a header, one row for each row
of the data; a FILE that ends in .parquet or .npy gets a table or an array instead.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "predict",
        help="predict with a saved model",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    add_data_argument(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="a .csv, .parquet or .npy file to write (default: stdout, as CSV)",
    )
    parser.add_argument(
        "--keep",
        type=column_names,
        action="extend",
        default=[],
        metavar="COL[,COL...]",
        help="columns of the data that are written before the predictions, as they are "
        f"({TABLE_NAMES}), such as an identifier",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--proba", action="store_true", help="the probability of each class, or of each label"
    )
    what.add_argument("--logits", action="store_true", help="Z2, what the output is made of")
    what.add_argument(
        "--threshold",
        type=probability,
        metavar="P",
        help="predict the second of two classes, or a label, where its probability is above P, in "
        "place of 0.5; nothing else changes",
    )
    add_header_option(parser)
    add_device_options(parser)
    add_mpi_option(parser)
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Predict every row and write the results.

    Raises
    ------
    DataError
        For options that do not go together, and data that do not fit the model.
    ModelFileError
        As `gdnet.model.file.load_model`.
    DeviceUnavailable
        If a CUDA device was asked for and cannot be used.
    """
    from gdnet.atomic import check_writable
    from gdnet.cli.row_order import in_row_order
    from gdnet.data.ahead import read_ahead
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.columns.named import import_pyarrow
    from gdnet.data.encoding.encoding import Seen
    from gdnet.descent.progress import ShownPhases
    from gdnet.model.file import load_model
    from gdnet.model.prediction import predict_outputs
    from gdnet.model.rows import count_blocks, count_rows, iterate_rows, rows_at_a_time

    check_header(options, options.data)
    ranks = options.ranks
    writes = ranks is None or ranks.rank == 0
    if ranks is not None:
        check_shared(options.data)
    form = ".csv" if options.out is None else Path(options.out).suffix.lower() or ".csv"
    folder = Path(tempfile.gettempdir())
    if options.out is not None:
        data = None if options.data in BUILTIN_NAMES else options.data
        check_apart("the predictions", options.out, options.model, data)
        check_extension(options.out, *FORMATS)
        if writes:
            folder = check_writable(options.out).parent
    if form not in (".csv", ".npy"):
        import_pyarrow(Path(options.out))
    model = load_model(options.model)
    say_order(options)
    backend = choose_device(options).backend
    what = "proba" if options.proba else "logits" if options.logits else "labels"
    if what != "labels":
        model.check_classifies(f"--{what}")
    _check_threshold(options, model)
    header = _header(model, what)
    _check_keep(options, header, form)
    classes = model.class_names if form == ".csv" else model.classes
    result = _Result(model, what, classes, options.threshold)
    height = rows_at_a_time(model.shape)
    own = None if ranks is None else ranks.own
    seen = None if ranks is None else Seen()
    rows_of_data = iterate_rows(
        options.data, model, height, header=options.header, own=own, seen=seen
    )
    # A bar would stand among the predictions.
    phases = ShownPhases(
        quiet=options.quiet or (options.out is None and sys.stdout.isatty()),
        ranks=1 if ranks is None else ranks.size,
    )
    with phases("predicting", count_rows(options.data)) as done:

        def predicted(rows: HostArray) -> HostArray:
            done(len(rows))
            return result(predict_outputs(model, rows, backend))

        results: Iterator[HostArray] = map(predicted, read_ahead(rows_of_data))
        if ranks is not None:
            blocks = count_blocks(options.data, height)
            results = in_row_order(ranks, results, blocks, folder)
        if not writes:  # but asks for the results of all
            for _ in results:
                pass
            say_seen(options.data, model, seen, ranks)
            return 0
        write = {".csv": write_csv, ".npy": write_npy}.get(form, write_parquet)
        with output(options.out) as file:
            write(file, header, _with_kept(results, options))
        say_seen(options.data, model, seen, ranks)
    return 0


def _check_threshold(options: argparse.Namespace, model: Model) -> None:
    if options.threshold is None:
        return
    if model.kind not in ("binary", "multilabel"):
        raise DataError(
            f"--threshold: expected a model of two classes, or of several labels, got a "
            f"{model.kind} model"
        )
    if not options.quiet:
        of = f"class {model.class_names[1]}" if model.kind == "binary" else "a label"
        say(f"{of} is predicted where its probability is above {options.threshold:g}, not 0.5")


def _check_keep(options: argparse.Namespace, header: list[str], form: str) -> None:
    """Raise unless the columns to keep can stand beside the predictions."""
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.parts import parts_of

    names = [*options.keep, *header]
    twice = next((name for name in names if names.count(name) > 1), None)
    if options.keep and form == ".npy":
        raise DataError(
            f"{options.out}: expected a .csv or .parquet file with --keep, got .npy, whose columns "
            "have no names"
        )
    if options.keep and twice is not None:
        raise DataError(f"--keep: expected every name once in the result, got {twice!r} twice")
    if options.keep and (options.data in BUILTIN_NAMES or not parts_of(options.data).by_name):
        raise DataError(
            f"--keep: expected {TABLE_NAMES} files, whose columns have names, got "
            f"{options.data if isinstance(options.data, str) else options.data[0]}"
        )


def _with_kept(results: Iterator[HostArray], options: argparse.Namespace) -> Iterator[Predicted]:
    """Yield results with the columns of the data to be kept, if any, which are read along."""
    from gdnet.data.columns.kept import kept_columns

    if not options.keep:
        for found in results:
            yield None, found
        return
    # Here, and not around the writing, whose errors are none of the data.
    with kept_columns(options.data, options.keep, options.header) as kept:
        for found in results:
            yield kept.take(len(found)), found


class _Result:
    """What is written for some rows: (b,) classes or numbers, or (b, columns) numbers."""

    def __init__(self, model: Model, what: str, classes: Any, threshold: float | None) -> None:
        import numpy as np

        self._model, self._what = model, what
        self._classes = None if model.classes is None else np.array(classes)
        # 0 of a threshold of 1/2, exactly.
        self._level = 0.0 if threshold is None else math.log(threshold / (1 - threshold))

    def __call__(self, outputs: Outputs[HostArray]) -> HostArray:
        import numpy as np

        from gdnet.model.prediction import class_probabilities, predicted_codes

        model = self._model
        if self._what == "logits":
            return np.asarray(outputs.Z2)
        if model.kind == "regression":
            return np.asarray(outputs.A2[:, 0] if model.shape[2] == 1 else outputs.A2)
        if self._what == "proba":
            return np.asarray(class_probabilities(outputs, model.kind, np))
        codes = predicted_codes(outputs.Z2, model.kind, self._level)
        return codes if self._classes is None else self._classes[codes]


def _header(model: Model, what: str) -> list[str]:
    """Return the names of the columns of `_Result`."""
    from gdnet.data.labels.target_columns import output_names

    outputs = output_names(model.target_name, model.shape[2]) or range(model.shape[2])
    if model.kind == "regression" and model.shape[2] > 1:
        return [f"prediction_{k}" for k in outputs]
    if what == "labels" and (model.classes is not None or model.kind == "regression"):
        return ["prediction"]
    if model.classes is None:
        stem = {"labels": "label", "proba": "probability", "logits": "logit"}[what]
        return [f"{stem}_{k}" for k in outputs]
    if what == "logits" and model.kind == "binary":
        return [f"logit_{model.class_names[1]}"]
    stem = "probability" if what == "proba" else "logit"
    return [f"{stem}_{label}" for label in model.class_names]
