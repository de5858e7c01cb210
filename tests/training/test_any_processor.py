"""A whole training has the same bits on every processor: model, history, stopping iteration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gdnet.backends.cpu_library import VARIABLE, find_library
from gdnet.data.builtin import load_builtin

pytest.importorskip("sklearn")

found = find_library()
pytestmark = pytest.mark.skipif(isinstance(found, str), reason=f"no compiled kernels: {found}")

# As another processor would choose: the kernels of gdnet, of OpenBLAS, and of NumPy.
OLDER = {
    VARIABLE: "x86-64-v3",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
TRAININGS = {
    "descent": ["--iterations", "300", "--l2", "0.5"],
    "early stopping": [
        *("--validation", "0.25", "--early-stopping", "--iterations", "900"),
        *("--learning-rate", "4", "--hidden", "24"),
    ],
    "weights": ["--class-weight", "balanced", "--activation", "softplus", "--dtype", "float64"],
    "lbfgs": ["--solver", "lbfgs", "--l2", "0.1", "--validation", "0.2"],
    "momentum": ["--momentum", "0.9", "--learning-rate", "0.1", "--activation", "relu"],
}
# The others are slow tests.
QUICK = ("weights", "lbfgs")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of breast_cancer, which takes a process less time than scikit-learn."""
    table, path = (
        load_builtin("breast_cancer", "float32"),
        tmp_path_factory.mktemp("data") / "d.npz",
    )
    np.savez(path, X=table.X, y=table.target)
    return path


def train(
    folder: Path, data: Path, options: list[str], variables: dict[str, str]
) -> dict[str, object]:
    """Train in a process of its own; return the model's bytes and the history without times."""
    folder.mkdir()
    files = ["--out", "m", "--history", "h", "--quiet", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "gdnet", "train", str(data), *files, *options],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in OLDER} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "engine compiled" in done.stdout
    lines = [json.loads(line) for line in (folder / "h").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return {"model": (folder / "m").read_bytes(), "history": lines}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(each, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, each in TRAININGS.items()
    ],
)
def test_the_model_and_the_history_are_the_same(
    tmp_path: Path, data: Path, options: list[str]
) -> None:
    if not (isinstance(found, tuple) and found.instruction_set == "x86-64-v4"):
        pytest.skip("an older kind of processor is made of one with AVX-512")
    here, there = (
        train(tmp_path / name, data, options, variables)
        for name, variables in (("here", {}), ("older", OLDER))
    )
    assert here == there
