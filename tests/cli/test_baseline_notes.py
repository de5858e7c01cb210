"""A word where a model is no better than one that knows no features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.cli.summary import baseline_notes
from gdnet.scores.classification import Evaluation
from gdnet.scores.regression import RegressionScores
from tests.support.command import here

CLASSES = "the model does not beat always predicting the most frequent class: accuracy "


def scores(rmse: Any, baseline: Any) -> RegressionScores:
    nothing = np.zeros(len(rmse))
    return RegressionScores(9, np.array(rmse), nothing, nothing, np.array(baseline))


def evaluation(accuracy: float, confusion: Any) -> Evaluation:
    return Evaluation(10, accuracy, 0.5, None, np.array(confusion))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (evaluation(0.7, [[7, 0], [3, 0]]), f"{CLASSES}0.700000, and 0.700000 for that"),
        (evaluation(0.6, [[6, 1], [3, 0]]), f"{CLASSES}0.600000, and 0.700000 for that"),
        (evaluation(0.8, [[7, 0], [2, 1]]), None),
        (evaluation(1.0, [[10, 0], [0, 0]]), None),
        (scores([2.0], [2.0]), "always predicting their mean: RMSE 2, and 2 for that"),
        (scores([1.9], [2.0]), None),
        (scores([2.0, 1.0], [2.0, 3.0]), None),
        (scores([0.0], [0.0]), None),
        (
            Evaluation(10, 0.1, 1.0, None, None, hamming=0.5, majority=0.6),
            "the most frequent value of each label: accuracy 0.500000, and 0.600000 for that",
        ),
        (Evaluation(10, 0.1, 1.0, None, None, hamming=0.7, majority=0.6), None),
    ],
)
def test_notes(found: Any, said: str | None) -> None:
    notes = baseline_notes(found, "these examples")
    assert len(notes) == (said is not None)
    for note in notes:
        assert note.startswith("on these examples ")
        assert said is not None
        assert said in note


def test_train_and_evaluate_say_it(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    np.savez(tmp_path / "d.npz", X=random.randn(100, 2), y=(random.rand(100) < 0.1).astype(int))
    arguments = ["train", "d.npz", "--iterations", 1, "--device", "cpu", "--out", "m"]
    done = here(*arguments, "--json", cwd=tmp_path)
    (note,) = done.json["notes"]
    assert note.startswith("on the training examples the model does not beat")
    assert done.err == f"gdnet: {note}\n"
    done = here(*arguments, "--validation", 0.3, "--quiet", "--json", cwd=tmp_path)
    assert done.err == ""
    assert done.json["notes"][-1].startswith("on the validation examples the model does not beat")
    done = here("evaluate", "m", "d.npz", "--json", "--device", "cpu", cwd=tmp_path)
    assert done.json["notes"][0].startswith("on these examples the model does not beat")
    assert done.err == f"gdnet: {done.json['notes'][0]}\n"
    assert here("evaluate", "m", "d.npz", "--quiet", cwd=tmp_path).err == ""
