"""The --tiny option and what goes into the JSON of pytest-benchmark."""

from __future__ import annotations

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
