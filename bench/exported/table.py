"""The table of runtimes in docs/onnx.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- made by python -m bench.runtimes -->", "<!-- end -->"
_HEAD = (
    "| runtime | version | labels | models | largest difference | other labels "
    "| NaN in a row | no rows | to know |"
)


def table(found: dict[str, Any]) -> str:
    """Return the table in Markdown, one line a runtime."""
    lines = [_HEAD, "|---" * _HEAD.count(" | ") + "|---|"]
    for runtime in found["runtimes"]:
        version = runtime["packages"][0].rpartition("@")[2].rpartition("==")[2]
        if runtime["name"].startswith("gdnet"):
            version = found["environment"]["gdnet"]
        difference = runtime["difference"]
        cells = [
            runtime["name"],
            version,
            _labels(runtime),
            f"{runtime['ran']} of {len(found['cases'])}",
            "" if difference is None else f"{difference:.1e}",
            str(runtime["other_labels"]),
            runtime["nan"] if runtime["nan"] in ("NaN", "finite") else "refused",
            "yes" if runtime["none"] == "right" else "refused",
            runtime["note"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _labels(runtime: dict[str, Any]) -> str:
    """Say which labels a runtime gives where the classes are text."""
    took = {case["labels"] for case in runtime["cases"] if case["case"].startswith("text")}
    names = {"classes": "text", "codes": "codes", "none": "none"}
    return " or ".join(name for labels, name in names.items() if labels in took)


def write_table(found: dict[str, Any], page: Path) -> None:
    """Replace the table between its marks."""
    text = page.read_text()
    head, rest = text.split(BEGIN, 1)
    page.write_text(f"{head}{BEGIN}\n{table(found)}\n{END}{rest.split(END, 1)[1]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the table again from a result.")
    parser.add_argument("json", type=Path)
    parser.add_argument("docs", type=Path)
    arguments = parser.parse_args()
    write_table(json.loads(arguments.json.read_text()), arguments.docs)
