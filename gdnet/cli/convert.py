"""``gdnet convert``: once from a table to .npy, which every iteration reads fastest."""

from __future__ import annotations

import argparse
from typing import Any, BinaryIO

from gdnet.cli.data_argument import add_data_argument
from gdnet.cli.options import (
    add_header_option,
    add_ignore_option,
    add_quiet_option,
    add_task_option,
    check_apart,
    check_extension,
    check_header,
)
from gdnet.cli.output import say, show
from gdnet.data.formats import FOLDER_NAMES, TABLE_NAMES
from gdnet.errors import DataError

DESCRIPTION = f"""\
Convert the numeric columns of a {TABLE_NAMES} file to a .npy file of rows, in memory that does not
grow with the file. gdnet train reads .npy without loading it, and many times faster. Text is left
out, and missing values are an error: how these are encoded is learnt by gdnet train, for a model.

    gdnet convert flights.csv X.npy --target late --labels y.npy
    gdnet train X.npy --labels y.npy
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "convert",
        help=f"convert {TABLE_NAMES} to .npy",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    add_data_argument(
        parser,
        "source",
        metavar="SRC",
        help=f"a {TABLE_NAMES} file, several of the same columns, a quoted pattern, or a folder of "
        f"{FOLDER_NAMES} files",
    )
    parser.add_argument("destination", metavar="DST.npy", help="the rows; replaced if it exists")
    parser.add_argument(
        "--target",
        metavar="COL[,COL...]",
        help="a column that is not a feature but the labels, or several, as for gdnet train",
    )
    parser.add_argument("--labels", metavar="FILE.npy", help="where to write the labels")
    add_task_option(parser)
    add_ignore_option(parser)
    add_header_option(parser)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Convert, and say what was written.

    Raises
    ------
    DataError
        For options that do not go together, and as `gdnet.data.columns.spool.write_features`.
    """
    import numpy as np

    from gdnet.atomic import check_writable, replacing
    from gdnet.data.columns.files import column_file
    from gdnet.data.columns.named import explained
    from gdnet.data.columns.selection import select
    from gdnet.data.columns.spool import write_features
    from gdnet.descent.progress import ShownPhases

    if (options.target is None) != (options.labels is None):
        raise DataError("expected --target COL and --labels FILE.npy together, got one of them")
    outputs = [options.destination] + ([options.labels] if options.labels else [])
    for path in outputs:
        check_extension(path, ".npy")
    for path in outputs:
        check_apart("the result", path, options.source)
    if len({check_writable(path) for path in outputs}) < len(outputs):
        raise DataError("expected different files to read and to write, got one of them twice")
    check_header(options, options.source)
    with column_file(options.source, options.header) as file:
        continuous = options.task == "regression"
        selection = select(file, options.target, None, options.ignore, continuous=continuous)
        with (
            replacing(options.destination) as out,
            ShownPhases(quiet=options.quiet)("converting", file.most_rows) as done,
        ):
            pieces = write_features(file, selection, options.dtype, out, done)
            labels = None
            if options.target is not None:
                labels = (
                    pieces.numbers()
                    if selection.numeric_target
                    else file.labels(options.target, pieces, 0, typed=True).values
                )
                with replacing(options.labels) as label_file:
                    _write_labels(label_file, labels)
    rows = np.load(options.destination, mmap_mode="r").shape[0]
    if not options.quiet:
        for note in file.notes:
            say(note)
    show(f"{options.destination}: {rows:,} rows, {len(selection.features)} features")
    if selection.ignored:
        show(f"ignored: {explained(selection.ignored)}")
    if labels is not None:
        what = "numbers" if continuous else "labels"
        show(f"{options.labels}: {len(labels):,} {what} of {options.target}")
    return 0


def _write_labels(file: BinaryIO, labels: Any) -> None:
    """Write labels (m,) in .npy format, text as text of one width; some at a time."""
    from gdnet.data.arrays.npy_writer import NpyWriter
    from gdnet.data.labels.coded import MAX_PLAIN

    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    writer = NpyWriter(file)
    for lo in range(0, len(labels), MAX_PLAIN):
        writer.append(labels[lo : lo + MAX_PLAIN])
    writer.finish()
