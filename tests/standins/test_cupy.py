"""The stand-in for CuPy is as strict as CuPy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gdnet.backends.cuda.backend import CudaBackend
from tests.standins.fake_cupy import make_fake_cupy


def on_fake(monkeypatch: pytest.MonkeyPatch, index: int = 0, **settings: Any) -> CudaBackend:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(**settings))
    backend = CudaBackend(index)
    backend.xp.get_default_memory_pool().free_all_blocks()
    backend.xp.trace.clear()
    return backend


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> CudaBackend:
    return on_fake(monkeypatch)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, xp: np.asarray(x),
        lambda x, xp: np.tanh(x),
        lambda x, xp: np.sum(x),
        lambda x, xp: x + np.ones(3),
        lambda x, xp: np.ones(3) + x,
        lambda x, xp: xp.add(x, [1, 2, 3]),
        lambda x, xp: xp.tanh(np.ones(3)),
        lambda x, xp: xp.sum(np.ones(3)),
        lambda x, xp: xp.exp(x, where=x > 0),
        lambda x, xp: xp.sum(x, initial=0),
        lambda x, xp: x @ np.ones(3),
        lambda x, xp: xp.add(x, 1, out=np.ones(3)),
        lambda x, xp: xp.add(xp.arange(3), x, out=xp.arange(3)),
        lambda x, xp: xp.stack([np.ones(3)]),
        lambda x, xp: x.__setitem__(0, np.ones(1)),
    ],
)
def test_the_stand_in_refuses_what_cupy_refuses(
    backend: CudaBackend, use: Callable[[Any, Any], object]
) -> None:
    with pytest.raises(TypeError):
        use(backend.xp.ones(3), backend.xp)


def test_the_stand_in_has_no_names_that_cupy_lacks(backend: CudaBackend) -> None:
    assert not hasattr(backend.xp, "errstate")
    assert not hasattr(backend.xp, "memmap")


def test_the_stand_in_keeps_devices_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    array = backend.asarray(np.ones(3))
    with pytest.raises(ValueError, match="different from the current device"):
        array + 1


def test_the_stand_in_counts(backend: CudaBackend) -> None:
    xp = backend.xp
    x = xp.asarray(np.ones((4, 6), np.float32))
    total = xp.sum(x * np.float64(2))
    assert total.shape == ()
    assert bool(total == 48)
    assert float(x[0, 0]) == 1
    x[:, 1:3].T @ x[:, 1:3]
    trace = xp.trace
    assert trace.promotions == ["multiply"]
    assert trace.launches == ["multiply", "sum", "equal", "matmul"]
    assert trace.syncs == ["item", "item"]
    assert len(trace.hidden_copies) == 2
    assert trace.bytes_to_device == 96
    assert trace.pinned_bytes == 128
    assert trace.allocations == 5


def test_the_stand_in_gives_c_order_and_poisons_new_memory(backend: CudaBackend) -> None:
    xp = backend.xp
    assert xp.exp(xp.ones((3, 4)).T).flags.c_contiguous
    assert bool(xp.isnan(xp.empty(3)).all())


def test_the_stand_in_gives_memory_back(backend: CudaBackend) -> None:
    pool = backend.xp.get_default_memory_pool()
    view = backend.xp.ones(1000)[10:]
    used = pool.used_bytes()
    assert used == 8192
    del view
    assert (pool.used_bytes(), pool.free_bytes()) == (0, 8192)
    pool.free_all_blocks()
    assert pool.total_bytes() == 0
