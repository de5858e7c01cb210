"""The programs that measure one thing each, on next to nothing: they run, and find what must be."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import (
    evaluation,
    larger_than_memory,
    lbfgs_passes,
    many_cores,
    memory,
    mlp_lbfgs,
    regression,
    scale,
    whole_command,
)
from bench.peers import MAKERS

FEW = {name: MAKERS[name] for name in ("gdnet", "lecture's code")}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads or limits memory as on Linux")


def test_scale_measures_every_curve_and_draws_it(
    monkeypatch: pytest.MonkeyPatch, run: Any, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scale, "POINT_SECONDS", 0)
    monkeypatch.setattr(scale, "WIDTHS", (4, 8))
    monkeypatch.setattr(scale, "BLOCKS", (2, 4))
    picture = tmp_path / "scale.png"
    found = run(scale, "--rounds", 2, "--most-examples", 3000, "--plot", picture)
    curves = found["curves"]
    assert {name.partition(",")[0] for name in curves} == set(scale.KINDS)
    assert [point["x"] for point in curves["m, 28-128-1"]] == [1000, 3000]
    assert [point["x"] for point in curves["block, 28-128-1"]] == [750, 1500]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_scale_measures_blocks_as_they_are_used() -> None:
    for point in scale.points(10**7, ["block"]):
        assert point.columns is not None
        assert point.columns * 4 % 4096
        assert -(-point.m // point.columns) % 2 == 0


def test_scale_measures_one_curve(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(scale, "POINT_SECONDS", 0)
    few = ("--rounds", 2, "--most-examples", 1000)
    found = run(scale, *few, "--curve", "threads")
    assert found["curves"].keys() == {"threads, 2-16-1", "threads, 28-128-1"}


def test_threads_go_on_to_twice_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "usable_cpus", lambda: 12)
    assert scale.threads_to_try() == [1, 2, 4, 8, 12, 24]


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one core"
)
def test_no_more_cores_are_busy_than_there_are(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(many_cores, "ROUNDS", 3)
    monkeypatch.setattr(many_cores, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(many_cores, "SHAPES", ((28, 128, 1),))
    monkeypatch.setattr(many_cores, "CORES", (8,))
    (result,) = run(many_cores)["results"]
    assert [each["crowd"] for each in result["crowds"]] == [1, 4]
    # A crowd that gets no turn in so short a time stands for no core: cores is then 1.
    assert all(each["cores"] >= 1 for each in result["crowds"])
    assert all(0 < each["busy"] <= each["cores"] for each in result["crowds"])
    assert 0 < result["python_ms"] < result["block_ms"]


def test_a_crowd_that_stands_for_more_has_narrower_blocks() -> None:
    def width(cores: int) -> int | None:
        return many_cores.width_for(cores, 7000, seconds=2.5e-3, python=0.04e-3)

    assert [width(2), width(8), width(32), width(64)] == [7000, 902, 115, None]


@on_linux
def test_memory_of_each_candidate(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(memory, "MAKERS", FEW)
    peaks = run(memory, "--m", 200_000)["peak_mib"]["200000"]
    assert 0 < peaks["gdnet"] < 32 < peaks["lecture's code"]


@on_linux
def test_a_file_larger_than_memory(run: Any, tmp_path: Path) -> None:
    # The libraries alone take more address space than so small a file.
    few = ("--gigabytes", 0.05, "--limit", 40, "--rounds", 1, "--dir", tmp_path)
    found = run(larger_than_memory, *few)
    assert found["different_results"] == 1
    assert found["seconds_an_iteration"].keys() == set(larger_than_memory.WAYS)


@on_linux
def test_whole_commands(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    folder = tmp_path / "data"
    folder.mkdir()
    few = ("--m", 2000, "--rounds", 1, "--formats", "parquet", "--dir", folder)
    found = run(whole_command, *few)
    for way in ("parquet, no limit", "parquet, 1 GiB"):
        assert found[way].keys() == {"train", "evaluate", "predict"}
        assert found[way]["train"]["storage"] == "memory"
        assert all(each["memory_mib"] > 5 for each in found[way].values())
        (phases,) = found[way]["train"]["phases"]
        assert all(seconds > 0 for seconds in phases.values())
    assert list(folder.iterdir()) == []


@on_linux
@pytest.mark.skipif(not find_spec("pandas"), reason="pandas is not installed")
def test_reading_and_encoding(run: Any, tmp_path: Path) -> None:
    from bench import encode

    few = ("--m", 3000, "--rounds", 1, "--other", Path.cwd(), "--dir", tmp_path)
    found = run(encode, *few)
    readers = found["reading and encoding"]
    # Pandas has no feature for missing text.
    assert readers["gdnet"]["features"] == readers["pandas"]["features"] + 1
    for data in ("numbers", "mixed"):
        assert found[f"{data}, 1 GiB of address space"]["memory_mib"] > 5
    assert found["numbers alone, in turns"].keys() == {"this", "other"}


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn is not installed")
def test_predict_latency(run: Any) -> None:
    from bench import predict_latency

    found = run(predict_latency, "--rows", 1, 3, "--rounds", 4)["results"]
    assert len(found) == 12
    assert all(each["us"][1] > 0 for each in found)
    assert [each["ratio"] is None for each in found] == 4 * [False, False, True]


def test_lbfgs_passes(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    pytest.importorskip("scipy")
    monkeypatch.setattr(lbfgs_passes, "STARTS", 1)
    monkeypatch.setattr(lbfgs_passes, "MAX_ITERATIONS", 30)
    found = run(lbfgs_passes)
    assert len(found["tasks"]) == 10
    for task in found["tasks"]:
        assert 0.2 < task["ratio"] < 5
        assert 1 <= task["passes_an_iteration"] < 3


def test_mlp_lbfgs(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(mlp_lbfgs, "ROWS", 400)
    monkeypatch.setattr(mlp_lbfgs, "STARTS", 1)
    monkeypatch.setattr(mlp_lbfgs, "MAX_ITER", 15)
    found = run(mlp_lbfgs)
    rounds = [each for name, each in found.items() if name != "environment"]
    assert len(rounds) >= 2
    assert all(each[0]["mlp"] > 0 and 0 < each[0]["cost"] < 1 for each in rounds)


def test_regression(
    monkeypatch: pytest.MonkeyPatch, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regression, "SPLITS", 2)
    monkeypatch.setattr(regression, "PENALTIES", (30.0,))
    monkeypatch.setattr(regression, "ITERATIONS", {"lbfgs": 20, "gd": 150})
    found = run(regression, "--table", "diabetes")["results"]["diabetes"]
    assert found.keys() == regression.CANDIDATES.keys()
    for name, splits in found.items():
        assert len(splits) == 2
        if name != "MLPRegressor adam":  # which needs more passes than there are here
            assert all(split["r2"] > 0.2 for split in splits), name
    assert "| diabetes | ridge |" in capsys.readouterr().out


def test_the_kept_comparison_of_predicted_numbers() -> None:
    for path in sorted((Path(regression.__file__).parent / "results").rglob("regression.json")):
        found = json.loads(path.read_text())
        assert path.with_suffix(".md").read_text() == regression.as_page(found)
        for table, of_table in found["results"].items():
            error = {
                name: np.median([split["rmse"] for split in splits])
                for name, splits in of_table.items()
            }
            assert error["gdnet lbfgs"] <= 1.01 * min(error.values()), table


def test_evaluations_are_measured(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(evaluation, "NETWORKS", ((3, 4, 3, "multiclass"), (3, 4, 2, "multilabel")))
    found = run(evaluation, "--examples", 500, "--rounds", 2)
    for row in found["rows"]:
        assert {name: len(times) for name, times in row["seconds"].items()} == {
            "iteration": 2,
            "float32": 2,
            "float64": 2,
        }
