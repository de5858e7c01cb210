"""A word where the iterations ended before the descent did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.cli.still_falling import still_falling_notes
from gdnet.descent import DescentResult
from gdnet.parameters import initialise
from gdnet.scores.classification import Evaluation
from gdnet.training.options import Settings
from tests.support.command import here

GD, LBFGS = Settings(), Settings(solver="lbfgs")
# The first falls by a tenth over its last tenth, the second by a thousandth.
FALLING, LEVEL = np.linspace(1.9, 0.9, 1000), np.linspace(1.01, 1.0, 1000)


def evaluation(accuracy: float) -> Evaluation:
    return Evaluation(10, accuracy, 0.5, None, np.array([[5, 0], [0, 5]]))


def result(costs: Any, validation: Any = None, *, converged: bool = False) -> DescentResult:
    first = initialise(2, 3, 1, random_state=0)
    passes = np.arange(1, len(costs) + 1)
    return DescentResult(first, costs, costs[-1], validation, converged, 1.0, passes)


@pytest.mark.parametrize(
    ("run", "settings", "said"),
    [
        (result(FALLING), GD, "lower in fewer, and --validation 0.1 --early-stopping ends"),
        (result(FALLING, FALLING), GD, "--solver lbfgs comes lower in fewer; or raise --iter"),
        (result(LEVEL, FALLING), GD, "the validation cost was still falling when the 1,000 "),
        (result(FALLING, FALLING), LBFGS, "by 10.0% over the last tenth of them: raise --iter"),
        (result(LEVEL), GD, None),
        (result(FALLING, LEVEL), GD, None),
        (result(FALLING, np.full(1000, np.nan)), GD, None),
        (result(np.zeros(1000)), GD, None),
        (result(FALLING), LBFGS, None),
        (result(FALLING, converged=True), GD, None),
        (result(FALLING[1:]), GD, None),
    ],
)
def test_notes(run: DescentResult, settings: Settings, said: str | None) -> None:
    notes = still_falling_notes(run, settings, evaluation(0.9))
    assert len(notes) == (said is not None)
    for note in notes:
        assert said is not None
        assert said in note


def test_nothing_is_to_be_gained_where_every_class_is_right() -> None:
    assert still_falling_notes(result(FALLING), GD, evaluation(1.0)) == ()


def test_train_says_it(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    X = random.randn(300, 2)
    np.savez(tmp_path / "d.npz", X=X, y=np.sin(2 * X[:, 0]) * X[:, 1])
    arguments = ["train", "d.npz", "--task", "regression", "--device", "cpu", "--out", "m"]
    found = here(*arguments, "--json", cwd=tmp_path)
    (note,) = found.json["notes"]
    assert note.startswith("the cost was still falling when the 1,000 iterations ended, by ")
    assert f"gdnet: {note}\n" in found.err
    followed = [*arguments, "--solver", "lbfgs", "--validation", "0.1", "--early-stopping"]
    better = here(*followed, "--json", "--quiet", cwd=tmp_path)
    assert better.json["notes"] == []
    assert better.json["validation_r2"] > found.json["train_r2"]
    endless = ["--iterations", 10**9, "--max-seconds", 0.2]
    limited = here(*arguments, "--json", *endless, cwd=tmp_path)
    assert limited.json["time_limit_reached"]
    assert "still falling" not in limited.err
