"""How good predicted classes and labels are, as text or as facts for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gdnet.scores.by_class import MAX_AREAS

if TYPE_CHECKING:
    from gdnet.scores.classification import Evaluation

# A larger confusion matrix can no longer be read.
MAX_CLASSES_SHOWN = 12


def describe_classes(evaluation: Evaluation, kind: str, prefix: str = "") -> dict[str, Any]:
    """Return the scores as one flat dictionary, see `gdnet.cli.summary.describe_evaluation`."""
    macro = "" if kind == "binary" else "macro_"
    facts: dict[str, Any] = {
        f"{prefix}examples": evaluation.examples,
        f"{prefix}accuracy": evaluation.accuracy,
        f"{prefix}log_loss": evaluation.log_loss,
        f"{prefix}{macro}auc": evaluation.auc,
        f"{prefix}{macro}auc_error": evaluation.auc_error,
        f"{prefix}{macro}f1": evaluation.f1,
    }
    if macro:
        facts[f"{prefix}auc_of_each"] = list(evaluation.auc_of_each) or None
        facts[f"{prefix}f1_of_each"] = list(evaluation.f1_of_each) or None
    if kind != "multilabel":
        counts = evaluation.confusion
        facts[f"{prefix}baseline"] = None if counts is None else _accuracy_of_one_class(evaluation)
        facts[f"{prefix}confusion"] = None if counts is None else counts.tolist()
    return facts


def class_lines(columns: Sequence[Evaluation], classes: Sequence[str]) -> list[str]:
    """Return the table of one evaluation, or of training and validation side by side.

    `classes` are their names, none for multi-label.
    """
    both = len(columns) == 2
    lines = [f"{'':12}{'train':<12}{'validation':<12}"] if both else []
    rows = [
        ("examples", [f"{e.examples:,}" for e in columns]),
        ("accuracy", [f"{e.accuracy:.6f}" for e in columns]),
        ("log loss", [f"{e.log_loss:.6f}" for e in columns]),
    ]
    if classes:
        rows.append(("baseline", [f"{_accuracy_of_one_class(e):.6f}" for e in columns]))
    macro = "" if len(classes) == 2 else "macro "
    none = "one class" if macro == "" or columns[0].auc_of_each else f"over {MAX_AREAS}"
    rows.append((f"{macro}AUC", [_shown(e.auc, none) for e in columns]))
    if any(e.auc_error for e in columns):
        rows.append(("AUC within", [f"{e.auc_error:.1g}" for e in columns]))
    rows.append((f"{macro}F1", [_shown(e.f1, "one class") for e in columns]))
    lines += [f"{name:12}" + "".join(f"{v:<12}" for v in values) for name, values in rows]
    lines = [line.rstrip() for line in lines]
    last = columns[-1]
    if last.confusion is not None and classes:
        name = " of the validation examples" if both else ""
        lines += ["", *_confusion_lines(last, classes, name)]
    return lines


def class_notes(evaluation: Evaluation, of: str) -> tuple[str, ...]:
    """Return a sentence if a model is no better than always predicting what is most frequent.

    `of` says of which examples.
    """
    accuracy, simple, what = evaluation.hamming, evaluation.majority, "value of each label"
    if evaluation.confusion is not None:
        accuracy, simple = evaluation.accuracy, _accuracy_of_one_class(evaluation)
        what = "class"
    if accuracy is None or simple is None or not accuracy <= simple < 1:
        return ()
    return (
        f"on {of} the model does not beat always predicting the most frequent {what}: accuracy "
        f"{accuracy:.6f}, and {simple:.6f} for that",
    )


def _shown(score: float | None, otherwise: str) -> str:
    return otherwise if score is None else f"{score:.6f}"


def _accuracy_of_one_class(evaluation: Evaluation) -> float:
    """Return the accuracy of predicting the most frequent class, always: what to beat."""
    assert evaluation.confusion is not None
    return int(evaluation.confusion.sum(axis=1).max()) / evaluation.examples


def _confusion_lines(evaluation: Evaluation, classes: Sequence[str], name: str) -> list[str]:
    counts = evaluation.confusion
    assert counts is not None
    if len(classes) > MAX_CLASSES_SHOWN:
        return [f"confusion   {len(classes)} classes: not shown here, see --json"]
    names = [c if len(c) <= 16 else f"{c[:15]}…" for c in classes]
    width = max(len(n) for n in names)
    cell = max(width, len(f"{counts.max():,}"))
    lines = [f"confusion{name}: rows are the true class, columns the predicted one"]
    lines.append(" " * (width + 2) + "  ".join(f"{n:>{cell}}" for n in names))
    lines += [
        f"{n:>{width}}  " + "  ".join(f"{count:>{cell},}" for count in row)
        for n, row in zip(names, counts.tolist(), strict=True)
    ]
    return lines
