"""``gdnet info``: this machine, or a model file."""

from __future__ import annotations

import argparse
import json
from typing import Any

from gdnet.cli.output import show


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "info",
        help="show versions and devices, or what is in a model file",
        description="Show versions, processor, memory, BLAS and devices, or what is in a model "
        "file. A bug report should have the output of gdnet info --json, which names neither "
        "host nor user.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a model file")
    parser.add_argument("--json", action="store_true", help="write one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write what is known of the machine or of the model."""
    if options.model is None:
        from gdnet.cli.machine import describe_machine

        facts = describe_machine()
    else:
        facts = _model(options.model)
    if options.json:
        show(json.dumps(facts))
    else:
        width = max(map(len, facts))
        show("\n".join(f"{key:<{width}}  {_text(value)}" for key, value in facts.items()))
    return 0


def _model(path: str) -> dict[str, Any]:
    from gdnet.model.file import load_model

    model = load_model(path)
    n0, n1, n2 = model.shape
    return {
        "model": path,
        "features": n0,
        "hidden": n1,
        "outputs": n2,
        "activation": model.activation,
        "output": model.output,
        "kind": model.kind,
        "classes": None if model.classes is None else list(model.classes),
        "feature_names": None if model.feature_names is None else list(model.feature_names),
        "encoding": None if model.encoding is None else list(map(str, model.encoding.columns)),
        "target_name": model.target_name,
        "dtype": str(model.parameters.W1.dtype),
        "settings": model.settings,
        "training": model.training,
        "versions": model.versions,
    }


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list):
        shown = ", ".join(map(_text, value[:12])) or "-"
        return shown + (f", ... ({len(value)} in all)" if len(value) > 12 else "")
    return "-" if value is None else str(value)
