"""The results on a table as markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.to_cost.candidates import REFERENCE, in_words
from bench.to_cost.tables import TARGETS

Plain = dict[str, Any]
TITLES = {"cost": "training cost", "validation": "validation log loss"}

#: How the tables are to be read.
HOW = (
    "All candidates start from the same first parameters; gdnet finds every cost and log loss, in "
    "float32, while the clock stands. Each takes the setting of its grid that came there soonest "
    "from other starts. Seconds: medians over the starts, with quartiles; never: not within "
    f"the time of a run. Times {REFERENCE}: the median of the ratios within a round. Set-up, which "
    "is in no other figure: importing the library, placing the data, compiling, a first epoch."
)


def table_lines(name: str, measured: Plain, rounds: int) -> Iterator[str]:
    """Give the lines of a table's results in markdown."""
    shape = "-".join(map(str, measured["shape"]))
    yield (
        f"{name}, {shape}: {measured['m']:,} rows, {measured['m_validation']:,} held out; at most "
        f"{measured['budget']:g} s a run, {rounds} start{'' if rounds == 1 else 's'}."
    )
    for target in TARGETS:
        yield ""
        other = next(each for each in TARGETS if each != target)
        yield (
            f"| to a {TITLES[target]} of {measured['targets'][target]:g} | seconds (quartiles) | "
            f"times {REFERENCE} (quartiles) | arrived | passes | {TITLES[other]} there | set-up, s "
            "| setting |"
        )
        yield "|---|---|---|---|---|---|---|---|"
        for candidate, result in measured["results"].items():
            if result["failed"] is None:
                yield _line(candidate, result["targets"][target], other, rounds)
    about = dict.fromkeys(r["about"] for r in measured["results"].values() if not r["failed"])
    yield ""
    yield f"{'; '.join(about)}."
    reasons = [f"{n}: {r['failed']}" for n, r in measured["results"].items() if r["failed"]]
    if reasons:
        yield ""
        yield f"Not measured: {'; '.join(reasons)}."


def brief_lines(tables: dict[str, Plain]) -> Iterator[str]:
    """Give a table of the seconds alone: a column for each table and target."""
    columns = [(name, target) for name in tables for target in TARGETS]
    heads = [f"{name}: {TITLES[t]} {tables[name]['targets'][t]:g}" for name, t in columns]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (1 + len(columns)) + "|"
    for candidate in next(iter(tables.values()))["results"]:
        cells = []
        for name, target in columns:
            result = tables[name]["results"][candidate]
            found = None if result["failed"] else result["targets"][target]["seconds"]["median"]
            cells.append("never" if found is None else f"{found:.3g}")
        yield f"| {candidate} | {' | '.join(cells)} |"


def _line(candidate: str, found: Plain, other: str, rounds: int) -> str:
    there, passes = found["there"][other], found["passes"]
    cells = [
        candidate,
        _spread(found["seconds"], ".3g"),
        _spread(found["ratio"], ".2f"),
        f"{found['arrived']} of {rounds}",
        "" if passes is None else f"{passes['median']:.4g}",
        "" if there is None else f"{there['median']:.4f}",
        f"{found['setup_seconds']:.2g}",
        in_words(found["setting"]),
    ]
    return f"| {' | '.join(cells)} |"


def _spread(found: Plain | None, form: str) -> str:
    if found is None:
        return ""
    low, median, high = (
        "never" if found[key] is None else format(found[key], form)
        for key in ("low", "median", "high")
    )
    return median if low == high else f"{median} ({low} .. {high})"
