"""``gdnet predict``: labels, probabilities or logits for any number of rows."""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

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
from gdnet.cli.ranks import check_shared, say_seen

if TYPE_CHECKING:
    import numpy as np

    from gdnet.model_file import Model
    from gdnet.prediction import Outputs

    Rows = np.ndarray[Any, Any]

DESCRIPTION = """\
Predict with a saved model, in memory that does not grow with the data.

The columns that the model takes are found by name in CSV and Parquet files, and others are ignored;
arrays must have the model's width. The result is CSV with a header; a FILE that ends in .npy gets
an array instead.
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
    parser.add_argument("data", metavar="DATA", help="built-in name or file, as for gdnet train")
    parser.add_argument(
        "--out", metavar="FILE", help="a .csv or .npy file to write (default: stdout, as CSV)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--proba", action="store_true", help="the probability of each class, or of each label"
    )
    what.add_argument("--logits", action="store_true", help="Z2, what the output is made of")
    add_header_option(parser)
    add_device_options(parser)
    add_mpi_option(parser)
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Predict every row and write the results."""
    import numpy as np

    from gdnet.atomic import check_writable
    from gdnet.cli.row_order import in_row_order
    from gdnet.data.ahead import read_ahead
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.encoding import Seen
    from gdnet.data.stream import count_blocks, count_rows, iterate_rows, rows_at_a_time
    from gdnet.evaluation import predict_outputs
    from gdnet.model_file import load_model
    from gdnet.progress import ShownPhases

    check_header(options, options.data)
    ranks = options.ranks
    writes = ranks is None or ranks.rank == 0
    if ranks is not None:
        check_shared(options.data)
    folder = Path(tempfile.gettempdir())
    if options.out is not None:
        data = None if options.data in BUILTIN_NAMES else options.data
        check_apart("the predictions", options.out, options.model, data)
        check_extension(options.out, ".csv", ".npy", "")
        if writes:
            folder = check_writable(options.out).parent
    model = load_model(options.model)
    backend = choose_device(options).backend
    what = "proba" if options.proba else "logits" if options.logits else "labels"
    if what != "labels":
        model.check_classifies(f"--{what}")
    as_array = options.out is not None and options.out.lower().endswith(".npy")
    classes = np.array((model.classes if as_array else model.class_names) or ())
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

        def predicted(rows: Rows) -> Rows | bytes:
            done(len(rows))
            result = _result(model, classes, predict_outputs(model, rows, backend), what)
            return result if as_array else _as_csv(result)

        results: Iterator[Any] = map(predicted, read_ahead(rows_of_data))
        if ranks is not None:
            blocks = count_blocks(options.data, height)
            results = in_row_order(ranks, results, blocks, folder)
        if not writes:  # but asks for the results of all
            for _ in results:
                pass
            say_seen(options.data, model, seen, ranks)
            return 0
        with _output(options.out) as file:
            if as_array:
                _write_npy(file, results)
            else:
                # Nothing is written before there is a result: the first may be an error.
                first = next(results, b"")
                file.write(_as_csv([_header(model, what)]) + first)
                file.writelines(results)
        say_seen(options.data, model, seen, ranks)
    return 0


def _result(model: Model, classes: Rows, outputs: Outputs, what: str) -> Rows:
    """Return what is written for some rows: (b,) classes or numbers, or (b, columns) numbers."""
    import numpy as np

    from gdnet.prediction import class_probabilities, predicted_codes

    if what == "logits":
        return np.asarray(outputs.Z2)
    if model.kind == "regression":
        return np.asarray(outputs.A2[:, 0] if model.shape[2] == 1 else outputs.A2)
    if what == "proba":
        return np.asarray(class_probabilities(outputs, model.kind, np))
    codes = predicted_codes(outputs.Z2, model.kind)
    return codes if model.classes is None else classes[codes]


def _header(model: Model, what: str) -> list[str]:
    """Return the names of the columns of `_result`."""
    if model.kind == "regression" and model.shape[2] > 1:
        return [f"prediction_{k}" for k in range(model.shape[2])]
    if what == "labels" and (model.classes is not None or model.kind == "regression"):
        return ["prediction"]
    if model.classes is None:
        stem = {"labels": "label", "proba": "probability", "logits": "logit"}[what]
        return [f"{stem}_{k}" for k in range(model.shape[2])]
    if what == "logits" and model.kind == "binary":
        return [f"logit_{model.class_names[1]}"]
    stem = "probability" if what == "proba" else "logit"
    return [f"{stem}_{label}" for label in model.class_names]


@contextmanager
def _output(out: str | None) -> Iterator[BinaryIO]:
    from gdnet.atomic import replacing

    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with replacing(Path(out)) as file:
            yield file


def _as_csv(result: Any) -> bytes:
    """Return names, or the results of some rows, as lines of CSV."""
    import numpy as np

    text = io.StringIO()
    result = np.asarray(result)
    # Python's own numbers print as few digits as tell them apart, in the dtype's precision.
    rows = result.astype(str) if result.dtype.kind == "f" else result
    csv.writer(text, lineterminator="\n").writerows(rows.reshape(len(rows), -1).tolist())
    return text.getvalue().encode()


def _write_npy(file: BinaryIO, results: Iterator[Rows]) -> None:
    from gdnet.data.npy_writer import NpyWriter

    writer = NpyWriter(file)
    for result in results:
        writer.append(result)
    writer.finish()
