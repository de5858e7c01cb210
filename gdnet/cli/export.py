"""``gdnet export``: a saved model as ONNX, as JSON, or as a C header."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gdnet.cli.options import check_apart, check_extension, show
from gdnet.errors import DataError

DESCRIPTION = """\
Write a saved model for programs that predict without gdnet. The extension says which:

  .onnx  for ONNX Runtime and everything else that reads it: X, float32 of shape (batch, features),
         one example a row, gives label and probabilities as gdnet predict does
  .json  mean, weights, classes and activation as text
  .h     one function in C, which needs nothing but the C library
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


def run(options: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from gdnet.export.c_header import c_name, save_c_header
    from gdnet.export.centred import default_dtype
    from gdnet.export.json_file import save_json
    from gdnet.model_file import load_model
    from gdnet.onnx import OPSET, save_onnx

    out, dtype = options.out, options.dtype
    check_apart("the exported model", out, options.model)
    check_extension(out, ".onnx", ".json", ".h")
    extension = Path(out).suffix.lower()
    if options.labels and extension != ".onnx":
        raise DataError(
            f"expected labels={options.labels!r} with a .onnx file, got {out}; leave it out"
        )
    model = load_model(options.model)
    computes_in = dtype or default_dtype(model)
    if extension == ".onnx":
        save_onnx(model, out, dtype, options.labels)
        outputs = "probabilities" if options.labels == "none" else "label, probabilities"
        what = f"X (batch, {model.shape[0]}) -> {outputs}; opset {OPSET}, computes in {computes_in}"
    elif extension == ".json":
        save_json(model, out, dtype)
        what = f"mean, W1, b1, W2, b2 of {'-'.join(map(str, model.shape))}"
    else:
        save_c_header(model, out, dtype)
        what = f"{c_name(Path(out).stem)}_predict, computes in {computes_in}"
    show(f"{out}: {what}, {Path(out).stat().st_size:,} bytes")
    return 0
