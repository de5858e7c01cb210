"""The kill harness, for as long as a test may take; see tests/results for its long runs."""

from __future__ import annotations

import sys

import pytest

from tests.faults.kills import harness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]


@pytest.mark.parametrize(
    ("how", "kills", "solvers"),
    [("KILL", 20, "gd"), ("KILL", 20, "others"), ("TERM", 6, "all"), ("INT", 6, "others")],
)
def test_killed_trainings_end_with_the_undisturbed_result(
    how: str, kills: int, solvers: str
) -> None:
    done = harness(kills, seed=7, how=how, solvers=solvers)
    assert done["kills"] == kills
    assert done["trainings"] == done["trainings with the undisturbed result"] >= 1
