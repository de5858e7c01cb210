"""What came out of a runtime compared with what gdnet predicts."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.exported.cases import QUESTIONS, Case
from gdnet.backends import get_backend
from gdnet.model.prediction import class_probabilities, predict_outputs, predicted_codes

Rows = np.ndarray[Any, Any]


def compared(made: list[Case], out: Path) -> dict[str, Any]:
    """Return the facts of all cases: differences, other labels, and what was refused."""
    found = [_case(k, case, out) for k, case in enumerate(made)]
    ran = [each for each in found if each["labels"]]
    return {
        "cases": found,
        "ran": len(ran),
        "difference": max((each["difference"] for each in ran), default=None),
        "other_labels": sum(each["other_labels"] for each in ran),
        **{question: _most_common(each[question] for each in ran) for question in QUESTIONS},
    }


def _case(k: int, case: Case, out: Path) -> dict[str, Any]:
    """Compare by the first of the files with classes, codes and no labels that was run."""
    facts: dict[str, Any] = {"case": case.name, "labels": None}
    for labels in ("classes", "codes", "none"):
        path = out / f"{k:02}.{labels}.json"
        said = json.loads(path.read_text()) if path.exists() else {"problem": "it crashed"}
        problem = said.get("problem")
        if problem is None:
            stem = out / f"{k:02}.{labels}"
            facts |= {"labels": labels} | _compare(case, labels, _outputs(stem, "X"))
            for question in QUESTIONS:
                ran = said[question] == "ran"
                facts[question] = (
                    _answer(_outputs(stem, question), question) if ran else said[question]
                )
            if facts["other_labels"] < len(case.X) / 2:
                return facts
            problem = f"{facts['other_labels']} of {len(case.X)} labels are others"
        # Where it was installed is nobody's business.
        facts.setdefault("refused", {})[labels] = re.sub(r"(/[\w.+-]+)+/", "", problem)
    return facts


def _compare(case: Case, labels: str, outputs: list[Rows]) -> dict[str, Any]:
    model = case.model
    predicted = predict_outputs(model, case.X, get_backend("cpu"))
    codes = predicted_codes(predicted.Z2, model.kind)
    probabilities = class_probabilities(predicted, model.kind, np)
    *label, found = outputs
    expected = codes
    if label:
        if labels == "classes" and model.classes is not None:
            expected = np.array(model.classes)[codes]
        got = label[0].reshape(expected.shape)
    elif codes.ndim == 1:
        got = found.argmax(axis=1)
    else:
        got = found > 0.5
    other = (
        (got.astype(str) != expected.astype(str))
        if label and got.dtype.kind == "U"
        else got != expected
    )
    return {
        "difference": float(np.abs(found.reshape(probabilities.shape) - probabilities).max()),
        "other_labels": int(other.reshape(len(case.X), -1).any(axis=1).sum()),
        "least": float(found.min()),
        "most": float(found.max()),
        "label_type": str(label[0].dtype) if label else None,
    }


def _answer(outputs: list[Rows], question: str) -> str:
    """Say in a word what came out for rows with a NaN, or for one or no rows."""
    found = outputs[-1]
    if question == "nan":
        return "NaN" if np.isnan(found).any(axis=-1).all() else "finite"
    return "right" if len(found) == {"one": 1, "none": 0}[question] else f"{len(found)} rows"


def _outputs(stem: Path, question: str) -> list[Rows]:
    if Path(f"{stem}.{question}.npz").exists():
        with np.load(f"{stem}.{question}.npz") as arrays:
            return [arrays[name] for name in arrays.files]
    plain = json.loads(Path(f"{stem}.{question}.json").read_text())
    return [
        np.array(
            each["values"],
            str
            if isinstance((each["values"] or [0])[0], str) and "Float" not in each["type"]
            else float,
        ).reshape(each["shape"])
        for each in plain
    ]


def _most_common(answers: Any) -> str | None:
    counted = Counter(answers).most_common(1)
    return counted[0][0] if counted else None
