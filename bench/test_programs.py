"""The programs that measure one thing each, on next to nothing: they run, and find what must be."""

from __future__ import annotations

import json
import math
import os
import sys
from importlib.util import find_spec
from multiprocessing import Pipe
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
    real_tables,
    regression,
    scale,
    time_to_cost,
    whole_command,
)
from bench.peers import MAKERS
from bench.table_list import TABLES, Table
from bench.to_cost import candidates, clock, tables
from bench.to_cost.serve import serve
from bench.worker import Failed

FEW = {name: MAKERS[name] for name in ("gdnet", "lecture's code")}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads or limits memory as on Linux")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.json"


def run(program: Any, monkeypatch: pytest.MonkeyPatch, out: Path, *options: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["program", "--json", str(out), *map(str, options)])
    program.main()
    return json.loads(out.read_text())


def test_scale_measures_every_curve_and_draws_it(
    monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scale, "POINT_SECONDS", 0)
    monkeypatch.setattr(scale, "WIDTHS", (4, 8))
    monkeypatch.setattr(scale, "BLOCKS", (2, 4))
    picture = tmp_path / "scale.png"
    found = run(scale, monkeypatch, out, "--rounds", 2, "--most-examples", 3000, "--plot", picture)
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


def test_scale_measures_one_curve(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    monkeypatch.setattr(scale, "POINT_SECONDS", 0)
    few = ("--rounds", 2, "--most-examples", 1000)
    found = run(scale, monkeypatch, out, *few, "--curve", "threads")
    assert found["curves"].keys() == {"threads, 2-16-1", "threads, 28-128-1"}


def test_threads_go_on_to_twice_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "usable_cpus", lambda: 12)
    assert scale.threads_to_try() == [1, 2, 4, 8, 12, 24]


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one core"
)
def test_no_more_cores_are_busy_than_there_are(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    monkeypatch.setattr(many_cores, "ROUNDS", 3)
    monkeypatch.setattr(many_cores, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(many_cores, "SHAPES", ((28, 128, 1),))
    monkeypatch.setattr(many_cores, "CORES", (8,))
    (result,) = run(many_cores, monkeypatch, out)["results"]
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
def test_memory_of_each_candidate(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    monkeypatch.setattr(memory, "MAKERS", FEW)
    peaks = run(memory, monkeypatch, out, "--m", 200_000)["peak_mib"]["200000"]
    assert 0 < peaks["gdnet"] < 32 < peaks["lecture's code"]


@on_linux
def test_a_file_larger_than_memory(
    monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path
) -> None:
    # The libraries alone take more address space than so small a file.
    few = ("--gigabytes", 0.05, "--limit", 40, "--rounds", 1, "--dir", tmp_path)
    found = run(larger_than_memory, monkeypatch, out, *few)
    assert found["different_results"] == 1
    assert found["seconds_an_iteration"].keys() == set(larger_than_memory.WAYS)


@on_linux
def test_whole_commands(monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    folder = tmp_path / "data"
    folder.mkdir()
    few = ("--m", 2000, "--rounds", 1, "--formats", "parquet", "--dir", folder)
    found = run(whole_command, monkeypatch, out, *few)
    for way in ("parquet, no limit", "parquet, 1 GiB"):
        assert found[way].keys() == {"train", "evaluate", "predict"}
        assert found[way]["train"]["storage"] == "memory"
        assert all(each["memory_mib"] > 5 for each in found[way].values())
        (phases,) = found[way]["train"]["phases"]
        assert all(seconds > 0 for seconds in phases.values())
    assert list(folder.iterdir()) == []


@on_linux
@pytest.mark.skipif(not find_spec("pandas"), reason="pandas is not installed")
def test_reading_and_encoding(monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path) -> None:
    from bench import encode

    few = ("--m", 3000, "--rounds", 1, "--other", Path.cwd(), "--dir", tmp_path)
    found = run(encode, monkeypatch, out, *few)
    readers = found["reading and encoding"]
    # Pandas has no feature for missing text.
    assert readers["gdnet"]["features"] == readers["pandas"]["features"] + 1
    for data in ("numbers", "mixed"):
        assert found[f"{data}, 1 GiB of address space"]["memory_mib"] > 5
    assert found["numbers alone, in turns"].keys() == {"this", "other"}


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn is not installed")
def test_predict_latency(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    from bench import predict_latency

    found = run(predict_latency, monkeypatch, out, "--rows", 1, 3, "--rounds", 4)["results"]
    assert len(found) == 12
    assert all(each["us"][1] > 0 for each in found)
    assert [each["ratio"] is None for each in found] == 4 * [False, False, True]


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn is not installed")
def test_time_to_cost_and_its_picture(
    monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "cost.png"
    # Adam of scikit-learn runs the code of its SGD.
    others = ("scikit-learn lbfgs", "scikit-learn sgd")
    names = [name for name in candidates.MAKERS if name.startswith("gdnet") or name in others]
    few = ("--quick", "--tables", "breast_cancer", "--rounds", 2, "--plot", picture)
    table = run(time_to_cost, monkeypatch, out, *few, "--only", *names)["tables"]["breast_cancer"]
    assert list(table["results"]) == names
    for result in table["results"].values():
        assert result["failed"] is None
        assert result["curve"] == sorted(result["curve"])
        for target, found in result["targets"].items():
            seconds = [each for each in found["all_seconds"] if each is not None]
            assert len(found["all_seconds"]) == 2
            assert len(seconds) == found["arrived"]
            assert all(each > 0 for each in (*seconds, found["setup_seconds"]))
            if seconds:
                assert found["there"][target]["high"] <= table["targets"][target]
                assert found["passes"]["low"] > 0
    for found in table["results"][candidates.REFERENCE]["targets"].values():
        assert not found["arrived"] or set(found["ratio"].values()) == {1}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_who_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(candidates.MAKERS, "other", "no_such_library:made")
    ours, theirs = Pipe()
    serve(theirs, "other", "breast_cancer", quick=True)
    assert ours.recv() == Failed("no_such_library is not installed")


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_a_run_ends_where_it_has_reached_both_targets() -> None:
    task = tables.load("breast_cancer", quick=True)
    targets = task.plan.targets
    timed = clock.Clock(clock.Judge(task), targets, dict.fromkeys(targets, math.inf))
    with pytest.raises(clock.Arrived):
        candidates.make(candidates.REFERENCE, task).run(task.start(0), {}, 0, timed)
    reached = [clock.first_below(timed.points, *target) for target in targets.items()]
    assert timed.points[-1] in reached
    assert all(point is not None and point.seconds > 0 for point in reached)


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn ships the table")
def test_the_judge_finds_the_log_loss_of_the_rows_held_out() -> None:
    from sklearn.metrics import log_loss

    task = tables.load("digits", quick=True)
    W1, b1, W2, b2 = start = task.start(0)
    Z2 = W2 @ np.tanh(W1 @ task.held_out.rows.T + b1) + b2
    probabilities = np.exp(Z2) / np.exp(Z2).sum(axis=0)
    expected = log_loss(task.held_out.labels, probabilities.T)
    assert clock.Judge(task)(start)[1] == pytest.approx(expected, rel=1e-5)


def test_lbfgs_passes(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    pytest.importorskip("scipy")
    monkeypatch.setattr(lbfgs_passes, "STARTS", 1)
    monkeypatch.setattr(lbfgs_passes, "MAX_ITERATIONS", 30)
    found = run(lbfgs_passes, monkeypatch, out)
    assert len(found["tasks"]) == 10
    for task in found["tasks"]:
        assert 0.2 < task["ratio"] < 5
        assert 1 <= task["passes_an_iteration"] < 3


def test_mlp_lbfgs(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    monkeypatch.setattr(mlp_lbfgs, "ROWS", 400)
    monkeypatch.setattr(mlp_lbfgs, "STARTS", 1)
    monkeypatch.setattr(mlp_lbfgs, "MAX_ITER", 15)
    found = run(mlp_lbfgs, monkeypatch, out)
    rounds = [each for name, each in found.items() if name != "environment"]
    assert len(rounds) >= 2
    assert all(each[0]["mlp"] > 0 and 0 < each[0]["cost"] < 1 for each in rounds)


def test_regression(
    monkeypatch: pytest.MonkeyPatch, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regression, "SPLITS", 2)
    monkeypatch.setattr(regression, "PENALTIES", (30.0,))
    monkeypatch.setattr(regression, "ITERATIONS", {"lbfgs": 20, "gd": 150})
    found = run(regression, monkeypatch, out, "--table", "diabetes")["results"]["diabetes"]
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


def test_evaluations_are_measured(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    monkeypatch.setattr(evaluation, "NETWORKS", ((3, 4, 3, "multiclass"), (3, 4, 2, "multilabel")))
    found = run(evaluation, monkeypatch, out, "--examples", 500, "--rounds", 2)
    for row in found["rows"]:
        assert {name: len(times) for name, times in row["seconds"].items()} == {
            "iteration": 2,
            "float32": 2,
            "float64": 2,
        }


def test_real_tables_are_tried(monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path) -> None:
    for module in ("pandas", "pyarrow", "sklearn"):
        pytest.importorskip(module)
    assert len(TABLES) == len({table.name for table in TABLES}) == 58
    random = np.random.RandomState(0)
    X = random.randn(80, 2)
    rows = [f"{a},{b},{'ny'[a > 0]},{a + b}" for a, b in X.tolist()]
    contents = {
        "named": ["a,b,y,z", *rows],
        "numbers": ["a,b,y,z", *rows],
        "nameless": rows,
        "no table": ["only text", *("word " * 3 for _ in range(9))],
    }
    tables = (
        Table("p", "d/named.csv", "y"),
        Table("p", "d/numbers.csv", "z", numbers=True),
        Table("p", "d/nameless.csv", 3, above=0),
        Table("p", "d/no table.csv", "y"),
    )
    paths = {table.name: tmp_path / Path(table.file).name for table in tables}
    for path in paths.values():
        path.write_text("\n".join(contents[path.stem]) + "\n")
    monkeypatch.setattr(real_tables, "TABLES", tables)
    monkeypatch.setattr(real_tables, "fetch", lambda folder: paths)
    report = tmp_path / "report.md"
    found = run(real_tables, monkeypatch, out, "--seeds", 2, "--markdown", report)["rows"]
    assert [row["outcome"] for row in found] == [
        "at once",
        "after one message",
        "after one message",
        "given up",
    ]
    assert found[1]["options"] == ["--task", "regression"]
    assert found[2]["options"] == ["--header", "no"]
    for row in found[:3]:
        assert row["test rows"] == 20
        assert [score["seed"] for score in row["scores"]] == [0, 1]
        for score in row["scores"]:
            assert score["gdnet"] > 0.7
            assert score["gdnet lbfgs"] > 0.7
            assert score["scikit-learn"] > 0.5
    page = report.read_text()
    assert "1 at once, 2 after one message, 1 given up" in page
    assert "| p/nameless.csv | after one message | `--header no` | 20 | accuracy |" in page
    assert "- p/no table.csv: " in page


def test_real_tables_go_on_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch, out: Path, tmp_path: Path
) -> None:
    for module in ("pandas", "sklearn"):
        pytest.importorskip(module)
    random = np.random.RandomState(0)
    rows = [f"{a},{b},{'ny'[a > 0]}" for a, b in random.randn(80, 2).tolist()]
    path = tmp_path / "d.csv"
    path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    table = Table("p", "d/d.csv", "y")
    monkeypatch.setattr(real_tables, "TABLES", (table,))
    monkeypatch.setattr(real_tables, "fetch", lambda folder: {table.name: path})
    first = run(real_tables, monkeypatch, out, "--seeds", 1)["rows"]
    first[0]["scores"][0]["gdnet"] = 0.123  # would be another if it were made again
    out.write_text(json.dumps(json.loads(out.read_text()) | {"rows": first}))
    (row,) = run(real_tables, monkeypatch, out, "--seeds", 2, "--resume", "--jobs", 2)["rows"]
    assert [score["seed"] for score in row["scores"]] == [0, 1]
    assert row["scores"][0]["gdnet"] == 0.123
    assert row["scores"][1]["gdnet"] > 0.7
