"""``gdnet export``: a saved model as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gdnet.cli.options import check_apart, check_extension, show

DESCRIPTION = """\
Write a saved model as ONNX, for ONNX Runtime and everything else that reads it.

The graph takes X, float32 of shape (batch, features), one example a row, and gives label and
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
        help="what the graph computes in (default: float32, which loses no digits where the model "
        "has the mean of its features; of other models that which they are saved in)",
    )
    parser.add_argument(
        "--labels",
        choices=("text", "codes", "none"),
        help="what label is: the class as it was spelled, its number from 0, or no output at all, "
        "for small runtimes (default: the class, as text, number or boolean)",
    )


def run(options: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from gdnet.export.centred import default_dtype
    from gdnet.model_file import load_model
    from gdnet.onnx import OPSET, save_onnx

    check_apart("the ONNX model", options.out, options.model)
    check_extension(options.out, ".onnx")
    model = load_model(options.model)
    save_onnx(model, options.out, options.dtype, options.labels)
    outputs = "probabilities" if options.labels == "none" else "label, probabilities"
    show(
        f"{options.out}: X (batch, {model.shape[0]}) -> {outputs}; opset {OPSET}, computes in "
        f"{options.dtype or default_dtype(model)}, {Path(options.out).stat().st_size:,} bytes"
    )
    return 0
