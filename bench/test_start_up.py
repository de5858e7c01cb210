"""Whole processes of the command: what somebody waits for who has little to compute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("info",), ("train", "planar", "--iterations", "1", "--device", "cpu")],
    ids=lambda arguments: arguments[0].strip("-"),
)
def test_start_up(arguments: tuple[str, ...], benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "start-up"

    def start() -> None:
        subprocess.run(
            [sys.executable, "-m", "gdnet", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )

    benchmark.pedantic(start, rounds=10, warmup_rounds=1)
