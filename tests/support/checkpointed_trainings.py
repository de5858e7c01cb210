"""Trainings by ``gdnet train --checkpoint``, what they write, and what interrupts them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdnet.checkpoint import Checkpoint
from gdnet.descent import DescentState, Next
from gdnet.model.file import load_model

ITERATIONS = 80
QUICK = ["--hidden", 5, "--iterations", ITERATIONS, "--block-size", 100, "--device", "cpu"]


def bits(path: Path) -> bytes:
    return b"".join(array.tobytes() for array in load_model(path).parameters)


def costs(path: Path) -> list[float]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(len(lines)))
    assert all("seconds" in line for line in lines)
    return [line["cost"] for line in lines]


class InterruptedAt:
    """Stands in for `Checkpoint.__call__`: Ctrl-C during an iteration."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, iteration: int) -> None:
        call = Checkpoint.__call__

        def interrupted(checkpoint: Checkpoint, state: DescentState) -> Next:
            call(checkpoint, state)
            if state.iteration == iteration + 1:
                raise KeyboardInterrupt
            return Next(iterations=1)

        monkeypatch.setattr(Checkpoint, "__call__", interrupted)
