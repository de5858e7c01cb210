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
WHAT_HAPPENED = {
    "KILL": "SIGKILL",
    "STOP": "SIGSTOP",
    "INT": "SIGINT",
    "TERM": "SIGTERM",
    "USR1": "an error",
}
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
    return text + "\n" + figures_of_ranks()


def figures_of_ranks() -> str:
    """Return the table of what has happened to ranks of MPI."""
    ended: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    longest: dict[tuple[str, str], float] = defaultdict(float)
    trainings: Counter[str] = Counter()
    for line in lines_of("ranks.jsonl"):
        # "MPICH Version:      5.0.2", "Open MPI v5.0.11, package: ..."
        mpi = " ".join(line["mpi"].split(",")[0].replace("Version:", "").split())
        trainings[mpi] += line["trainings with the bits of one process"]
        for key, count in line["ended"].items():
            fault, how = key.split(": ")
            ended[mpi, fault][how] += count
        for fault, seconds in line["longest seconds to the end"].items():
            longest[mpi, fault] = max(longest[mpi, fault], seconds)
    text = (
        "| MPI | what happened to a rank | times | how the jobs ended: times | seconds to the end, "
        "at most |\n|---|---|---|---|---|\n"
    )
    for (mpi, fault), hows in sorted(ended.items()):
        each = ", ".join(f"{how}: {count}" for how, count in sorted(hows.items()))
        name, seconds = WHAT_HAPPENED[fault], longest[mpi, fault]
        text += f"| {mpi} | {name} | {hows.total()} | {each} | {seconds:.1f} |\n"
    for mpi, count in trainings.items():
        text += f"\n{mpi}: {count} trainings came to their end, with the bits of one process.\n"
    return text


def page() -> str:
    """Return the page as it should be."""
    before, rest = PAGE.read_text().split(BEGIN)
    return before + BEGIN + figures() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page())
