"""The history file: each iteration once, wherever a signal interrupts its writing."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import gdnet.cli.history
from gdnet.cli.history import HistoryFile
from gdnet.descent import DescentState


def state(iterations: int) -> DescentState:
    costs = np.linspace(0.7, 0.1, 30)[:iterations]
    none: Any = None
    seconds, passes = np.arange(30.0)[:iterations], np.arange(1, 31)[:iterations]
    return DescentState(none, none, costs, costs + 0.1, seconds, passes)


def written(path: Path) -> list[int]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["cost"] for line in lines] == state(len(lines)).costs.tolist()
    return [line["iteration"] for line in lines]


class InterruptAt:
    """Raises KeyboardInterrupt before the n-th line of the module under test, once."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, frame: FrameType, event: str, _arg: object) -> Any:
        if frame.f_code.co_filename != gdnet.cli.history.__file__:
            return None
        if event == "line":
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
        return self


def test_an_interrupted_write_is_made_again_and_not_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gdnet.cli.history, "LINES_AT_A_TIME", 7)
    interrupted = 0
    for n in range(1, 1000):
        path = tmp_path / f"h{n}"
        history = HistoryFile(str(path))
        history(state(1))
        interrupt, before = InterruptAt(n), sys.gettrace()
        sys.settrace(interrupt)
        try:
            history(state(20))
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            sys.settrace(before)
        history.end(state(25), None)
        assert written(path) == list(range(25))
        if interrupt.left > 0:
            break
    assert interrupted > 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    history = HistoryFile(str(pipe))
    history(state(3))
    history.end(state(5), None)
    reader.join()
    assert [json.loads(line)["iteration"] for line in read[0].splitlines()] == list(range(5))
