"""The comparison of the ways on CUDA, on few examples and the stand-in for CuPy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import cuda_paths
from tests.standins import emulation
from tests.standins.fake_cupy import make_fake_cupy


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_paths, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(cuda_paths, "TINY_EXAMPLES", 300)


@pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")
def test_every_way_is_right_and_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    out = tmp_path / "paths.json"
    arguments = ["--tiny", "--seconds", "0", "--json", str(out)]
    for case in ("0", "2", "4"):
        arguments += ["--only", case]
    assert cuda_paths.main(arguments) == 0
    report = json.loads(out.read_text())
    ways = [set(case["ways"]) for case in report["cases"]]
    common = {"reference", "cublas_fused", "cublas_fused, TF32", "CPU"}
    assert ways == [common | {"fused"}, common, common | {"fused"}]
    for case in report["cases"]:
        for way in case["ways"].values():
            assert way["right"]
            assert way["ms"] > 0
    assert report["cases"][0]["ways"]["fused"]["engine"] == "fused"
    assert len(report["limits"]) == 5
    assert all(rate > 0 for rate in report["limits"].values())


@pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")
def test_streamed_blocks_do_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = make_fake_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    case = cuda_paths.made((3, 5, 1), 12_000, tiny=False)
    ways = cuda_paths.ways("cuda", case)
    assert {"cublas_fused, streamed", "fused, streamed"} < set(ways)
    candidate = cuda_paths.Candidate(case, "cublas_fused, streamed", ways["cublas_fused, streamed"])
    cupy.trace.clear()
    candidate.run(2)
    assert cupy.trace.bytes_to_device > 1.5 * case.problem.data_bytes
    assert len(candidate.batch.grid) == 6


def test_the_cpu_alone_will_do(tmp_path: Path) -> None:
    out = tmp_path / "paths.json"
    arguments = ["--device", "cpu", "--tiny", "--seconds", "0", "--only", "4", "--json", str(out)]
    assert cuda_paths.main(arguments) == 0
    assert set(json.loads(out.read_text())["cases"][0]["ways"]) == {"CPU"}
