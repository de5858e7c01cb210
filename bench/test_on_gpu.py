"""bench/on_gpu.sh where there is no GPU: what becomes of stages that fail, and a rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import summary
from tests.standins import emulation

SCRIPT = Path(__file__).with_name("on_gpu.sh")
# Any stand-in that Python finds by the name of CuPy will do.
AS_CUPY = """
import sys
from tests.standins.fake_cupy import make_fake_cupy
sys.modules["cupy"] = make_fake_cupy()
"""


def on_gpu(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stage_that_fails_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    done = on_gpu(str(tmp_path), PYTHON="false")
    assert done.returncode == 1
    assert "FAILED: environment tests parity paths peers-28-128-1" in done.stdout
    assert "tf32-784-2048-10 to-cost iteration" in done.stdout


def test_what_no_time_was_left_for_is_named_for_another_call(tmp_path: Path) -> None:
    done = on_gpu(str(tmp_path), "parity", "paths", PYTHON="false", TOTAL_SECONDS="0")
    assert done.returncode == 0
    assert "bash bench/on_gpu.sh OUTDIR parity paths" in done.stdout


def test_compute_sanitizer_is_used_where_there_is_one(tmp_path: Path) -> None:
    sanitizer = tmp_path / "compute-sanitizer"
    sanitizer.write_text('#!/bin/sh\necho "$@"\nexit 7\n')
    sanitizer.chmod(0o755)
    out = tmp_path / "out"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = on_gpu(str(out), "memcheck", "racecheck", PATH=path)
    assert done.returncode == 1
    assert "FAILED: memcheck racecheck" in done.stdout
    for tool in ("memcheck", "racecheck"):
        said = (out / f"{tool}.log").read_text()
        assert f"--tool {tool} --error-exitcode 7 python3 -m pytest" in said


@pytest.mark.slow
@pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")
def test_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cupy.py").write_text(AS_CUPY)
    out = tmp_path / "out"
    stages = ("environment", "peers-lab", "tf32-784-256-10", "paths", "to-cost")
    done = on_gpu("--quick", str(out), *stages, PYTHON=sys.executable, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "CuPy 14.2.0" in (out / "environment.json").read_text()
    for stage in stages[1:3]:
        (comparison,) = json.loads((out / f"{stage}.json").read_text())["comparisons"]
        assert comparison["results"]["gdnet"]["ms"]["median"] > 0
        assert "| gdnet |" in done.stdout
    # Committed as the results of a card they become its page, and a part of the README.
    monkeypatch.setattr(summary, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(summary, "ROOT", tmp_path)
    (tmp_path / "results").mkdir()
    card = out.rename(tmp_path / "results" / "card")
    pages = dict(summary.wanted())
    page = pages[card / "summary.md"]
    for title in ("peers on CUDA, float32", "peers on CUDA, TF32", "gdnet's own ways on CUDA"):
        assert f"## gdnet and its {title}" in page or f"## {title}" in page
    assert "| 2-4-1, m = 400 |" in page
    assert "| 784-256-10, m = 2 000 |" in page
    assert "| cublas_fused, TF32 |" in page
    assert "| 2-4-1, m = 400 |" in pages[summary.README]
