"""Write the figures of docs/guarantees.md from what the harnesses have put into tests/results.

python -m tests.guarantees
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from tests.support.checkout import ROOT

PAGE = ROOT / "docs" / "guarantees.md"
RESULTS = ROOT / "tests" / "results"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->"


def lines_of(name: str) -> list[dict[str, Any]]:
    """Return what a harness has written."""
    return [json.loads(line) for line in (RESULTS / name).read_text().splitlines()]


def figures() -> str:
    """Return the tables."""
    kills: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines_of("kills.jsonl"):
        kills[line["signal"]].update({k: v for k, v in line.items() if isinstance(v, int)})
    text = (
        "| signal | processes ended by it | while a checkpoint was being written | trainings that "
        "came to their end | with the undisturbed result | temporary files left |\n"
        "|---|---|---|---|---|---|\n"
    )
    for signal, sums in kills.items():
        numbers = (
            sums["kills"],
            sums["in the middle of a write"],
            sums["trainings"],
            sums["trainings with the undisturbed result"],
            sums["temporary model files left"],
        )
        text += f"| {signal} | " + " | ".join(f"{number:,}" for number in numbers) + " |\n"
    fuzz: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines_of("fuzz.jsonl"):
        fuzz[line["target"]].update(inputs=line["inputs"], crashes=line["crashes"])
    text += "\n| reader | inputs tried | crashes, hangs or too large allocations |\n|---|---|---|\n"
    for target, sums in fuzz.items():
        text += f"| {target} | {sums['inputs']:,} | {sums['crashes']} |\n"
    return text


def page() -> str:
    """Return the page as it should be."""
    before, rest = PAGE.read_text().split(BEGIN)
    return before + BEGIN + figures() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page())
