"""The CUDA device: arrays in and out, contexts, facts; through a strict stand-in for CuPy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from gdnet.backends.cuda.backend import CudaBackend
from gdnet.errors import DeviceUnavailable
from tests.support.cuda_problems import on_fake


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> CudaBackend:
    return on_fake(monkeypatch)


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
    there: Any = CudaBackend(0).asarray(np.arange(3.0))
    here: Any = backend.asarray(there)
    assert (there.device.id, here.device.id) == (0, 1)
    np.testing.assert_array_equal(backend.to_numpy(here), [0, 1, 2])


def test_numpy_passes_out(backend: CudaBackend) -> None:
    np.testing.assert_array_equal(backend.to_numpy(np.arange(3.0)), [0, 1, 2])


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


def test_a_full_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=2**20)
    with pytest.raises(DeviceUnavailable, match="smaller block_size") as caught, backend.activate():
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
    array: Any = backend.asarray(np.zeros(1024, np.float32))
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
    assert backend.block_columns(10**9, *shape, itemsize) == columns
    assert max(shape[1:]) * columns < 2**31
