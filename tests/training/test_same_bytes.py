"""The same training writes the same bytes, in another process and with other threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import environment

FIT = """
import sys
import numpy as np
from gdnet import GDClassifier

random = np.random.RandomState(0)
X = random.randn(3000, 5)
GDClassifier(
    8, max_iter=20, tol=0, random_state=0, n_jobs=int(sys.argv[1]), block_size=256
).fit(X, np.where(X[:, 0] > 0, "yes", "no")).save(sys.argv[2])
"""


def run(folder: Path, seed: int, *words: str) -> None:
    subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment() | {"PYTHONHASHSEED": str(seed)},
        check=True,
        timeout=120,
        capture_output=True,
    )


def test_models_of_the_command_line_and_their_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    random = np.random.RandomState(0)
    X = random.randn(3000, 5).astype(np.float32)
    np.savez(tmp_path / "d.npz", X=X, y=np.where(X[:, 0] > 0, "yes", "no"))
    for threads in (1, 2):
        train = f"-m gdnet train d.npz --iterations 20 --block-size 256 --threads {threads}"
        run(tmp_path, threads, *train.split(), "--device", "cpu", "--out", f"{threads}.model")
        run(tmp_path, threads, *f"-m gdnet export {threads}.model {threads}.onnx".split())
    for suffix in ("model", "onnx"):
        one, two = ((tmp_path / f"{threads}.{suffix}").read_bytes() for threads in (1, 2))
        assert one == two


def test_models_of_the_estimator(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for threads in (1, 2):
        run(tmp_path, threads, "-c", FIT, str(threads), f"{threads}.model")
    assert (tmp_path / "1.model").read_bytes() == (tmp_path / "2.model").read_bytes()
