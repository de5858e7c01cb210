"""The code for CUDA, through a strict stand-in for CuPy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Block
from gdnet.backends.cuda import CudaBackend
from gdnet.data.source import ArraySource
from gdnet.equations import update
from gdnet.errors import DeviceUnavailable
from gdnet.gradient import FullBatch
from gdnet.parameters import initialise
from tests.standins.fake_cupy import make_fake_cupy

# What the loader leaves free beside data: 8 work arrays of 256 MiB, and 10 % of the device.
HEADROOM = 2**31
N0, COLUMNS, COUNT = 5, 512, 6


def on_fake(monkeypatch: pytest.MonkeyPatch, index: int = 0, **settings: Any) -> CudaBackend:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(**settings))
    backend = CudaBackend(index)
    backend.xp.get_default_memory_pool().free_all_blocks()
    backend.xp.trace.clear()
    return backend


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> CudaBackend:
    return on_fake(monkeypatch)


class Host:
    """Blocks of random numbers on the host, and which of them have been read."""

    def __init__(self, *, dtype: Any = np.float32, order: Any = "F", weights: bool = False) -> None:
        rng = np.random.default_rng(7)
        m = COLUMNS * COUNT
        self.X = np.asarray(rng.standard_normal((N0, m)) * 9, dtype, order=order)
        self.labels = rng.integers(0, 3, (1, m)).astype(np.int8)
        self.weights = rng.random((1, m)) if weights else None
        for array in (self.X, self.labels):
            array.flags.writeable = False
        self.reads: list[int] = []

    def read(self, i: int) -> Block:
        self.reads.append(i)
        part = np.s_[:, i * COLUMNS : (i + 1) * COLUMNS]
        weights = None if self.weights is None else self.weights[part]
        return Block(self.X[part], self.labels[part], weights)

    def whole(self, i: int) -> Any:
        return self.X[:, i * COLUMNS : (i + 1) * COLUMNS]


BLOCK_BYTES = N0 * COLUMNS * 4 + COLUMNS  # X in float32, labels in int8


def memory_for(blocks: int) -> int:
    """Return a device's memory that has room for some blocks, and for streaming the others."""
    data = (blocks + 1) * BLOCK_BYTES
    # 10 % of it is spare, rounded down; the last byte makes up for the rounding.
    return (HEADROOM + data) * 10 // 9 + 1


def one_pass(backend: CudaBackend, load: Callable[[int], Block]) -> list[Any]:
    """Return a sum over X @ X' and the labels of each block, on the host."""
    xp, results = backend.xp, []
    with backend.activate():
        for i in range(COUNT):
            X, labels, _ = load(i)
            results.append(backend.to_numpy(X @ X.T + xp.sum(labels)))
            del X, labels
    return results


def test_the_name_and_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    assert backend.name == "cuda:1"
    assert backend.asynchronous
    assert backend.xp is sys.modules["cupy"]


# --- in and out


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "value", [3.0, np.float32(2), [1.0, 2.0], np.arange(6.0).reshape(2, 3), np.eye(3, order="F")]
)
def test_a_round_trip(monkeypatch: pytest.MonkeyPatch, index: int, value: Any) -> None:
    backend = on_fake(monkeypatch, index, devices=2)
    array = backend.asarray(value, np.float32)
    assert isinstance(array, backend.xp.ndarray)
    assert array.device.id == index
    assert array.dtype == np.float32
    back = backend.to_numpy(array)
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, np.asarray(value, np.float32))


def test_an_array_that_is_there_already_passes(backend: CudaBackend) -> None:
    array = backend.asarray(np.ones((2, 3), np.float32))
    assert backend.asarray(array) is array
    assert backend.asarray(array, np.float32) is array
    assert backend.asarray(array, np.float64).dtype == np.float64


