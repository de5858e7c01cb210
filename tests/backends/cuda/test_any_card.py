"""The bits of a gradient do not depend on how large the card is: not on its multiprocessors."""

from __future__ import annotations

import hashlib
import heapq
from typing import Any

import numpy as np
import pytest

from gdnet.backends.cuda import fused, sources
from gdnet.backends.cuda.fused import (
    MAX_MULTIPROCESSORS,
    PARTS_A_PLACE,
    fused_gradient,
    why_not_fused,
)
from gdnet.parameters import initialise
from tests.standins import emulation
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.cuda_gradients import full_batch, gradient_and_cost
from tests.support.cuda_problems import on_fake

pytestmark = pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")

# Of an H20, an A100, an H100 and H200, and of all that an H100's chip has.
CARDS = [78, 108, 132, 144]
# One that a thread holds, groups of 8 and of 64 threads; several outputs are for cublas_fused.
FUSED = [(2, 4, 1), (9, 16, 1), (5, 250, 1)]


def bits(batch: Any) -> str:
    """Return a hash of gradient, cost and of what a few steps make of the parameters."""
    n0, n1, n2 = batch.shape
    numbers = gradient_and_cost(batch)
    backend = batch.backend
    parameters = batch.place(initialise(n0, n1, n2, random_state=1))
    with backend.activate():
        alpha = backend.asarray(np.array(0.1), batch.dtype)
        for _ in range(2):
            J, parameters = batch.step(parameters, alpha)
            numbers += [backend.to_numpy(J), *map(backend.to_numpy, parameters)]
    return hashlib.sha256(b"".join(a.tobytes() for a in numbers)).hexdigest()


def one_hash(monkeypatch: pytest.MonkeyPatch, engine: str, case: Any, **settings: Any) -> None:
    found = set()
    for card in CARDS:
        backend = on_fake(monkeypatch, engine=engine, multiprocessors=card)
        properties = backend.xp.cuda.runtime.getDeviceProperties(0)
        assert properties["multiProcessorCount"] == card
        batch = full_batch(backend, case, **settings)
        assert batch.engine == engine
        found.add(bits(batch))
    assert len(found) == 1


# Fewer examples than a thread block takes at a time, a few parts of one step, and many of several,
# with a tail in each.
@pytest.mark.parametrize("m", [3, 301, pytest.param(9_001, marks=pytest.mark.slow)])
@pytest.mark.parametrize("output", ["sigmoid", "identity"])
@pytest.mark.parametrize("shape", FUSED)
def test_the_fused_kernels(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], output: str, m: int
) -> None:
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 3)  # and so few parts
    one_hash(monkeypatch, "fused", (*shape, output, m), weighted=m > 301)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "case",
    [
        (5, 33, 1, "sigmoid", 4_201),
        (5, 33, 1, "identity", 301),
        (5, 33, 3, "softmax", 4_201),
        (5, 33, 3, "identity", 301),
        (5, 33, 3, "sigmoid", 3),
    ],
)
def test_what_lies_between_the_products_of_cublas(
    monkeypatch: pytest.MonkeyPatch, case: Any, dtype: str
) -> None:
    one_hash(monkeypatch, "cublas_fused", case, dtype=dtype, weighted=case[4] > 301)


def test_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 3)
    one_hash(monkeypatch, "fused", (9, 16, 1, "sigmoid", 5_000), block_columns=1_700)


# --- the parts of a block


def first_steps(parts: int, steps: int) -> Any:
    """Return where parts begin, as the kernels say it, and where the last one ends."""
    code = """
extern "C" __global__ void all_first_steps(Index parts, Index steps, Index* found) {
  for (Index p = threadIdx.x; p <= parts; p += 32) found[p] = first_step(p, parts, steps);
}
"""
    common = sources.source("packed.cu").partition("// What is done to arrays")[0]
    run = emulation.compiled(common + code, ())["all_first_steps"]
    found = np.zeros(parts + 1, np.int64)
    run((1,), (32,), [np.int64(parts), np.int64(steps), found.ctypes.data], 1)
    return found


@pytest.mark.parametrize("parts", [1, 2, 7, 1152, 3456])
def test_parts_are_all_steps_and_ever_shorter(parts: int) -> None:
    # The last is of 2^35 examples of register_resident.cu, whose products 64 bits still hold.
    for steps in (1, parts, parts + 1, 2 * parts - 1, 5 * parts + 3, 40_000, 2**27):
        if steps < parts:
            continue
        begins = first_steps(parts, steps)
        assert (begins[0], begins[-1]) == (0, steps)
        sizes = np.diff(begins)
        assert sizes.min() >= 1
        assert sizes.max() <= 3 * steps / parts + 1
        assert np.diff(sizes).max(initial=0) <= 1  # by rounding down


def busy(multiprocessors: int, resident: int, steps: int) -> float:
    """Return the part of the time for which places are busy, that take the parts in their order."""
    places = [0] * (multiprocessors * resident)
    parts = min(PARTS_A_PLACE * MAX_MULTIPROCESSORS * resident, steps)
    for size in np.diff(first_steps(parts, steps)).tolist():
        heapq.heapreplace(places, places[0] + size)
    return sum(places) / len(places) / max(places)


@pytest.mark.parametrize("multiprocessors", [*CARDS, 40, 114, 148, 170, MAX_MULTIPROCESSORS])
def test_cards_of_every_size_are_kept_busy(multiprocessors: int) -> None:
    # The widest blocks of 28-128-1 and of 2-4-1.
    for resident, steps in ((2, 16_384), (3, 65_536)):
        assert busy(multiprocessors, resident, steps) > 0.96


def test_the_sums_of_parts_take_little_memory() -> None:
    cupy, largest = make_fake_cupy(), 0
    for n0 in range(1, 129):
        for n1 in (*range(1, 64), *range(64, 2049, 32)):
            if why_not_fused("tanh", "sigmoid", (n0, n1, 1), np.float32) is None:
                gradient = fused_gradient(cupy, "tanh", "sigmoid", (n0, n1, 1))
                size = n1 * n0 + 2 * n1 + 2
                largest = max(largest, gradient.parts(2**40) * size * 4)
    assert largest < 80e6  # as docs/gpu.md says
