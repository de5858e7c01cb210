"""``gdnet export``: a saved model as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gdnet.cli.options import check_apart, check_extension, show

DESCRIPTION = """\
Write a saved model as ONNX, for ONNX Runtime and everything else that reads it.

The graph takes X, float32 of shape (None, features), one example a row, and gives label and
probabilities as gdnet predict does.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="write a saved model as ONNX",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("out", metavar="OUT.onnx", help="what to write; replaced if it exists")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="what the graph computes in; float32 is for runtimes that know nothing else, and "
        "may cost digits where features are large beside their spread (default: as the model, "
        "float64 if its features were standardised)",
    )


def run(options: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from gdnet.model_file import load_model
    from gdnet.onnx import OPSET, save_onnx

    check_apart("the ONNX model", options.out, options.model)
    check_extension(options.out, ".onnx")
    model = load_model(options.model)
    model.check_classifies("ONNX")
    save_onnx(model, options.out, options.dtype)
    dtype = options.dtype or model.parameters.W1.dtype
    show(
        f"{options.out}: X (None, {model.shape[0]}) -> label, probabilities; "
        f"opset {OPSET}, computes in {dtype}, {Path(options.out).stat().st_size:,} bytes"
    )
    return 0
