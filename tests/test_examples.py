"""The examples run, at small settings, and say what they should."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., str]
EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example as a script, and return what it says."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_planar_lab_prints_the_published_costs(run: Run, lab: Any) -> None:
    said = run("planar_lab", "--iterations", 2001)
    published = lab["planar_training"]["init_seed_2"]["published_cost_every_1000"]
    assert [float(cost) for cost in re.findall(r"cost (\S+)", said)] == published[:3]
    accuracy = re.search(r"accuracy ([\d.]+)%", said)
    assert accuracy
    assert float(accuracy[1]) > 85


def test_digits(run: Run) -> None:
    pytest.importorskip("sklearn")
    said = run("digits_softmax", "--iterations", 60)
    accuracy = re.search(r"accuracy ([\d.]+)%", said)
    assert accuracy
    assert float(accuracy[1]) > 85


def test_custom_activation(run: Run) -> None:
    said = run("custom_activation", "--iterations", 50)
    assert "passed: largest relative error" in said
    for name in ("tanh", "sine"):
        costs = re.search(rf"{name} +cost ([\d.]+) -> ([\d.]+)", said)
        assert costs
        assert float(costs[2]) < float(costs[1])


def test_every_example_is_tested() -> None:
    tests = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'run("{example.stem}"' in tests
