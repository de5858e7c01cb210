"""Training as a whole: the issue's figures on flights, and the same bits from every source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet
from gdnet.data.files import read_table
from gdnet.data.table import Table
from gdnet.errors import DataError
from gdnet.scores.classification import Evaluation
from gdnet.training.options import Settings
from gdnet.training.table import Training
from gdnet.training.trained import Trained
from tests.support.checkout import ROOT
from tests.support.command import Rows, environment
from tests.support.command import gdnet as command

M, N0 = 700, 4


def run(table: Table, *, validation: Table | None = None, **settings: Any) -> Trained:
    chosen = Settings(**({"hidden": 6, "iterations": 20} | settings))
    return Training(table, chosen, gdnet.get_backend("cpu", threads=2), validation).run()


def scores_of(trained: Trained) -> Evaluation:
    assert isinstance(trained.train, Evaluation)
    return trained.train


def table(X: Rows, target: Rows, *, owned: bool = False) -> Table:
    return Table(X, target, None, None, "a table", owned)


@pytest.fixture
def X() -> Rows:
    rows = np.random.RandomState(0).randn(M, N0) * [1, 50, 0.1, 3] + [0, 7, 10, -2]
    rows.flags.writeable = False
    return rows


@pytest.fixture
def y(X: Rows) -> Rows:
    return (X[:, 0] * 10 + X[:, 1] > 5).astype(np.int64)


# Flights


FLIGHTS = {"hidden": 16, "iterations": 5, "learning_rate": 2.0, "validation_fraction": 0.2}

MEMORY = """
import gc, json, sys
from pathlib import Path
import gdnet
from gdnet.data.builtin import load_builtin
from gdnet.training.options import Settings
from gdnet.training.table import Training

def mebibytes(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024

table = load_builtin("flights", "float32")
gc.collect()
held = mebibytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
settings = Settings(**json.loads(sys.argv[1]))
Training(table, settings, gdnet.get_backend("cpu", threads=4)).run()
print(json.dumps({"data": table.X.nbytes / 2**20, "more": mebibytes("VmHWM") - held}))
"""


def test_flights_are_predicted(tmp_path: Path) -> None:
    options = ["--validation", 0.2, "--iterations", 50, "--hidden", 16, "--learning-rate", 2]
    done = command(
        "train", "flights", *options, "--device", "cpu", "--json", "--quiet", cwd=tmp_path
    )
    assert (done.code, done.err) == (0, "")
    assert done.json["validation_auc"] >= 0.65
    assert done.json["examples"] + done.json["validation_examples"] == 327_346


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's /proc")
def test_flights_take_little_more_memory_than_the_data() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, json.dumps(FLIGHTS)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    memory = json.loads(done.stdout)
    assert memory["data"] > 40
    assert 0 < memory["more"] <= 100


# The same bits, wherever the data are


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("trained_in", ["float32", "float64"])
@pytest.mark.parametrize("stored_as", ["float32", "float64", "int16", ">f4"])
def test_mapped_file_gives_the_bits_of_an_archive(
    tmp_path: Path, X: Rows, y: Rows, stored_as: str, trained_in: str, standardize: bool
) -> None:
    rows = (X * 100).astype(stored_as)
    np.save(tmp_path / "c.npy", rows)
    np.save(tmp_path / "f.npy", np.asfortranarray(rows))
    np.savez(tmp_path / "d.npz", X=rows, y=y)
    np.save(tmp_path / "y.npy", y)
    settings: dict[str, Any] = {
        "dtype": trained_in,
        "standardize": standardize,
        "block_size": 64,
    }
    for fraction in (None, 0.25):
        trained = []
        for name, labels in (("d.npz", None), ("c.npy", "y.npy"), ("f.npy", "y.npy")):
            path = None if labels is None else tmp_path / labels
            data = read_table(tmp_path / name, target=None, labels=path, dtype=trained_in)
            trained.append(run(data, **settings, validation_fraction=fraction))
        first, *others = trained
        for other in others:
            for one, two in zip(first.model.parameters, other.model.parameters, strict=True):
                assert one.tobytes() == two.tobytes()
            np.testing.assert_array_equal(first.run.costs, other.run.costs)
            assert scores_of(first).log_loss == scores_of(other).log_loss


def test_rows_of_others_are_not_written_to(X: Rows, y: Rows) -> None:
    before = X.copy()
    run(table(X, y), dtype="float64", validation_fraction=0.25)
    np.testing.assert_array_equal(X, before)
    mine = X.copy()
    run(table(mine, y, owned=True), dtype="float64", validation_fraction=0.25)
    assert (mine != before).any()


# Validation, kinds, mistakes


def test_validation_rows_are_no_training_rows(X: Rows, y: Rows) -> None:
    trained = run(table(X, y), validation_fraction=0.3)
    assert trained.validation is not None
    assert (trained.train.examples, trained.validation.examples) == (490, 210)
    own = run(table(X, y), validation=table(X[:100], y[:100]), iterations=20)
    assert own.validation is not None
    assert (own.train.examples, own.validation.examples) == (M, 100)
    assert own.run.validation_costs is not None
    # What is given to validate on changes nothing else.
    np.testing.assert_array_equal(own.run.costs, run(table(X, y)).run.costs)


def test_several_labels_a_row(X: Rows, y: Rows) -> None:
    Y = np.column_stack([y, X[:, 3] > -2])
    trained = run(table(X, Y), validation=table(X[:100], Y[:100]), iterations=200)
    assert trained.model.classes is None
    assert trained.model.shape == (N0, 6, 2)
    assert scores_of(trained).accuracy > 0.8
    assert trained.validation is not None
    assert scores_of(trained).confusion is None
    with pytest.raises(DataError, match=r"expected labels of shape \(m, 2\), got \(700, 3\)"):
        run(table(X, Y), validation=table(X, np.column_stack([Y, y])))


def test_validation_of_another_width(X: Rows, y: Rows) -> None:
    with pytest.raises(DataError, match="expected 4 features as in a table, got 3"):
        run(table(X, y), validation=table(X[:, :3], y))


def test_an_only_example_of_a_class_is_trained_on(X: Rows) -> None:
    y = np.zeros(M, int)
    y[5], y[6] = 1, 2
    for seed in range(8):
        trained = run(table(X, y), class_weight="balanced", validation_fraction=0.5, seed=seed)
        confusion = scores_of(trained).confusion
        assert confusion is not None
        assert confusion.sum(axis=1)[1:].tolist() == [1, 1]


def test_feature_that_is_too_large(X: Rows, y: Rows) -> None:
    large = X.copy()
    large[:, 2] *= 1e300
    with pytest.raises(DataError, match=r"feature 2 .* is too large to be standardised"):
        run(table(large, y), dtype="float64")


def test_points_of_a_picture_are_raw(X: Rows, y: Rows) -> None:
    two = np.ascontiguousarray(X[:, :2])
    training = Training(table(two.copy(), y, owned=True), Settings(), gdnet.get_backend("cpu"))
    assert training.points is not None
    np.testing.assert_array_equal(training.points[0], two)
    np.testing.assert_array_equal(training.points[1], y)
    assert Training(table(X, y), Settings(), gdnet.get_backend("cpu")).points is None
