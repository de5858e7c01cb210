"""The kill harness, for as long as a test may take; see tests/results for its long runs."""

from __future__ import annotations

import sys

import pytest

from tests.faults.kills import harness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]


@pytest.mark.parametrize(("how", "kills"), [("KILL", 20), ("TERM", 6), ("INT", 6)])
def test_killed_trainings_end_with_the_undisturbed_result(how: str, kills: int) -> None:
    done = harness(kills, seed=7, how=how)
    assert done["kills"] == kills
    assert done["trainings"] == done["trainings with the undisturbed result"] >= 1
