"""A small table, trainings on it by ``gdnet train``, and what they write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gdnet.model.file import load_model
from gdnet.model.model import Model
from tests.support.command import train

M, N0, N1 = 240, 3, 5

QUICK = ["--hidden", N1, "--iterations", 25]

X = np.random.RandomState(8).randn(M, N0)
# One class is four times as large as the other.
y = (X[:, 0] + 0.3 * np.random.RandomState(9).randn(M) > 0.85).astype(int)
X.flags.writeable = y.flags.writeable = False


def costs(folder: Path, *arguments: object) -> list[float]:
    """Train with a history and return the costs in it."""
    summary = train(folder, "d.npz", *QUICK, "--history", "h.jsonl", *arguments)
    lines = [json.loads(line) for line in (folder / "h.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(summary["iterations"]))
    found = [line["cost"] for line in lines]
    assert found[0] == summary["first_cost"]
    assert summary["cost"] not in found  # it is that of the last update
    return found


def model(folder: Path, name: str = "m") -> Model:
    return load_model(folder / name)


def same_arrays(a: Model, b: Model) -> bool:
    pairs = zip(a.parameters, b.parameters, strict=True)
    return all(one.dtype == other.dtype and (one == other).all() for one, other in pairs)
