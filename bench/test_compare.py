"""The comparison as a whole, on the lab: who takes part, who is ranked, what is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import compare as command
from bench.avx2 import VARIABLES, hold_to_avx2
from bench.cases import Case, cases
from bench.interleave import compare, quartiles
from bench.peers import MAKERS, Candidate
from bench.problems import Problem
from gdnet.backends.host import usable_cpus

HERE = "bench.test_compare"


def wrong(problem: Problem, device: str) -> Candidate:
    return Candidate(lambda iterations: [float(problem.m)] * iterations, f"wrong on {device}")


def broken(problem: Problem, device: str) -> Candidate:
    raise MemoryError(f"{problem.m} examples are too many for the {device}\nand more")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let only those take part that start at once."""
    makers = {name: MAKERS[name] for name in ("gdnet", "lecture's code")}
    monkeypatch.setattr(command, "MAKERS", makers)
    return makers


def test_it_says_who_is_not_ranked_and_why(few: dict[str, str]) -> None:
    (case,) = cases("float64", ["2-4-1"], quick=True)
    others = {
        "absent": "bench.there_is_none:f",
        "wrong": f"{HERE}:wrong",
        "broken": f"{HERE}:broken",
    }
    told: list[str] = []
    done = compare(case, "cpu", 2, few | others, told.append)
    results = done.results
    assert done.fastest_other() == "lecture's code"
    assert quartiles([1.0]) == results["gdnet"].ratio
    assert len(results["lecture's code"].all_ms) == 2
    assert results["absent"].failed == (
        "bench.there_is_none is not installed: pip install torch jax scikit-learn"
    )
    assert results["broken"].failed == "MemoryError: 400 examples are too many for the cpu"
    assert str(results["wrong"].failed).startswith("no parity")
    assert results["wrong"].ratio is None
    assert len(told) == 2
    assert done.limit_ms is None  # of the lab it would be the time of calls


@pytest.mark.skipif(not find_spec("jax"), reason="JAX is not installed")
def test_jax_in_blocks_has_the_costs_of_whole_arrays() -> None:
    # So wide that the examples are more than a block, and so many that some are left over.
    case = Case((3, 600, 1), 1_203, "float64", 1, 1.0)
    names = ("gdnet", "JAX jit", "JAX blocks", "JAX blocks, sharded")
    done = compare(case, "cpu", 1, {name: MAKERS[name] for name in names}, lambda _: None)
    for name in names[: None if usable_cpus() > 1 else 3]:
        assert done.results[name].failed is None
        assert done.results[name].ratio is not None
    assert done.limit_ms is not None
    assert done.limit_ms > 0
    assert "1 device(s), blocks of 5" in done.results["JAX blocks"].about


def test_the_command_writes_json_markdown_and_picture(
    few: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    files = {what: tmp_path / f"c.{what}" for what in ("json", "markdown", "plot")}
    options = [word for what, file in files.items() for word in (f"--{what}", str(file))]
    assert command.main(["--only", "2-4-1", "--quick", "--rounds", "1", *options]) == 0
    (comparison,) = json.loads(files["json"].read_text())["comparisons"]
    assert comparison["results"].keys() == few.keys()
    assert comparison["results"]["gdnet"]["cost_difference"] == 0
    assert files["markdown"].read_text() in capsys.readouterr().out
    assert files["plot"].read_bytes().startswith(b"\x89PNG")


def test_candidates_and_cases_can_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.json"
    options = ["--quick", "--rounds", "1", "--candidate", "lecture's code", "--json", str(out)]
    assert command.main(["--only", "2-4-1:400", *options]) == 0
    (comparison,) = json.loads(out.read_text())["comparisons"]
    assert comparison["results"].keys() == {"gdnet", "lecture's code"}
    with pytest.raises(SystemExit):
        command.main(["--only", "3-3-3"])
    assert "expected one of 2-4-1" in capsys.readouterr().err


def test_a_gpu_gets_larger_cases() -> None:
    on_cuda = {(case.shape, case.m) for case in cases("float32", device="cuda")}
    assert ((28, 128, 1), 11_000_000) in on_cuda
    (lab,) = cases("float32", ["2-4-1:400"], device="cuda")
    assert lab.m == 400


def test_a_case_too_large_for_the_memory_is_skipped_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = cases("float32", ["2-4-1"])[0]._replace(m=10**12)
    only: Callable[..., object] = lambda *_, **__: [huge]  # noqa: E731
    monkeypatch.setattr(command, "cases", only)
    assert command.main([]) == 1
    assert "skipped: all candidates together need about" in capsys.readouterr().err


def test_everybody_can_be_held_to_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "NPY_DISABLE_CPU_FEATURES"):
        monkeypatch.setenv(name, "")
    begun: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, words: begun.append(words))
    hold_to_avx2()
    assert begun == [[sys.executable, *sys.orig_argv[1:]]]
    assert {name: os.environ[name] for name in VARIABLES} == VARIABLES
    # Started again, NumPy finds nothing beyond AVX2, and the program runs.
    held = subprocess.run(
        [sys.executable, "-c", "from bench.avx2 import hold_to_avx2 as hold; hold(); print('ran')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert held.stdout == "ran\n"
