"""The comparison of the time to a cost, on next to nothing: its clock, judge and picture."""

from __future__ import annotations

import math
from importlib.util import find_spec
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import time_to_cost
from bench.to_cost import candidates, clock, tables
from bench.to_cost.serve import serve
from bench.worker import Failed


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn is not installed")
def test_time_to_cost_and_its_picture(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "cost.png"
    # Adam of scikit-learn runs the code of its SGD.
    others = ("scikit-learn lbfgs", "scikit-learn sgd")
    names = [name for name in candidates.MAKERS if name.startswith("gdnet") or name in others]
    few = ("--quick", "--tables", "breast_cancer", "--rounds", 2, "--plot", picture)
    table = run(time_to_cost, *few, "--only", *names)["tables"]["breast_cancer"]
    assert list(table["results"]) == names
    for result in table["results"].values():
        assert result["failed"] is None
        assert result["curve"] == sorted(result["curve"])
        for target, found in result["targets"].items():
            seconds = [each for each in found["all_seconds"] if each is not None]
            assert len(found["all_seconds"]) == 2
            assert len(seconds) == found["arrived"]
            assert all(each > 0 for each in (*seconds, found["setup_seconds"]))
            if seconds:
                assert found["there"][target]["high"] <= table["targets"][target]
                assert found["passes"]["low"] > 0
    for found in table["results"][candidates.REFERENCE]["targets"].values():
        assert not found["arrived"] or set(found["ratio"].values()) == {1}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_who_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(candidates.MAKERS, "other", "no_such_library:made")
    ours, theirs = Pipe()
    serve(theirs, "other", "breast_cancer", quick=True)
    assert ours.recv() == Failed("no_such_library is not installed")


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_a_run_ends_where_it_has_reached_both_targets() -> None:
    task = tables.load("breast_cancer", quick=True)
    targets = task.plan.targets
    timed = clock.Clock(clock.Judge(task), targets, dict.fromkeys(targets, math.inf))
    with pytest.raises(clock.Arrived):
        candidates.make(candidates.REFERENCE, task).run(task.start(0), {}, 0, timed)
    reached = [clock.first_below(timed.points, *target) for target in targets.items()]
    assert timed.points[-1] in reached
    assert all(point is not None and point.seconds > 0 for point in reached)


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_the_judge_finds_the_log_loss_of_the_rows_held_out() -> None:
    from sklearn.metrics import log_loss

    task = tables.load("digits", quick=True)
    W1, b1, W2, b2 = start = task.start(0)
    Z2 = W2 @ np.tanh(W1 @ task.held_out.rows.T + b1) + b2
    probabilities = np.exp(Z2) / np.exp(Z2).sum(axis=0)
    expected = log_loss(task.held_out.labels, probabilities.T)
    assert clock.Judge(task)(start)[1] == pytest.approx(expected, rel=1e-5)
