"""A whole command: the summary of what failed late, and no temporary file, however it ends."""

from __future__ import annotations

import errno
import itertools
import math
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.cli.signals import Terminated
from gdnet.data import storage
from gdnet.data.source import RowSource
from gdnet.errors import DataError
from gdnet.model.file import load_model
from gdnet.objective.blocked import BlockedExamples
from gdnet.parameters import initialise
from gdnet.scores import evaluation, score_counts
from gdnet.scores.classification import ClassificationMetrics
from gdnet.training import pipeline
from tests.support.command import environment, here, train, unexpected, write_parquet

ITERATIONS = ["--iterations", 5, "--hidden", 3]
FAILURES = [
    (MemoryError(), 1, "not enough memory"),
    (DataError("d.npz: expected a file that stays as it is"), 2, "d.npz: expected a file that"),
    (OSError(errno.EIO, os.strerror(errno.EIO), "d.npz"), 1, "d.npz: Input/output error"),
    (KeyboardInterrupt(), 130, "interrupted; the model is in m"),
    (Terminated(), 143, "terminated; the model is in m"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.RandomState(0)
    X = random.randn(300, 3).astype(np.float32)
    np.savez(tmp_path / "d.npz", X=X, y=X[:, 0] * X[:, 1] > 0)
    np.savez(tmp_path / "three.npz", X=X, y=np.arange(300) % 3)
    np.savez(tmp_path / "labels.npz", X=X, y=(X[:, :2] > 0).astype(np.uint8))
    return tmp_path


# What fails after a training


@pytest.mark.parametrize(("error", "code", "said"), FAILURES, ids=lambda f: type(f).__name__)
def test_whatever_fails_after_the_training_leaves_its_summary(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    whole = train(folder, "d.npz", *ITERATIONS)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(pipeline, "evaluate", fail)
    arguments = ["train", "d.npz", *ITERATIONS, "--device", "cpu", "--out", "m"]
    done = here(*arguments, "--json", cwd=folder)
    assert (done.code, done.err.count("\n")) == (code, 1)
    assert said in done.err
    found = done.json
    assert found.keys() == whole.keys()
    assert found["not_evaluated"] in done.err
    for name in ("accuracy", "log_loss", "auc", "auc_error", "baseline", "confusion"):
        assert found[f"train_{name}"] is None
    for name in ("cost", "iterations", "model", "train_examples", "examples"):
        assert found[name] == whole[name], name
    assert load_model(folder / "m").training["iterations"] == 5

    done = here(*arguments, cwd=folder)
    assert done.code == code
    assert f"not evaluated: {found['not_evaluated']}\n" in done.out
    assert "model       m (replaced)\n" in done.out
    assert "accuracy" not in done.out


@pytest.mark.parametrize("data", ["d", "three", "labels"])
def test_what_was_evaluated_before_the_failure_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    arguments = [f"{data}.npz", *ITERATIONS, "--validation", 0.2]
    whole = train(folder, *arguments)
    made, evaluate = itertools.count(), evaluation.evaluate

    def fail_the_second_time(*of: Any) -> Any:
        if next(made) % 2:
            raise MemoryError
        return evaluate(*of)

    monkeypatch.setattr(pipeline, "evaluate", fail_the_second_time)
    done = here("train", *arguments, "--json", "--quiet", cwd=folder)
    assert done.code == 1
    assert done.json.keys() == whole.keys()
    for name, value in whole.items():
        if name.startswith("train_"):
            assert done.json[name] == value, name
        if name.startswith("validation_") and name != "validation_examples":
            assert done.json[name] is None, name
    assert done.json["validation_examples"] == 60
    text = here("train", *arguments, "--quiet", cwd=folder).out
    assert f"accuracy    {whole['train_accuracy']:.6f}\n" in text
    assert "not evaluated: not enough memory\n" in text


def test_a_model_that_cannot_be_saved_is_evaluated_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(folder, "d.npz", *ITERATIONS)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "n")

    monkeypatch.setattr("gdnet.model.file.save_model", full)
    arguments = ["train", "d.npz", *ITERATIONS, "--device", "cpu", "--out", "n"]
    done = here(*arguments, "--json", cwd=folder)
    assert (done.code, unexpected(done.err)) == (1, "gdnet: n: No space left on device\n")
    assert done.json["model"] is None
    assert done.json["train_log_loss"] == whole["train_log_loss"]
    # A run that diverges, too.
    done = here(*arguments, "--json", "--learning-rate", 1e30, cwd=folder)
    assert (done.code, unexpected(done.err)) == (1, "gdnet: n: No space left on device\n")
    assert (done.json["diverged"], done.json["model"]) == (True, None)


# Temporary files

OTHER_ENDS = [
    ("reading", signal.SIGINT),
    ("standardising", signal.SIGKILL),
    ("standardising", signal.SIGINT),
    ("evaluating", signal.SIGKILL),
    ("predicting", signal.SIGINT),
]

WITHOUT_MEMORY = """
import os, sys
from contextlib import contextmanager
from gdnet.descent import progress
from gdnet.cli.main import main
from gdnet.data import storage

storage.available_memory = lambda: 1000
number, where = int(sys.argv.pop(1)), sys.argv.pop(1)
shown = progress.ShownPhases.__call__

@contextmanager
def killed(self, name, total):
    with shown(self, name, total) as done:
        yield (lambda count: os.kill(os.getpid(), number)) if name == where else done

progress.ShownPhases.__call__ = killed
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("phase", "number"),
    [
        ("reading", signal.SIGKILL),
        ("evaluating", signal.SIGINT),
        ("predicting", signal.SIGKILL),
        *(pytest.param(*other, marks=pytest.mark.slow) for other in OTHER_ENDS),
    ],
)
def test_no_phase_leaves_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, number: int
) -> None:
    pytest.importorskip("pyarrow")
    random = np.random.RandomState(0)
    X = random.randn(500, 3).astype(np.float32)
    write_parquet(tmp_path / "d.parquet", X, X[:, 0] > 0, [*"abc", "y"])
    command = ["train", "d.parquet", "--target", "y", *ITERATIONS, "--out", "m"]
    if phase == "predicting":
        train(tmp_path, *command[1:-2])
        command = ["predict", "m", "d.parquet", "--out", "p.csv"]

    words = [sys.executable, "-c", WITHOUT_MEMORY, str(number), phase, *map(str, command)]
    done = subprocess.run(
        [*words, "--device", "cpu"], cwd=tmp_path, env=environment(), capture_output=True
    )
    assert done.returncode == (-9 if number == signal.SIGKILL else 130)
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    assert here(*command, "--device", "cpu", cwd=tmp_path).code == 0  # a restart
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"d.parquet", "m"} | ({"p.csv"} if phase == "predicting" else set())


# Memory and bits of an evaluation


def blocked(m: int, threads: int, kind: str = "binary") -> BlockedExamples:
    random = np.random.RandomState(0)
    X = random.randn(m, 2).astype(np.float32)
    classes = {"binary": None, "multiclass": 3}[kind]
    codes = (X[:, 0] > 0).astype(np.uint8) + (X[:, 1] > 1) * (classes == 3)
    return BlockedExamples(
        RowSource(X, codes.reshape(1, -1), n_classes=classes),
        get_backend("cpu", threads=threads),
        n1=2,
        output="sigmoid" if classes is None else "softmax",
        dtype="float64",
    )


@pytest.mark.parametrize("most_exact", [100, 10**6])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_evaluation_has_the_same_bits_for_any_number_of_threads_and_any_parts(
    monkeypatch: pytest.MonkeyPatch, kind: Any, most_exact: int
) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", most_exact)
    m = 60_000
    parameters = initialise(2, 2, 1 if kind == "binary" else 3, random_state=0, dtype="float64")
    expected = evaluation.evaluate(blocked(m, 1, kind), parameters, kind)
    assert bool(expected.auc_error) == (most_exact < m)
    for threads in (2, 3):
        found = evaluation.evaluate(blocked(m, threads, kind), parameters, kind)
        assert found._replace(confusion=None) == expected._replace(confusion=None)
        assert found.auc_error == expected.auc_error
        np.testing.assert_array_equal(found.confusion, expected.confusion)
    # As ranks have them: each some of the blocks, and their sum.
    parts = [ClassificationMetrics(kind) for _ in range(3)]
    whole = blocked(m, 1, kind)
    for i in range(len(whole.grid)):
        lo, hi = whole.grid.bounds(i)
        X, Y, _ = whole.examples(i)
        W1, b1, W2, b2 = parameters
        Z2 = W2 @ np.tanh(W1 @ X + b1) + b2
        parts[i % 3].add(whole.source.labels[:, lo:hi], Z2.T, float(Y.sum()))
    for other in parts[1:]:
        parts[0].merge(other)
    merged = parts[0].result()
    assert merged.examples == m
    assert merged.accuracy == pytest.approx(expected.accuracy, abs=1e-4)
    assert merged.confusion is not None
    assert merged.confusion.sum() == m
    if kind == "binary":
        assert merged.auc == pytest.approx(expected.auc, abs=1e-5)


def test_memory_of_an_evaluation_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_counts, "MAX_EXACT", 2**14)
    parameters = initialise(2, 2, 1, random_state=0, dtype="float32")

    def peak(m: int) -> int:
        data = blocked(m, 1)
        tracemalloc.start()
        found = evaluation.evaluate(data, parameters, "binary")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found.examples == m
        return most

    few, many = peak(2**19), peak(2**21)
    assert many < 64 * 2**20
    assert many - few < 2**21  # a byte for each example more would be 1.5 MiB, a score 12


def test_not_evaluated_is_not_a_number() -> None:
    source = blocked(3, 1, "binary").source
    assert math.isnan(evaluation.not_evaluated("binary", source).log_loss)  # type: ignore[union-attr]
    scores = evaluation.not_evaluated("regression", source)
    assert scores.examples == 3
    assert math.isnan(scores.rmse[0])  # type: ignore[union-attr]