def test_an_array_of_another_device_is_copied_here(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    there = CudaBackend(0).asarray(np.arange(3.0))
    here = backend.asarray(there)
    assert (there.device.id, here.device.id) == (0, 1)
    np.testing.assert_array_equal(backend.to_numpy(here), [0, 1, 2])


def test_numpy_passes_out(backend: CudaBackend) -> None:
    np.testing.assert_array_equal(backend.to_numpy(np.arange(3)), [0, 1, 2])


# --- the device


def test_arrays_are_made_on_the_active_device(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    with backend.activate():
        with backend.activate():
            pass
        assert backend.xp.ones(3).device.id == 1
    assert backend.xp.ones(3).device.id == 0


def test_contexts_of_two_devices_nest(monkeypatch: pytest.MonkeyPatch) -> None:
    second = on_fake(monkeypatch, 1, devices=2)
    first = CudaBackend(0)
    with second.activate():
        with first.activate():
            assert first.xp.ones(1).device.id == 0
        assert first.xp.ones(1).device.id == 1


def test_a_full_memory_is_told_as_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=2**20)
    with pytest.raises(DeviceUnavailable, match="smaller block size") as caught, backend.activate():
        backend.xp.empty(2**20)
    assert caught.value.reason == "no-memory"
    assert isinstance(caught.value.__cause__, MemoryError)


def test_other_errors_pass_through_the_context(backend: CudaBackend) -> None:
    with pytest.raises(KeyError), backend.activate():
        raise KeyError


def test_synchronize_waits_for_the_stream(backend: CudaBackend) -> None:
    backend.synchronize()
    assert backend.xp.trace.syncs == ["stream.synchronize"]


def test_memory(backend: CudaBackend) -> None:
    before = backend.memory()
    array = backend.asarray(np.zeros(1024, np.float32))
    assert (before.used, before.peak, before.total) == (0, None, 2**36)
    assert backend.memory().used == array.nbytes


def test_describe(backend: CudaBackend) -> None:
    assert backend.describe() == (
        "NVIDIA H200, compute capability 9.0, CuPy 14.2.0, CUDA driver 13.0, runtime 13.2"
    )


def test_tasks_run_once_each_in_order(backend: CudaBackend) -> None:
    done: list[int] = []
    backend.run(done.append, 5)
    assert done == [0, 1, 2, 3, 4]


# --- the width of a block


@pytest.mark.parametrize(
    ("shape", "itemsize", "columns"),
    [
        ((28, 128, 1), 4, 2**19),
        ((28, 128, 1), 8, 2**18),
        ((784, 256, 10), 4, 2**18),
        ((784, 2048, 10), 4, 2**15),
        ((2, 4, 1), 4, 2**24),
        ((2, 1, 100), 4, 2**26 // 100 // 4096 * 4096),
        ((10, 10**5, 1), 4, 4096),
        # n1 * columns stays below 2**31 even where that leaves less than 4096 columns.
        ((10, 2**20, 1), 4, 2047),
        # X, not n1, is what is wide: 4 * 2**26 numbers of X.
        ((4096, 4, 1), 4, 2**16),
    ],
)
def test_block_columns(
    backend: CudaBackend, shape: tuple[int, int, int], itemsize: int, columns: int
) -> None:
    assert backend.block_columns(*shape, itemsize) == columns
    assert max(shape[1:]) * columns < 2**31


# --- blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("stored", [np.float32, np.float64, np.int16, ">f4"])
def test_a_block_as_the_equations_need_it(
    backend: CudaBackend, stored: Any, order: str, dtype: Any
) -> None:
    host = Host(dtype=stored, order=order, weights=True)
    X, labels, weights = backend.loader(host.read, COUNT, dtype)(1)
    assert (X.shape, X.dtype, X.flags.f_contiguous) == ((N0, COLUMNS), dtype, True)
    assert (labels.shape, labels.dtype, labels.flags.c_contiguous) == ((1, COLUMNS), np.int8, True)
    assert (weights.shape, weights.dtype) == ((1, COLUMNS), dtype)
    np.testing.assert_array_equal(backend.to_numpy(X), host.whole(1).astype(dtype))
    np.testing.assert_array_equal(backend.to_numpy(labels), host.labels[:, COLUMNS : 2 * COLUMNS])
    assert host.weights is not None
    np.testing.assert_array_equal(
        backend.to_numpy(weights), host.weights[:, COLUMNS : 2 * COLUMNS].astype(dtype)
    )


def test_products_with_a_block_copy_nothing(backend: CudaBackend) -> None:
    X, _, _ = backend.loader(Host(order="C").read, COUNT, np.float32)(2)
    W1 = backend.asarray(np.ones((4, N0), np.float32))
    dZ1 = W1 @ X
    dW1 = dZ1 @ X.T
    assert dW1.shape == (4, N0)
    assert backend.xp.trace.hidden_copies == []


def test_labels_of_foreign_byte_order_become_native(backend: CudaBackend) -> None:
    labels = np.array([[0, 1, 2]], ">i2")
    load = backend.loader(lambda _: Block(np.ones((1, 3)), labels, None), 1, np.float32)
    on_device = load(0).labels
    assert on_device.dtype == np.dtype(np.int16)
    assert on_device.dtype.isnative
    np.testing.assert_array_equal(backend.to_numpy(on_device), [[0, 1, 2]])


def test_weights_may_be_missing(backend: CudaBackend) -> None:
    assert backend.loader(Host().read, COUNT, np.float32)(0).weights is None


def test_nothing_is_pinned_or_copied_as_a_whole(backend: CudaBackend) -> None:
    host = Host()
    backend.loader(host.read, COUNT, np.float32)(3)
    assert host.reads == [3]
    assert backend.xp.trace.pinned_bytes == 0
    assert backend.xp.trace.bytes_to_device == BLOCK_BYTES


def test_blocks_stay_on_the_device(backend: CudaBackend) -> None:
    host = Host()
    load = backend.loader(host.read, COUNT, np.float32)
    first = one_pass(backend, load)
    assert backend.xp.trace.bytes_to_device == COUNT * BLOCK_BYTES
    backend.xp.trace.clear()
    second = one_pass(backend, load)
    assert backend.xp.trace.bytes_to_device == 0
    assert host.reads == list(range(COUNT))
    np.testing.assert_array_equal(second, first)


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_blocks_beyond_the_memory_are_copied_in_every_pass(
    monkeypatch: pytest.MonkeyPatch, backend: CudaBackend, kept: int
) -> None:
    expected = one_pass(backend, backend.loader(Host().read, COUNT, np.float32))
    small = on_fake(monkeypatch, memory=memory_for(kept))
    host = Host()
    load = small.loader(host.read, COUNT, np.float32)
    for _ in range(2):
        small.xp.trace.clear()
        host.reads.clear()
        np.testing.assert_array_equal(one_pass(small, load), expected)
    assert host.reads == list(range(kept, COUNT))
    assert small.xp.trace.bytes_to_device == (COUNT - kept) * BLOCK_BYTES


def test_the_limit_of_the_pool_counts_as_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch)
    backend.xp.get_default_memory_pool().set_limit(memory_for(2))
    host = Host()
    load = backend.loader(host.read, COUNT, np.float32)
    one_pass(backend, load)
    host.reads.clear()
    one_pass(backend, load)
    assert host.reads == [2, 3, 4, 5]


def test_what_the_pool_caches_is_free_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=memory_for(COUNT))
    with backend.activate():
        backend.xp.empty(HEADROOM // 2, np.uint8)
    assert backend.xp.get_default_memory_pool().free_bytes() == HEADROOM // 2
    host = Host()
    load = backend.loader(host.read, COUNT, np.float32)
    one_pass(backend, load)
    one_pass(backend, load)
    assert host.reads == list(range(COUNT))


def test_memory_that_others_take_later_only_costs_copies(
    monkeypatch: pytest.MonkeyPatch, backend: CudaBackend
) -> None:
    expected = one_pass(backend, backend.loader(Host().read, COUNT, np.float32))
    tight = on_fake(monkeypatch)
    host = Host()
    load = tight.loader(host.read, COUNT, np.float32)
    # Room for three blocks and what the tests compute.
    tight.xp.get_default_memory_pool().set_limit(3 * BLOCK_BYTES + 4096)
    for _ in range(2):
        host.reads.clear()
        np.testing.assert_array_equal(one_pass(tight, load), expected)
    assert host.reads


def test_a_block_that_never_fits_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=BLOCK_BYTES // 2)
    load = backend.loader(Host().read, COUNT, np.float32)
    with pytest.raises(DeviceUnavailable, match="the memory of cuda:0 does not suffice"):
        one_pass(backend, load)


def test_blocks_are_loaded_to_the_device_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    assert backend.loader(Host().read, COUNT, np.float32)(0).X.device.id == 1


def test_training_costs_no_hidden_copies_promotions_or_waits(backend: CudaBackend) -> None:
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((N0, 1000)), rng.integers(0, 2, (1, 1000)).astype(np.int8)
    gradient = FullBatch(ArraySource(X, Y), backend, n1=4, block_columns=300)
    with backend.activate():
        parameters = gradient.place(initialise(N0, 4, 1, random_state=2))
        gradient(parameters)  # blocks become resident
        trace = backend.xp.trace
        trace.clear()
        gradients, J = gradient(parameters)
        update(parameters, gradients, 0.5)
    assert (trace.hidden_copies, trace.promotions, trace.syncs) == ([], [], [])
    assert trace.bytes_to_device == trace.bytes_to_host == 0
    assert J.dtype == gradients.dW1.dtype == np.float32
