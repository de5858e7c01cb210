"""Trainings at the same time in one process are right and independent."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise

KINDS: tuple[dict[str, Any], ...] = (
    {"n1": 5, "dtype": "float64", "block_columns": 60, "activation": "tanh"},
    {"n1": 9, "dtype": "float32", "block_columns": 50, "activation": "relu"},
    {"n1": 3, "dtype": "float64", "block_columns": 1000, "activation": "gelu"},
)


def trained(number: int, backend: Backend, checkpoint: Checkpoint | None = None) -> DescentResult:
    kind = KINDS[number % len(KINDS)]
    random = np.random.RandomState(number)
    X = random.randn(4 + number, 500)
    gradient = FullBatch(ArraySource(X, (X[:1] > 0).astype(int)), backend, **kind)
    start = initialise(len(X), kind["n1"], 1, random_state=number)
    callbacks = [] if checkpoint is None else [checkpoint]
    return descend(gradient, start, learning_rate=0.3, iterations=60, callbacks=callbacks)


@pytest.mark.parametrize("shared", [True, False])
def test_trainings_in_threads_have_the_bits_of_trainings_alone(
    tmp_path: Path, shared: bool
) -> None:
    alone = [trained(i, get_backend("cpu", threads=2)) for i in range(6)]
    common = get_backend("cpu", threads=2)
    together: dict[int, DescentResult] = {}
    begin = threading.Barrier(6)

    def work(i: int) -> None:
        backend = common if shared else get_backend("cpu", threads=2)
        begin.wait()
        with Checkpoint(tmp_path / str(i), every=7) as checkpoint:
            together[i] = trained(i, backend, checkpoint)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(together) == list(range(6))
    for i, run in together.items():
        np.testing.assert_array_equal(run.costs, alone[i].costs)
        for one, other in zip(run.parameters, alone[i].parameters, strict=True):
            np.testing.assert_array_equal(one, other)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [""] * 6 + [".previous"] * 6


def test_a_failing_training_does_not_disturb_another() -> None:
    backend = get_backend("cpu", threads=2)
    alone = trained(0, backend)
    failed: list[BaseException] = []
    stop = threading.Event()

    def fail_again_and_again() -> None:
        while not stop.is_set():
            try:
                with np.errstate(all="ignore"):
                    gradient = FullBatch(
                        ArraySource(np.ones((2, 300)), np.arange(300).reshape(1, -1) % 2),
                        backend, n1=2, activation="identity", block_columns=50,
                    )  # fmt: skip
                    start = initialise(2, 2, 1, random_state=0)
                    descend(gradient, start, learning_rate=1e9, iterations=5)
            except ArithmeticError as error:
                failed.append(error)

    thread = threading.Thread(target=fail_again_and_again)
    thread.start()
    runs = [trained(0, backend) for _ in range(5)]
    stop.set()
    thread.join(timeout=60)
    assert failed
    for run in runs:
        np.testing.assert_array_equal(run.costs, alone.costs)
