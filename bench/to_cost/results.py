"""What the runs on a table come to: seconds to each target, ratios, a curve; as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bench.to_cost.candidates import REFERENCE
from bench.to_cost.clock import Point, first_below
from bench.to_cost.serve import Ran
from bench.to_cost.tables import TARGETS, Task
from bench.to_cost.turns import Entry
from bench.worker import Failed

Plain = dict[str, Any]
# Enough for a line in a picture.
MAX_POINTS = 120


def as_json(task: Task, entries: dict[str, Entry | Failed]) -> Plain:
    """Return everything that was measured on a table."""
    plan = task.plan
    seconds = {
        (name, target): _seconds(entry, target, plan.targets[target])
        for name, entry in entries.items()
        if isinstance(entry, Entry)
        for target in TARGETS
    }
    results: dict[str, Plain] = {}
    for name, entry in entries.items():
        if isinstance(entry, Failed):
            results[name] = {"failed": entry.reason}
            continue
        results[name] = {"failed": None, "about": entry.about, "targets": {}}
        for target in TARGETS:
            ours = seconds.get((REFERENCE, target), [])
            found = _of_target(entry, target, plan.targets[target], seconds[name, target], ours)
            results[name]["targets"][target] = found
        results[name]["curve"] = _curve(entry, seconds[name, "cost"])
    return {
        "shape": task.shape,
        "m": task.training.m,
        "m_validation": task.held_out.m,
        "targets": plan.targets,
        "budget": plan.budget,
        "results": results,
    }


def _chosen(entry: Entry, target: str) -> int:
    return next(i for i, choice in enumerate(entry.choices) if target in choice.targets)


def _seconds(entry: Entry, target: str, value: float) -> list[float]:
    """Return the seconds to a target of each round; infinite where a run did not arrive."""
    found = (first_below(r.points, target, value) for r in entry.runs[_chosen(entry, target)])
    return [math.inf if point is None else point.seconds for point in found]


def _of_target(
    entry: Entry, target: str, value: float, seconds: list[float], ours: list[float]
) -> Plain:
    i = _chosen(entry, target)
    found = (first_below(ran.points, target, value) for ran in entry.runs[i])
    there = [point for point in found if point is not None]
    ratios = [a / b for a, b in zip(seconds, ours, strict=True) if b < math.inf] if ours else []
    return {
        "setting": entry.choices[i].setting,
        "setup_seconds": entry.choices[i].setup_seconds,
        "arrived": len(there),
        "seconds": quartiles(seconds),
        "ratio": quartiles(ratios),
        "passes": quartiles([point.passes for point in there]),
        "there": {name: quartiles([getattr(point, name) for point in there]) for name in TARGETS},
        "all_seconds": [_number(each) for each in seconds],
    }


def quartiles(values: Sequence[float]) -> dict[str, float | None] | None:
    """Return quartiles that are among the values, None for an infinite one, or None for none."""
    ordered, last = sorted(values), len(values) - 1
    ranks = {"low": 0.25, "median": 0.5, "high": 0.75}
    if not ordered:
        return None
    return {name: _number(ordered[round(part * last)]) for name, part in ranks.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _curve(entry: Entry, seconds: list[float]) -> list[list[float]]:
    """Return seconds, cost and validation of the start whose time to the cost is the median."""
    runs: list[Ran] = entry.runs[_chosen(entry, "cost")]

    def rank(i: int) -> tuple[float, float]:
        return seconds[i], min((p.cost for p in runs[i].points), default=math.inf)

    median = sorted(range(len(runs)), key=rank)[(len(runs) - 1) // 2]
    return [[p.seconds, p.cost, p.validation] for p in _thinned(runs[median].points)]


def _thinned(points: list[Point]) -> list[Point]:
    """Return the first and the last point, and of the others few, evenly on a log scale."""
    if len(points) <= MAX_POINTS:
        return points
    ends = math.log(points[0].seconds), math.log(points[-1].seconds)
    width = (ends[1] - ends[0]) / MAX_POINTS
    kept, due = [], -math.inf
    for point in points[:-1]:
        if math.log(point.seconds) >= due:
            kept.append(point)
            due = math.log(point.seconds) + width
    return [*kept, points[-1]]
