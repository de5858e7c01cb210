"""When the memory of a made-up GPU is short: fewer blocks stay, the numbers are the same."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Block
from gdnet.backends.cuda import backend as cuda
from gdnet.backends.cuda import memory, staging
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.blocks import BlockGrid
from gdnet.data.source import ArraySource
from gdnet.data.table import Table
from gdnet.errors import DeviceUnavailable
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.support.cuda_problems import (
    BLOCK_BYTES,
    COUNT,
    GRID,
    SHAPE,
    Host,
    memory_for,
    on_fake,
    one_pass,
)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> CudaBackend:
    monkeypatch.setattr(staging, "PIECE_BYTES", 4096)
    return on_fake(monkeypatch)


def loaded_blocks(backend: CudaBackend, passes: int = 2) -> tuple[list[Any], Any]:
    load = backend.loader(Host().read, GRID, np.float32, SHAPE)
    results = [one_pass(backend, load) for _ in range(passes)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    assert backend.xp.trace.hazards == []
    return results[0], load.__self__  # type: ignore[attr-defined]


def test_what_fits_stays(monkeypatch: pytest.MonkeyPatch, backend: CudaBackend) -> None:
    expected, _ = loaded_blocks(backend)
    for capacity in (memory_for(COUNT), memory_for(COUNT) // 2):
        result, loader = loaded_blocks(on_fake(monkeypatch, memory=capacity))
        np.testing.assert_array_equal(result, expected)
        assert (len(loader._resident) == COUNT) == (capacity == memory_for(COUNT))


def test_the_limit_of_the_pool_counts_as_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch)
    backend.xp.get_default_memory_pool().set_limit(memory_for(3 + 2))
    _, loader = loaded_blocks(backend)
    assert len(loader._resident) == 2


def test_what_the_pool_caches_is_free_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=memory_for(COUNT))
    with backend.activate():
        backend.xp.empty(memory_for(COUNT) // 2, np.uint8)
    assert backend.xp.get_default_memory_pool().free_bytes() > 0
    _, loader = loaded_blocks(backend)
    assert len(loader._resident) == COUNT


def test_the_memory_left_free_follows_the_shapes(backend: CudaBackend) -> None:
    free = [memory.bytes_for_data(backend.xp, backend.device(), nbytes) for nbytes in (0, 1000)]
    assert free[0] - free[1] == 8000


@pytest.mark.parametrize("room", [1.2, 2.5, 3.5, 6.0])
def test_memory_that_others_take_later_only_costs_copies(
    monkeypatch: pytest.MonkeyPatch,
    backend: CudaBackend,
    room: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected, _ = loaded_blocks(backend)
    tight = on_fake(monkeypatch)
    load = tight.loader(Host().read, GRID, np.float32, SHAPE)
    np.testing.assert_array_equal(one_pass(tight, load), expected)
    caplog.set_level(logging.INFO)
    # All blocks are there; now there is room for some and for what the tests compute.
    tight.xp.get_default_memory_pool().set_limit(int(room * BLOCK_BYTES) + 8192)
    tight.free_cached_memory()
    for _ in range(3):
        np.testing.assert_array_equal(one_pass(tight, load), expected)
    assert tight.xp.trace.hazards == []
    assert [r.getMessage() for r in caplog.records] == [
        "cuda:0 is short of memory: fewer blocks stay there, the others are copied in every pass"
    ]


def test_it_is_said_in_one_line_what_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    loaded_blocks(on_fake(monkeypatch, memory=memory_for(3 + 5)))
    assert [r.getMessage() for r in caplog.records] == [
        "cuda:0 has memory for 5 of 12 blocks; the others are copied in every pass"
    ]


@pytest.mark.parametrize("count", [1, COUNT])
def test_a_block_that_never_fits_is_an_error_that_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    backend = on_fake(monkeypatch, memory=BLOCK_BYTES // 2)
    columns = -(-GRID.m // count)
    load = backend.loader(Host().read, BlockGrid(GRID.m, columns), np.float32, SHAPE)
    with (
        pytest.raises(DeviceUnavailable, match="a smaller block_size") as caught,
        backend.activate(),
    ):
        backend.run(lambda i: load(i) and None, count)
    assert caught.value.reason == "no-memory"


def test_a_gradient_has_the_same_bits_in_any_amount_of_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    m = 6000
    source = ArraySource(rng.standard_normal((6, m), np.float32), rng.integers(0, 2, (1, m)))
    start = initialise(6, 8, 1, random_state=2, dtype=np.float32)
    bits = set()
    resident = set()
    for limit in (0, 270_000, 240_000, 120_000, 90_000):
        backend = on_fake(monkeypatch)
        backend.xp.get_default_memory_pool().set_limit(limit)
        monkeypatch.setattr(memory, "SPARE_BYTES", 0)
        gradient = FullBatch(source, backend, n1=8, block_columns=500)
        with backend.activate():
            for _ in range(3):
                J, gradients = gradient.value_and_gradient(gradient.place(start))
                bits.add(b"".join(backend.to_numpy(a).tobytes() for a in (*gradients, J)))
            resident.add(len(gradient._load.__self__._resident))  # type: ignore[attr-defined]
        assert backend.xp.trace.hazards == []
    assert len(bits) == 1
    assert {0, 12} < resident  # none, all, and something between


def test_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch)
    rng = np.random.default_rng(3)
    source = ArraySource(rng.standard_normal((6, 3000)), rng.integers(0, 2, (1, 3000)))
    for columns in (500, 3000):
        gradient = FullBatch(source, backend, n1=8, block_columns=columns)
        with backend.activate():
            start = gradient.place(initialise(6, 8, 1, random_state=2))
            gradient.value_and_gradient(start)
            del start
        pool = backend.xp.get_default_memory_pool()
        assert pool.used_bytes() > 6 * 3000 * 4
        gradient.release()
        assert pool.used_bytes() < 2000
        assert pool.free_bytes() == 0
        assert backend.xp.trace.pinned == {}


def test_a_source_read_by_block_is_read_once_for_resident_blocks(backend: CudaBackend) -> None:
    host = Host()
    load = backend.loader(host.read, GRID, np.float32, SHAPE)
    one_pass(backend, load)
    examples = sorted(host.reads)
    assert examples[0] == (0, 1)  # a look at the types
    covered = [b for a, b in examples[1:]]
    assert sum(b - a for a, b in examples[1:]) == GRID.m == max(covered)


# Of data that stay on the device, and of data that do not.
IN_A_HURRY = [(6_000, None, False), (18_000, 0.3, True)]


@pytest.mark.parametrize(
    ("m", "fraction", "standardize"),
    [
        pytest.param(*case, marks=() if case in IN_A_HURRY else pytest.mark.slow)
        for case in itertools.product([6_000, 18_000, 37_000], [None, 0.3], [False, True])
    ],
)
def test_data_of_any_size_are_trained_on_and_evaluated(
    monkeypatch: pytest.MonkeyPatch, m: int, fraction: float | None, standardize: bool
) -> None:
    # A GPU of 16 GiB and data of 6 to 36 GiB, all made 8192 times smaller.
    monkeypatch.setattr(cuda, "WORK_ARRAY_BYTES", 2**28 // 8192)
    monkeypatch.setattr(cuda, "COLUMNS_MULTIPLE", 64)
    monkeypatch.setattr(memory, "SPARE_BYTES", 2**30 // 8192)
    monkeypatch.setattr(staging, "PIECE_BYTES", 2**14)
    backend = on_fake(monkeypatch, engine="reference", memory=2**21)
    rows = np.random.RandomState(0).randn(m, 32).astype(np.float32)
    table = Table(
        X=rows,
        target=(rows[:, 0] > 0).astype(np.uint8),
        feature_names=None,
        target_name=None,
        name="x",
        owned=True,
    )
    settings = Settings(iterations=2, standardize=standardize, validation_fraction=fraction)
    trained = Training(table, settings, backend).run()
    assert trained.run.iterations == 2
    assert trained.train.examples == m - (0 if fraction is None else round(fraction * m))
    assert backend.xp.trace.hazards == []


def test_errors_of_reading_are_no_lack_of_memory(backend: CudaBackend) -> None:
    def read(*_: int) -> Block[Any]:
        raise OSError(5, "Input/output error")

    load = backend.loader(read, GRID, np.float32, SHAPE)
    with pytest.raises(OSError, match="Input/output error"), backend.activate():
        load(0)
