"""What a training and an evaluation say at their end, as text or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gdnet.cli.classification_summary import class_lines, class_notes, describe_classes
from gdnet.cli.output import as_options
from gdnet.cli.regression_summary import (
    describe_scores,
    is_worse_than_the_mean,
    score_lines,
    score_notes,
)
from gdnet.data.labels.target_columns import output_names
from gdnet.scores.regression import RegressionScores

if TYPE_CHECKING:
    from gdnet.backends import Choice
    from gdnet.errors import Diverged
    from gdnet.model.model import Model
    from gdnet.scores.classification import Evaluation
    from gdnet.training.table import Training
    from gdnet.training.trained import Outcome, Trained

# A log loss so many times that of guessing is worth a word: 1 is where some trainings begin.
ABOVE_GUESSING = 2.0
# From here on the last digits of a cost are beyond those that are shown.
LARGE_COST = 1e6
# Before this part of the iterations a lowest validation cost is long past.
LONG_BEFORE_THE_END = 0.8


def describe_training(
    trained: Trained,
    training: Training,
    choice: Choice,
    out: str | None,
    not_evaluated: str | None = None,
) -> dict[str, Any]:
    """Return the facts of a training as one flat dictionary.

    `out` is None where the model could not be saved, and `not_evaluated` says why a number of the
    evaluation is None.
    """
    facts = _describe_setup(training, choice) | _describe_outcome(trained.outcome, training)
    kind = facts["kind"]
    facts |= {"diverged": False} | describe_evaluation(trained.train, kind, "train_")
    if trained.validation is not None:
        facts |= describe_evaluation(trained.validation, kind, "validation_")
    return facts | {"not_evaluated": not_evaluated, "model": out}


def describe_divergence(
    diverged: Diverged,
    training: Training,
    choice: Choice,
    out: str | None,
    outcome: Outcome | None = None,
) -> dict[str, Any]:
    """Return the facts of a training that diverged: up to what was saved, if anything was."""
    facts = _describe_setup(training, choice)
    if outcome is not None:
        facts |= _describe_outcome(outcome, training)
    facts |= {"diverged": True, "diverged_at_iteration": diverged.iteration}
    facts |= {"not_evaluated": "the training has diverged"}
    return facts | {"model": None if outcome is None else out}


def _describe_setup(training: Training, choice: Choice) -> dict[str, Any]:
    n0, n1, n2 = training.gradient.shape
    classes = training.encoded.classes
    return {
        "data": training.name,
        "storage": training.storage,
        "examples": training.m,
        "features": n0,
        "hidden": n1,
        "outputs": n2,
        "kind": training.encoded.kind,
        "classes": None if classes is None else classes.tolist(),
        "ignored": list(training.ignored),
        "ignored_why": list(training.ignored.values()),
        "notes": list(map(as_options, training.notes)),
        "device": choice.backend.name,
        "device_why": choice.why,
        "ranks": 1 if training.gradient.ranks is None else training.gradient.ranks.size,
        "solver": training.settings.solver,
        "momentum": training.settings.momentum,
        "nesterov": training.settings.nesterov,
        "engine": training.gradient.engine,
        "precision": choice.backend.precision,
    }


def _describe_outcome(outcome: Outcome, training: Training) -> dict[str, Any]:
    run, m = outcome.run, training.m
    facts: dict[str, Any] = {
        "iterations": run.iterations,
        "passes": run.total_passes,
        "converged": run.converged,
        "converged_why": run.end,
        "seconds": run.seconds,
        "examples_per_second": run.total_passes / run.seconds * m,
        "first_cost": float(run.costs[0]) if run.iterations else run.final_cost,
        "cost": outcome.cost,
    }
    if run.validation_costs is not None and run.iterations:
        lowest = int(np.nan_to_num(run.validation_costs, nan=np.inf).argmin())
        facts["lowest_validation_cost"] = float(run.validation_costs[lowest])
        facts["lowest_validation_cost_iteration"] = lowest
    if training.early_stopping:
        facts["kept_iteration"] = outcome.iteration
    if outcome.validation_cost is not None:  # also of the last parameters, which no iteration sees
        facts["lowest_validation_cost"] = outcome.validation_cost
        facts["lowest_validation_cost_iteration"] = outcome.iteration
    return facts


def describe_evaluation(
    evaluation: Evaluation | RegressionScores, kind: str, prefix: str = ""
) -> dict[str, Any]:
    """Return the facts of an evaluation as one flat dictionary.

    An AUC is None where the examples are all of one class, an F1 where a class is neither true nor
    predicted, and what could not be evaluated is None or NaN.
    """
    if isinstance(evaluation, RegressionScores):
        return describe_scores(evaluation, prefix)
    return describe_classes(evaluation, kind, prefix)


def as_json(facts: dict[str, Any]) -> str:
    """Return the facts as JSON, which knows neither NaN nor infinity: they become null."""
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in facts.items()
    }
    return json.dumps(finite)


def as_text(facts: dict[str, Any], trained: Trained, choice: Choice, *, replaced: bool) -> str:
    """Return the summary of a training; `replaced` says that there was a file of its name."""
    from gdnet.data.columns.named import explained

    kind = {
        "binary": "2 classes",
        "multiclass": f"{facts['outputs']} classes",
        "multilabel": f"{facts['outputs']} labels",
        "regression": f"{facts['outputs']} target{'s' * (facts['outputs'] != 1)}",
    }[facts["kind"]]
    stopped = lower = passes = ""
    if facts["passes"] != facts["iterations"]:
        passes = f" ({facts['passes']:,} passes over the examples)"
    if facts["converged_why"]:
        stopped = f", where {facts['converged_why']}"
    elif facts["converged"]:
        validation = "validation " if "kept_iteration" in facts else ""
        stopped = f", where the {validation}cost had stalled"
        lower = (
            "" if validation or facts["solver"] == "lbfgs" else "; --solver lbfgs may come lower"
        )
    elif facts.get("time_limit_reached"):
        stopped = ", where the time was up (--max-seconds)"
    better = _what_is_better(trained.train, facts)
    if better:
        lower = f"; {better}: look at the scale of the features, and at the learning rate"
    on_ranks = f", on {facts['ranks']} ranks" if facts["ranks"] > 1 else ""
    rate = facts["iterations"] / facts["seconds"]
    reasons = dict(zip(facts["ignored"], facts["ignored_why"], strict=True))
    ignored = f"; ignored: {explained(reasons)}" if reasons else ""
    lines = [
        f"data        {facts['data']}: {facts['examples']:,} examples, "
        f"{facts['features']} feature{'s' * (facts['features'] != 1)}, {kind}{ignored}",
        f"device      {choice.backend.name}: {choice.backend.describe()} ({choice.why}){on_ranks}",
        *_how(facts),
        f"iterations  {facts['iterations']:,}{passes} in {facts['seconds']:.3g} s{stopped}: "
        f"{_rate(rate)} iterations/s, {_rate(facts['examples_per_second'])} examples/s",
        f"cost        {_cost(facts['first_cost'])} -> {_cost(facts['cost'])}{lower}",
        *_lowest(facts),
        "",
        *_evaluated_lines(trained, facts["not_evaluated"]),
        "",
        f"model       {facts['model'] or 'not saved'}{' (replaced)' if replaced else ''}",
    ]
    return "\n".join(lines)


def _evaluated_lines(trained: Trained, not_evaluated: str | None) -> list[str]:
    """Return the table of what could be evaluated, and why the rest could not."""
    known = [
        evaluation
        for evaluation in (trained.train, trained.validation)
        if evaluation is not None and _is_known(evaluation)
    ]
    lines = evaluation_lines(known, trained.model) if known else []
    return lines + ([] if not_evaluated is None else [f"not evaluated: {not_evaluated}"])


def _is_known(evaluation: Evaluation | RegressionScores) -> bool:
    if isinstance(evaluation, RegressionScores):
        return not np.isnan(evaluation.baseline).any()
    return not math.isnan(evaluation.accuracy)


def _what_is_better(train: Evaluation | RegressionScores, facts: dict[str, Any]) -> str:
    """Return in words what no training should end above, if it did."""
    if isinstance(train, RegressionScores):
        return "predicting the mean would be better" if is_worse_than_the_mean(train) else ""
    guessing = math.log(facts["outputs"]) if facts["kind"] == "multiclass" else 0.0
    guessing = guessing or facts["outputs"] * math.log(2)
    return f"guessing gives {guessing:.3g}" if train.log_loss > ABOVE_GUESSING * guessing else ""


def _cost(cost: float) -> str:
    return f"{cost:.6f}" if cost < LARGE_COST else f"{cost:.6g}"


def _how(facts: dict[str, Any]) -> list[str]:
    """Return the line on what is not the lecture's descent by the equations as they stand."""
    how = ["L-BFGS"] if facts["solver"] == "lbfgs" else []
    if facts["solver"] == "gd" and facts["momentum"]:
        how = [f"{'Nesterov ' if facts['nesterov'] else ''}momentum {facts['momentum']:g}"]
    how += [f"engine {facts['engine']}"] if facts["engine"] != "reference" else []
    how += ["matrix products in TF32"] if facts["precision"] == "tf32" else []
    return [f"computed    {', '.join(how)}"] if how else []


