"""Ranks of real MPIs evaluate and predict: byte for byte what one process writes.

The MPI is that of the environment; `.ci/run` runs this with MPICH and with Open MPI.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.mpi_jobs import MPIEXEC, commands, gdnet, running, saved_rows, wait_for

pytest.importorskip("mpi4py")
pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MPIEXEC.exists(), reason="no MPI is installed in this environment"),
]

# `predict` takes 16384 at a time of these networks, and fewer of several outputs: each of three
# ranks has some.
ROWS = 33_001


def written_model(folder: Path) -> list[object]:
    """Save rows as .npy and Parquet, and a model of them; return data as `evaluate` takes it."""
    train = saved_rows(folder, ROWS)
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    columns = {f"x{j}": column for j, column in enumerate(X.T)} | {"y": y}
    parquet.write_table(pa.table(columns), folder / "t.parquet", row_group_size=300)
    of_table = ["train", "t.parquet", "--target", "y", *train[4:], "--block-size", 700]
    models = set()
    for count in (0, 3):
        done = gdnet(count, *of_table, "--quiet", cwd=folder)
        assert done.returncode == 0, done.stderr
        models.add((folder / "model.safetensors").read_bytes())
    assert len(models) == 1
    return ["t.parquet"]


def test_evaluate_and_predict_share_the_work(tmp_path: Path) -> None:
    of_table, model = written_model(tmp_path), "model.safetensors"
    work: list[list[object]] = [
        ["evaluate", model, *of_table, "--json", "--quiet"],
        ["evaluate", model, "X.npy", "--labels", "y.npy", "--json", "--quiet"],
        ["predict", model, "X.npy", "--proba", "--quiet"],
    ]
    outputs = {"p.csv": "t.parquet", "p.npy": "X.npy"}
    work += [["predict", model, rows, "--out", out] for out, rows in outputs.items()]
    made = set()
    for count in (0, 1, 2, 4):
        said = commands(count, work, cwd=tmp_path).stdout
        made.add((said, *((tmp_path / out).read_bytes() for out in outputs)))
    assert len(made) == 1
    assert len(said.splitlines()) == 2 + 1 + ROWS


def test_a_bad_row_of_one_rank_is_the_error_of_one_process(tmp_path: Path) -> None:
    written_model(tmp_path)
    X = np.load(tmp_path / "X.npy")
    X[-5, 1] = np.nan
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "p.csv").write_text("old")
    labels = ["--labels", "y.npy", "--quiet"]
    for words in (
        ["train", "X.npy", *labels, "--out", "other"],
        ["evaluate", "model.safetensors", "X.npy", *labels],
        ["predict", "model.safetensors", "X.npy", "--out", "p.csv", "--quiet"],
    ):
        alone = gdnet(0, *words, cwd=tmp_path)
        assert alone.returncode == 2
        done = gdnet(3, *words, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("gdnet: ") == 1
        assert alone.stderr.strip() in done.stderr
    assert (tmp_path / "p.csv").read_text() == "old"
    assert not (tmp_path / "other").exists()
    assert not list(tmp_path.glob(".gdnet*"))


@pytest.mark.parametrize("name", ["KILL", "STOP", "TERM"])
def test_a_prediction_that_is_ended_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    written_model(tmp_path)
    random = np.random.RandomState(1)
    np.save(tmp_path / "large.npy", random.uniform(-9, 9, (2_000_000, 4)).astype(np.float32))
    (tmp_path / "p.csv").write_text("old")
    predict = ["predict", "model.safetensors", "large.npy", "--proba", "--out", "p.csv"]
    process = running(3, *predict, "--quiet", "--mpi-timeout", 3, cwd=tmp_path)
    wait_for(tmp_path, ".gdnet-*.tmp")
    os.kill(int((tmp_path / "pid1").read_text()), getattr(signal, f"SIG{name}"))
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 15
    assert process.returncode != 0
    if name == "STOP":
        assert process.returncode == 75
        assert "has waited 3 seconds for another rank" in err
    assert (tmp_path / "p.csv").read_text() == "old"


TOWNS = ("Bonn", "Oslo", "Rome")
YEARS = (2024, 2025)


def write_folder(folder: Path, towns: tuple[str, ...]) -> None:
    """Write rows of every kind of target as Parquet, in folders named after the town and the year.

    In file 3 there is no name; the row groups are smaller than what is read at a time.
    """
    random = np.random.RandomState(0)
    for k in range(len(towns) * len(YEARS)):
        m = ROWS // 6 + k
        X = random.uniform(1, 9, (m, 4)).astype(np.float32)
        product = X[:, 0] * X[:, 1] + len(TOWNS) * k
        columns: dict[str, Any] = {f"x{j}": column for j, column in enumerate(X.T)}
        columns["id"] = np.arange(m) + 10**6 * k
        columns["name"] = pa.array([None if k == 3 else f'no "{i}", {k}' for i in range(m)])
        columns["size"] = pa.array(np.where(product > 25, "large", "small").tolist())
        columns |= {"a": (product > 25).astype(int), "b": (X[:, 2] > 5).astype(int)}
        columns |= {"p": product, "q": X[:, 3] - X[:, 1]}
        place = folder / f"town={towns[k % len(towns)]}" / f"year={YEARS[k % len(YEARS)]}"
        place.mkdir(parents=True)
        parquet.write_table(pa.table(columns), place / "part.parquet", row_group_size=3000)


def test_folders_of_parquet_several_targets_and_columns_to_keep(tmp_path: Path) -> None:
    write_folder(tmp_path / "sales", TOWNS)
    write_folder(tmp_path / "new", ("Bonn", "Kyiv", "Rome"))
    network = ["--hidden", 5, "--iterations", 15]
    # Text, that of a folder's name too, is encoded by one process.
    train = ["train", "sales", "--target", "size", "--ignore", "id,name,a,b,p,q", *network]
    commands(0, [[*train, "--out", "town"]], cwd=tmp_path)

    def made(count: int) -> tuple[str, list[str], dict[str, bytes]]:
        """Return what ranks write to stdout, say, and leave in files."""
        out = f"of-{count}"
        (tmp_path / out).mkdir()
        numbers = ["--target", "p,q", "--task", "regression"]
        targets = {
            "year": ["--target", "size", "--ignore", "id,name,town,a,b,p,q"],
            "labels": ["--target", "a,b", "--ignore", "id,name,town,size,p,q"],
            "numbers": [*numbers, "--ignore", "id,name,town,size,a,b"],
        }
        models = {name: f"{out}/{name}" for name in targets}
        work = [["train", "sales", *targets[k], *network, "--out", models[k]] for k in targets]
        models["town"] = "town"
        work += [["evaluate", model, "new", "--json"] for model in models.values()]
        for name, keep, form, way in (
            ("town", "id,name,town", "csv", ["--proba"]),
            ("year", "id,name,year", "parquet", []),
            ("labels", "id,name", "csv", []),
            ("labels", "name,id", "parquet", ["--proba"]),
            ("numbers", "id,name", "csv", []),
        ):
            predict = ["predict", models[name], "new", "--keep", keep, *way]
            work.append([*predict, "--out", f"{out}/{name}.{form}"])
        done = commands(count, work, cwd=tmp_path)
        said = [line for line in done.stderr.splitlines() if line.startswith("gdnet: ")]
        files = sorted((tmp_path / out).iterdir())
        return done.stdout, said, {file.name: file.read_bytes() for file in files}

    expected = made(0)
    stdout, said, files = expected
    assert stdout.count('{"') == 4
    assert any("values that training did not have" in line for line in said)
    assert files["town.csv"].startswith(b"id,name,town,probability_large,probability_small\n")
    assert parquet.read_schema(tmp_path / "of-0/labels.parquet").names == [
        *("name", "id", "probability_a", "probability_b"),
    ]
    for count in (2, 3):
        assert made(count) == expected
