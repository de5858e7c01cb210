"""``gdnet export``: a saved model as ONNX, as JSON, or as a C header."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.options import add_header_option, check_apart, check_extension, check_header
from gdnet.cli.output import say, show
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.model.model import Model

# Rows of DATA are checked this many at a time.
ROWS_AT_A_TIME = 65536
# Where a file says what its features are made of.
_DESCRIBED = {
    ".onnx": "the metadata, under features, says of which column and value each is",
    ".json": "its key features says of which column and value each is",
    ".h": "their names say of which column and value each is",
}
# A table shows so much of what a runtime says.
MAX_PROBLEM = 100

DESCRIPTION = """\
Write a saved model for programs that predict without gdnet. The extension says which:

- .onnx: for ONNX Runtime and everything else that reads it. X, float32 of shape (batch, features),
  one example a row, gives label and probabilities as gdnet predict does, or prediction where
  numbers are predicted.
- .json: mean, weights, classes and activation as text.
- .h: one function in C, which needs nothing but the C library.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="write a saved model as ONNX, JSON or a C header",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument(
        "out", metavar="OUT", help="a .onnx, .json or .h file to write; replaced if it exists"
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="what is computed in, or to which numbers are rounded (default: float32, which loses "
        "no digits where the model has the mean of its features, and otherwise that which the "
        "model is saved in; .json: as in the model)",
    )
    parser.add_argument(
        "--labels",
        choices=("text", "codes", "none"),
        help="of .onnx, what label is: the class as it was spelled, its number from 0, or no such "
        "output, for small runtimes (default: the class, as text, number or boolean)",
    )
    parser.add_argument(
        "--check",
        nargs="?",
        const="",
        metavar="DATA",
        help="run the .onnx file by every runtime that is installed, on the rows of a built-in "
        "name or file, or on made-up ones, and show how far it is from gdnet predict, numbers in "
        "standard deviations of the predictions; exit code 1 if one is wrong",
    )
    add_header_option(parser)


def run(options: argparse.Namespace) -> int:
    """Export, and say what was written.

    Raises
    ------
    DataError
        For options that do not go together, and a model that cannot be exported so.
    ModelFileError
        As `gdnet.model.file.load_model`.
    """
    from gdnet.export.c_header import c_name, save_c_header
    from gdnet.export.centred import default_dtype, rounding_notes
    from gdnet.export.json_file import save_json
    from gdnet.export.onnx import OPSET, save_onnx
    from gdnet.model.file import load_model

    out, dtype = options.out, options.dtype
    check_apart("the exported model", out, options.model)
    check_extension(out, ".onnx", ".json", ".h")
    check_header(options, options.check or "no DATA to check")
    extension = Path(out).suffix.lower()
    if options.check is not None and extension != ".onnx":
        raise DataError(f"expected --check with a .onnx file, got {out}; leave it out")
    if options.labels and extension != ".onnx":
        raise DataError(
            f"expected labels={options.labels!r} with a .onnx file, got {out}; leave it out"
        )
    model = load_model(options.model)
    computes_in = dtype or default_dtype(model)
    if extension == ".onnx":
        save_onnx(model, out, dtype, options.labels)
        outputs = "probabilities" if options.labels == "none" else "label, probabilities"
        if model.kind == "regression":
            outputs = "prediction"
        what = f"X (batch, {model.shape[0]}) -> {outputs}; opset {OPSET}, computes in {computes_in}"
    elif extension == ".json":
        save_json(model, out, dtype)
        what = f"mean, W1, b1, W2, b2 of {'-'.join(map(str, model.shape))}"
    else:
        save_c_header(model, out, dtype)
        what = f"{c_name(Path(out).stem)}_predict, computes in {computes_in}"
    show(f"{out}: {what}, {Path(out).stat().st_size:,} bytes")
    if extension == ".onnx" or (extension == ".h" and computes_in == "float32"):
        for note in rounding_notes(model):
            say(note)
    if model.encoding is not None:
        columns = len(model.encoding.columns)
        say(
            f"{out} takes the {model.shape[0]} features that are made of {columns} columns, not "
            "these: TableEncoder, the first step of the pipeline that gdnet.load gives, makes "
            f"them, and {_DESCRIBED[extension]}"
        )
    return 0 if options.check is None else _check(options, model)


def _check(options: argparse.Namespace, model: Model) -> int:
    """Show what the runtimes that are installed make of the file; 1 if one is wrong at its best."""
    from gdnet.export.onnx.check import at_their_best, compare, cures, made_up_rows
    from gdnet.model.rows import iterate_rows

    blocks: Iterable[Any] = [made_up_rows(model)]
    if options.check:
        blocks = iterate_rows(options.check, model, ROWS_AT_A_TIME, header=options.header)
    comparisons = compare(options.out, model, blocks, options.labels)
    rows = max(each.rows for each in comparisons)
    show(f"\n{rows:,} rows of {options.check}" if options.check else f"\n{rows:,} made-up rows")
    numbers = model.kind == "regression"
    what, others = ("predictions", "") if numbers else ("probabilities", "other labels")
    show(f"{'runtime':<16} {'version':<12} {what + ' differ by':<23}  {others}".rstrip())
    for each in comparisons:
        name = " ".join(filter(None, (each.runtime.name, each.runtime.setting)))
        found = f"{each.difference:<24.1e} {'' if numbers else f'{each.other_labels:,}'}".rstrip()
        if each.problem is not None:
            found = f"does not run it: {each.problem[:MAX_PROBLEM]}"
        show(f"{name:<16} {each.runtime.version:<12} {found}")
    if numbers:
        show("in standard deviations of what gdnet predicts")
    for sentence in cures(comparisons):
        show(sentence)
    text = options.labels == "text" or isinstance((model.classes or (None,))[0], str)
    if options.labels in (None, "text") and text and any(each.problem for each in comparisons):
        show("a runtime that has no text may run the file of --labels codes")
    wrong = [each for each in at_their_best(comparisons).values() if each.is_wrong]
    for each in wrong:
        say(
            f"{each.runtime.name}: expected the {what} of gdnet predict, got others by up "
            f"to {each.difference:.1e}{' standard deviations' if numbers else ''}; do not use the "
            "file there"
        )
    return 1 if wrong else 0
