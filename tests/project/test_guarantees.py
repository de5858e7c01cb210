"""The page of guarantees says what the harnesses found, and names tests that are there."""

from __future__ import annotations

import re

from tests.guarantees import PAGE, lines_of, page
from tests.support.checkout import ROOT


def test_figures_are_those_of_the_results() -> None:
    assert PAGE.read_text() == page()


def test_results_are_of_runs_that_went_well() -> None:
    for line in lines_of("kills.jsonl"):
        assert line["trainings"] == line["trainings with the undisturbed result"]
    assert all(line["crashes"] == 0 for line in lines_of("fuzz.jsonl"))
    for line in lines_of("ranks.jsonl"):
        assert sum(line["ended"].values()) == line["faults"]
        # After a rank that stands still the others wait until the deadline.
        assert max(line["longest seconds to the end"].values()) < line["deadline"] + 20


def test_tests_that_are_named_are_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE.read_text()))
    assert len(named) >= 10
    for name in named:
        assert (ROOT / name).exists(), name
