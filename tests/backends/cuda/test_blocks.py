"""Blocks on a made-up GPU: their layout, what stays there, what is streamed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Block
from gdnet.backends.cuda import staging
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.memory import spread
from gdnet.blocks import BlockGrid
from gdnet.errors import DataError
from tests.support.cuda_problems import (
    BLOCK_BYTES,
    COLUMNS,
    COUNT,
    GRID,
    N0,
    SHAPE,
    Host,
    copied_blocks,
    memory_for,
    on_fake,
    one_pass,
)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "PIECE_BYTES", 4096)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[CudaBackend]:
    backend = on_fake(monkeypatch)
    yield backend
    gc.collect()
    assert backend.xp.trace.hazards == []
    assert backend.xp.trace.pinned == {}


def loader(
    backend: CudaBackend, host: Host, dtype: Any = np.float32
) -> Callable[[int], Block[Any]]:
    return backend.loader(host.read, GRID, dtype, SHAPE)


# --- the arrays


@pytest.mark.parametrize(("dtype", "rows"), [(np.float32, 1), (np.float64, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("stored", [np.float32, np.float64, np.int16, ">f4"])
def test_a_block_as_the_equations_need_it(
    backend: CudaBackend, stored: Any, order: str, dtype: Any, rows: int
) -> None:
    host = Host(dtype=stored, order=order, weights=True, rows=rows)
    load = loader(backend, host, dtype)
    for i in (1, COUNT - 1):
        expected = host.block(i)
        columns = expected.X.shape[1]
        X, labels, weights = load(i)
        assert weights is not None
        assert expected.weights is not None
        assert (X.shape, X.dtype, X.flags.f_contiguous) == ((N0, columns), dtype, True)
        assert (labels.shape, labels.dtype) == ((rows, columns), np.int8)
        assert labels.flags.c_contiguous
        assert (weights.shape, weights.dtype) == ((1, columns), dtype)
        np.testing.assert_array_equal(backend.to_numpy(X), expected.X.astype(dtype))
        np.testing.assert_array_equal(backend.to_numpy(labels), expected.labels)
        np.testing.assert_array_equal(backend.to_numpy(weights), expected.weights.astype(dtype))


def test_products_with_a_block_copy_nothing(backend: CudaBackend) -> None:
    X, _, _ = loader(backend, Host(order="C"))(2)
    W1 = backend.asarray(np.ones((4, N0), np.float32))
    dZ1 = W1 @ X
    dW1 = dZ1 @ X.T
    assert dW1.shape == (4, N0)
    assert backend.xp.trace.hidden_copies == []


def test_labels_of_foreign_byte_order_become_native(backend: CudaBackend) -> None:
    labels = np.array([[0, 1, 2]], ">i2")

    def read(lo: int, hi: int) -> Block[Any]:
        return Block(np.ones((1, hi - lo)), labels[:, lo:hi], None)

    on_device = backend.loader(read, BlockGrid(3, 3), np.float32, (1, 1, 1))(0).labels
    assert on_device.dtype == np.dtype(np.int16)
    assert on_device.dtype.isnative
    np.testing.assert_array_equal(backend.to_numpy(on_device), [[0, 1, 2]])


def test_weights_may_be_missing(backend: CudaBackend) -> None:
    assert loader(backend, Host())(0).weights is None


def test_blocks_are_loaded_to_the_device_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, 1, devices=2)
    assert loader(backend, Host())(0).X.device.id == 1
    assert backend.xp.trace.hazards == []


# --- what stays, and what is streamed


def test_blocks_stay_on_the_device(backend: CudaBackend) -> None:
    host = Host()
    load = loader(backend, host)
    first = one_pass(backend, load)
    trace = backend.xp.trace
    assert trace.bytes_to_device == host.X.nbytes + host.labels.nbytes
    assert trace.pinned == {}  # what it took to load them is given back
    trace.clear()
    host.reads.clear()
    second = one_pass(backend, load)
    assert trace.bytes_to_device == 0
    assert host.reads == []
    assert trace.event_waits == 0
    np.testing.assert_array_equal(second, first)


def test_pinned_memory_is_a_few_pieces(backend: CudaBackend) -> None:
    one_pass(backend, loader(backend, Host()))
    assert 0 < backend.xp.trace.pinned_bytes <= staging.MAX_PIECES * 4096


# Pieces of some columns, of whole blocks, and (which takes long) of 1 column.
@pytest.mark.parametrize(
    ("kept", "pieces"),
    [(0, 4096), (1, 4096), (4, 4096), (7, 4096), (0, 2**24), (4, 2**24), (8, 64)],
)
def test_blocks_beyond_the_memory_are_copied_in_every_pass(
    monkeypatch: pytest.MonkeyPatch, backend: CudaBackend, kept: int, pieces: int
) -> None:
    expected = one_pass(backend, loader(backend, Host()))
    monkeypatch.setattr(staging, "PIECE_BYTES", pieces)
    small = on_fake(monkeypatch, memory=memory_for(kept + 3))
    host = Host(order="C")
    load = loader(small, host)
    passes = 4
    for _ in range(passes):
        np.testing.assert_array_equal(one_pass(small, load), expected)
    del load  # waits for what it has copied ahead: at most two blocks of a pass that never comes
    assert small.xp.trace.hazards == []
    streamed = passes * (COUNT - kept) + kept
    # The last block is narrower by 100 columns.
    assert streamed - passes * 0.2 - 0.01 <= copied_blocks(small) <= streamed + 2.01
    assert small.xp.trace.pinned == {}


def test_the_blocks_that_stay_lie_between_those_that_come() -> None:
    assert spread(12, 4) == {2, 5, 8, 11}
    assert spread(12, 9) == {1, 2, 3, 5, 6, 7, 9, 10, 11}
    assert spread(5, 0) == set()
    for count in range(1, 30):
        for kept in range(count + 1):
            assert len(spread(count, kept)) == kept


def test_copies_run_ahead_of_the_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = on_fake(monkeypatch, memory=memory_for(3))
    host = Host()
    load = loader(backend, host)
    load(0)
    # One is computed with, and two are on their way, in memory of their own.
    assert len(load.__self__._coming) == 2  # type: ignore[attr-defined]
    assert backend.xp.get_default_memory_pool().used_bytes() < 3.1 * BLOCK_BYTES
    del load


def test_a_read_that_fails_ends_the_pass_with_its_error(backend: CudaBackend) -> None:
    host = Host()

    def read(lo: int, hi: int) -> Block[Any]:
        if lo >= 5 * COLUMNS:
            raise DataError("the file has changed")
        return host.read(lo, hi)

    with pytest.raises(DataError, match="the file has changed"):
        one_pass(backend, backend.loader(read, GRID, np.float32, SHAPE))


def test_passes_may_be_broken_off_and_blocks_asked_for_in_any_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = on_fake(monkeypatch, memory=memory_for(4))
    host = Host(weights=True)
    load = loader(backend, host)
    with backend.activate():
        for i in (0, 1, 2, 0, 7, 11, 3, 3, 10, 1):
            X, labels, weights = load(i)
            expected = host.block(i)
            assert weights is not None
            assert expected.weights is not None
            np.testing.assert_array_equal(backend.to_numpy(X), expected.X)
            np.testing.assert_array_equal(backend.to_numpy(labels), expected.labels)
            np.testing.assert_array_equal(
                backend.to_numpy(weights), expected.weights.astype(np.float32)
            )
    del load
    assert backend.xp.trace.hazards == []
