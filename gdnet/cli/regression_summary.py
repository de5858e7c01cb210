"""How good predicted numbers are, as text or as facts for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdnet.scores.regression import RegressionScores

# More targets than these are too many to read.
MAX_TARGETS_SHOWN = 12
BASELINE = "baseline: the RMSE of always predicting the mean of these examples"


def describe_scores(scores: RegressionScores, prefix: str = "") -> dict[str, Any]:
    """Return the scores as one flat dictionary.

    Of several targets each is the mean over the targets, as in scikit-learn, and a list has those
    of each.
    """
    facts: dict[str, Any] = {f"{prefix}examples": scores.examples}
    for name, numbers in _named(scores).items():
        facts[f"{prefix}{name}"] = float(numbers.mean())
    if len(scores.rmse) > 1:
        for name, numbers in _named(scores).items():
            facts[f"{prefix}{name}_of_each"] = [
                None if number != number else number for number in numbers.tolist()
            ]
    return facts


def score_lines(
    columns: Sequence[RegressionScores], names: Sequence[str] | None = None
) -> list[str]:
    """Return the table of one evaluation, or of training and validation side by side.

    `names` are those of several targets, which are numbered without.
    """
    both = len(columns) == 2
    rows = [["", "train", "validation"]] if both else []
    rows.append(["examples", *(f"{scores.examples:,}" for scores in columns)])
    facts = [describe_scores(scores) for scores in columns]
    for name, key in (
        ("RMSE", "rmse"),
        ("MAE", "mae"),
        ("R^2", "r2"),
        ("baseline", "baseline_rmse"),
    ):
        rows.append([name, *(_shown(each[key]) for each in facts)])
    lines = ["".join(f"{cell:<12}" for cell in row).rstrip() for row in rows]
    last = columns[-1]
    if 1 < len(last.rmse) <= MAX_TARGETS_SHOWN:
        lines += ["", *_of_each(last, names, " of the validation examples" if both else "")]
    return [*lines, "", BASELINE]


def is_worse_than_the_mean(scores: RegressionScores) -> bool:
    """Return whether predicting the mean would be better."""
    return bool((scores.rmse > scores.baseline).all() and scores.baseline.any())


def score_notes(scores: RegressionScores, of: str) -> tuple[str, ...]:
    """Return a sentence if a model is no better than always predicting the mean.

    `of` says of which examples.
    """
    if (scores.rmse < scores.baseline).any() or not scores.baseline.any():
        return ()
    return (
        f"on {of} the model does not beat always predicting their mean: RMSE "
        f"{scores.rmse.mean():.6g}, and {scores.baseline.mean():.6g} for that",
    )


def _of_each(scores: RegressionScores, names: Sequence[str] | None, of: str) -> list[str]:
    head = ["target", "RMSE", "MAE", "R^2", "baseline"]
    table = [head] + [
        [names[k] if names else str(k), *(_shown(each[k]) for each in _named(scores).values())]
        for k in range(len(scores.rmse))
    ]
    width = max(12, *(len(row[0]) + 2 for row in table))
    return [f"each target{of}; above are the means over them"] + [
        f"{name:<{width}}{''.join(f'{cell:<12}' for cell in cells)}".rstrip()
        for name, *cells in table
    ]


def _named(scores: RegressionScores) -> dict[str, Any]:
    return {
        "rmse": scores.rmse,
        "mae": scores.mae,
        "r2": scores.r2,
        "baseline_rmse": scores.baseline,
    }


def _shown(number: float) -> str:
    return "one value" if number != number else f"{number:.6g}"
