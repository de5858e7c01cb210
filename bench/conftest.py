"""The --tiny option, what goes into the JSON of pytest-benchmark, and how programs are run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.environment import environment


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tiny", action="store_true", help="few examples, for a run that times nothing"
    )


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    # Whose machine it was, and which build of its kernel, is nobody's business.
    for private in ("node", "release"):
        machine_info.pop(private, None)
    machine_info["gdnet"] = {k: v for k, v in environment().items() if k != "command"}


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    commit_info["project"] = "gdnet"  # it would be the name of the folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give the file that a program writes."""
    return tmp_path / "out.json"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, out: Path) -> Callable[..., Any]:
    """Give what runs a program with options, and returns what it has written."""

    def found(program: Any, *options: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["program", "--json", str(out), *map(str, options)])
        program.main()
        return json.loads(out.read_text())

    return found
