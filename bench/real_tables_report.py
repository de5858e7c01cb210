"""How real tables were tried and predicted, as a page of Markdown, see `bench.real_tables`."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator
from typing import Any

from bench.report import machine, made_by

Plain = dict[str, Any]

OTHER = "scikit-learn"
OUTCOMES = ("at once", "after one message", "given up")
# Lower differences than these are worth a look: of tables with more test rows than the second.
LOW, MANY = -0.01, 2000


def page_lines(found: Plain) -> Iterator[str]:
    """Give what was found: the counts, the differences, and a line a table."""
    rows, recipes = found["rows"], found["recipes"]
    seeds = common_seeds(rows)
    known = [row for row in rows if mean(row, OTHER, seeds) is not None]
    yield (
        f"{made_by(found['environment'], 'real_tables')}. {machine(found['environment'])}, "
        f"scikit-learn {found['scikit-learn']}."
    )
    yield ""
    yield (
        f"{len(rows)} tables: {counted(rows)}. Of each of the {len(known)} that were trained on, a "
        f"quarter is held out, {len(seeds)} times. A score is the accuracy, or R^2 of numbers, on "
        f"these rows, the mean of the splits. {_words_of(recipes)}; {OTHER} is its usual pipeline. "
        "All have 32 hidden units. A difference is that from scikit-learn, and its mean that over "
        "the tables."
    )
    yield ""
    low = f"below {LOW} with more than {MANY:,} test rows"
    yield f"| | difference, classes | numbers | all | {low} |"
    yield "|---|---|---|---|---|"
    for recipe in recipes:
        parts = [[row for row in known if row["numbers"] == kind] for kind in (False, True)]
        means = [_mean_difference(part, recipe, seeds) for part in (*parts, known)]
        below = [
            f"{row['table']} {_difference(row, recipe, seeds):+.3f}"
            for row in known
            if row["test rows"] > MANY and _difference(row, recipe, seeds) < LOW
        ]
        yield f"| {recipe} | {' | '.join(means)} | {', '.join(below) or 'none'} |"
    head = ["table", "trained", "with", "test rows", "score", OTHER]
    head += [f"{recipe} (difference)" for recipe in recipes]
    yield ""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield line_of(row, list(recipes), seeds)
    given_up = [row for row in rows if not row["scores"]]
    if given_up:
        yield from ("", "What the second message said of those given up:", "")
        for row in given_up:
            yield f"- {row['table']}: `{row['message']}`"


def counted(rows: list[Plain]) -> str:
    """Return how many tables were trained on, and how many not."""
    counts = {name: sum(row["outcome"] == name for row in rows) for name in OUTCOMES}
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def common_seeds(rows: list[Plain]) -> list[int]:
    """Return the splits that all tables have come to, of those that were trained on."""
    sets = [{score["seed"] for score in row["scores"]} for row in rows if row["scores"]]
    return sorted(set.intersection(*sets)) if sets else []


def mean(row: Plain, name: str, seeds: list[int]) -> float | None:
    """Return the mean score of one who predicts a table; None if that failed or was not tried."""
    scores = [score.get(name) for score in row["scores"] if score["seed"] in seeds]
    numbers = [score for score in scores if isinstance(score, float)]
    return statistics.mean(numbers) if numbers and len(numbers) == len(scores) else None


def line_of(row: Plain, recipes: list[str], seeds: list[int]) -> str:
    """Return the line of a table."""
    options = f"`{shlex.join(row['options'])}`" * bool(row["options"])
    cells = [row["table"], row["outcome"], options]
    other = mean(row, OTHER, seeds)
    if other is None:
        cells += [""] * (3 + len(recipes))
    else:
        cells += [f"{row['test rows']:,}", "R^2" if row["numbers"] else "accuracy", f"{other:.3f}"]
        for recipe in recipes:
            score = mean(row, recipe, seeds)
            cells.append("failed" if score is None else f"{score:.3f} ({score - other:+.3f})")
    return f"| {' | '.join(cells)} |"


def _difference(row: Plain, recipe: str, seeds: list[int]) -> float:
    score, other = mean(row, recipe, seeds), mean(row, OTHER, seeds)
    return float("nan") if score is None or other is None else score - other


def _mean_difference(rows: list[Plain], recipe: str, seeds: list[int]) -> str:
    return f"{statistics.mean(_difference(row, recipe, seeds) for row in rows):+.4f}" * bool(rows)


def _words_of(recipes: dict[str, list[str]]) -> str:
    return "; ".join(
        f"{name} is `gdnet train` with {f'`{shlex.join(words)}`' if words else 'its defaults'}"
        for name, words in recipes.items()
    )
