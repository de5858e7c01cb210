"""Every barrier of the kernels is needed, and one that were missing would not go unnoticed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.backends.cuda import fused, sources
from gdnet.parameters import initialise
from tests.standins import emulation
from tests.support.cuda_gradients import full_batch, gradient_and_cost
from tests.support.cuda_problems import on_fake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing"),
]

CALL = re.compile(r"^( *(?:if \([^)]*\) )?)(__syncthreads|group_barrier)\(\);", re.MULTILINE)

BARRIERS = [
    pytest.param(path.name, n, id=f"{path.name}:{text.count(chr(10), 0, found.start()) + 1}")
    for path in sorted([*sources.KERNELS.glob("*.cu"), sources.KERNELS / "common.cuh"])
    for text in [path.read_text()]
    for n, found in enumerate(CALL.finditer(text))
    # What group_barrier is made of: it is one itself.
    if not found[1].strip()
]
# Groups of 8 and of 160 threads, a network that one thread holds, and the kernels of cublas_fused
# for one output and for several; of each enough blocks for all orders of their threads.
PROBLEMS = [
    ("fused", (12, 8, 1, "sigmoid", 3000)),
    ("fused", (5, 600, 1, "sigmoid", 500)),
    ("fused", (2, 4, 1, "sigmoid", 9000)),
    ("fused", (2, 4, 1, "sigmoid", 600)),
    ("cublas_fused", (5, 40, 1, "sigmoid", 4200)),
    ("cublas_fused", (5, 40, 3, "sigmoid", 600)),
]
STEPS = 8


def numbers(backend: Any, case: Any) -> list[Any]:
    """Return gradient and cost, and what a few steps make of the parameters."""
    n0, n1, n2 = case[:3]
    batch = full_batch(backend, case)
    parameters = batch.place(initialise(n0, n1, n2, random_state=1))
    with backend.activate():
        alpha = backend.asarray(np.float32(0.1))
        if batch.descends:
            _, parameters = batch.descend(parameters, alpha, STEPS)
        else:
            for _ in range(STEPS):
                _, parameters = batch.step(parameters, alpha)
        after = [backend.to_numpy(p) for p in parameters]
    return [*gradient_and_cost(batch), *after]


def some_are_wrong(monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 1)  # parts of several steps
    for engine, case in PROBLEMS:
        backend = on_fake(monkeypatch)
        backend.engine = engine
        try:
            got = numbers(backend, case)
        except RuntimeError:  # threads that wait for ever
            return True
        expected = numbers(get_backend("cpu"), case)
        close = all(
            np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(got, expected, strict=True)
        )
        if not close:
            return True
    return False


def test_all_barriers_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(BARRIERS) > 10
    assert not some_are_wrong(monkeypatch)


@pytest.mark.parametrize(("name", "n"), BARRIERS)
def test_a_barrier_less_is_wrong(monkeypatch: pytest.MonkeyPatch, name: str, n: int) -> None:
    text = (sources.KERNELS / name).read_text()
    barrier = list(CALL.finditer(text))[n]
    without = text[: barrier.start()] + text[barrier.end() :]
    source = sources.source
    monkeypatch.setattr(sources, "source", lambda kernels: source(kernels).replace(text, without))
    assert some_are_wrong(monkeypatch)