def _lowest(facts: dict[str, Any]) -> list[str]:
    """Return the line on the lowest validation cost, after which a network overfits."""
    if "lowest_validation_cost" not in facts:
        return []
    lowest, made = facts["lowest_validation_cost"], facts["lowest_validation_cost_iteration"]
    line = f"validation  lowest cost {_cost(lowest)}, after {made:,} iteration{'s' * (made != 1)}"
    if "kept_iteration" in facts:
        kept = facts["kept_iteration"]
        line += f"; the parameters after {kept:,} are kept"
    elif made < LONG_BEFORE_THE_END * facts["iterations"]:
        line += "; --early-stopping keeps those parameters"
    return [line]


def evaluation_lines(
    evaluations: Sequence[Evaluation | RegressionScores], model: Model
) -> list[str]:
    """Return the table of one evaluation of a model, or of training and validation side by side."""
    scores = [each for each in evaluations if isinstance(each, RegressionScores)]
    if scores:
        return score_lines(scores, output_names(model.target_name, model.shape[2]))
    return class_lines(
        [each for each in evaluations if not isinstance(each, RegressionScores)],
        model.class_names,
    )


def baseline_notes(evaluation: Evaluation | RegressionScores, of: str) -> tuple[str, ...]:
    """Return a sentence if a model is no better than one that knows no features.

    Parameters
    ----------
    evaluation : Evaluation or RegressionScores
        Of the model.
    of : str
        What it was evaluated on, such as "the validation examples".
    """
    if isinstance(evaluation, RegressionScores):
        return score_notes(evaluation, of)
    return class_notes(evaluation, of)


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"
