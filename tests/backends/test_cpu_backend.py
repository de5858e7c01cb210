"""The CPU backend: threads, blocks, the contract that all backends keep."""

from __future__ import annotations

import inspect
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import (
    Backend,
    Block,
    DeviceSpec,
    available_devices,
    choose_backend,
    get_backend,
    parse_device,
)
from gdnet.backends.cpu import CpuBackend
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.host import usable_cpus
from gdnet.blocks import BlockGrid
from gdnet.errors import DataError


def strict_backend() -> type[Backend]:
    pytest.importorskip("array_api_strict")
    from tests.standins.strict import StrictBackend

    return StrictBackend


@pytest.mark.parametrize("find", [lambda: CpuBackend, lambda: CudaBackend, strict_backend])
def test_backends_keep_the_signatures_of_the_contract(find: Callable[[], type[Backend]]) -> None:
    cls = find()
    for name, method in inspect.getmembers(Backend, inspect.isfunction):
        assert list(inspect.signature(getattr(cls, name)).parameters) == list(
            inspect.signature(method).parameters
        ), name


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_every_task_runs_once(threads: int, count: int) -> None:
    done: list[int] = []
    get_backend("cpu", threads=threads).run(done.append, count)
    assert sorted(done) == list(range(count))


def test_tasks_run_at_the_same_time_on_as_many_threads_as_asked_for() -> None:
    together = threading.Barrier(3, timeout=10)

    def task(_: int) -> None:
        together.wait()

    get_backend("cpu", threads=3).run(task, 3)


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_in_a_task_ends_the_run_and_comes_through(threads: int) -> None:
    backend = get_backend("cpu", threads=threads)
    begun: list[int] = []

    def task(i: int) -> None:
        begun.append(i)
        if i == 3:
            raise ZeroDivisionError("task 3")

    with pytest.raises(ZeroDivisionError, match="task 3"):
        backend.run(task, 100_000)
    assert len(begun) < 100_000
    done: list[int] = []
    backend.run(done.append, 5)
    assert len(done) == 5


def test_blocks_that_fit_are_used_in_place_and_others_copied() -> None:
    rows = np.arange(40, dtype=np.float32).reshape(10, 4)
    labels = np.zeros((1, 10), np.uint8)
    for X, in_place in (
        (rows.T, True),
        (rows.copy().T.astype("f8"), False),
        (rows[:, ::-1].T, False),
    ):

        def read(lo: int, hi: int, X: Any = X) -> Block[Any]:
            return Block(X[:, lo:hi], labels[:, lo:hi], None)

        load = get_backend("cpu").loader(read, BlockGrid(10, 5), np.float32, (4, 1, 1))
        loaded: Any = load(1).X
        assert np.shares_memory(loaded, X) == in_place
        assert loaded.flags.f_contiguous
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, X[:, 5:])


def test_default_block_depends_on_shapes_and_dtype_alone() -> None:
    M = 10**9
    widths = {
        get_backend("cpu", threads=threads).block_columns(M, 28, 128, 1, 4)
        for threads in (1, 2, 64)
    }
    assert widths == {2**23 // ((28 + 2 * 128 + 8) * 4)}
    assert get_backend("cpu").block_columns(M, 28, 128, 1, 8) == widths.pop() // 2
    assert get_backend("cpu").block_columns(M, 784, 4096, 10, 4) == 256


@pytest.mark.parametrize("shape", [(2, 4, 1), (28, 128, 1), (784, 256, 10)])
def test_examples_for_a_few_blocks_are_shared_out_evenly(shape: tuple[int, int, int]) -> None:
    backend = get_backend("cpu")
    widest = backend.block_columns(10**9, *shape, 4)
    found = set()
    for m in np.unique(np.geomspace(1, 40 * widest, 500, dtype=int)).tolist():
        columns = backend.block_columns(m, *shape, 4)
        blocks = len(BlockGrid(m, columns))
        if m < widest // 2:
            assert blocks == 1
        elif m > 32 * widest:
            assert columns == widest
        else:
            found.add(blocks)
            assert columns <= widest
            assert m - (blocks - 1) * columns > columns - blocks  # the last is as wide
            assert columns >= widest // (4 if blocks == 2 else 2)
    assert found == {2, 4, 8, 16, 32}


def test_device_names() -> None:
    assert parse_device("auto") == DeviceSpec("auto", None)
    assert parse_device("cuda") == DeviceSpec("cuda", None)
    assert parse_device("cuda:12") == DeviceSpec("cuda", 12)
    for name in ("gpu", "", "CPU", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:1 "):
        with pytest.raises(DataError, match="unknown device"):
            parse_device(name)


def test_cpu_describes_itself_and_its_memory() -> None:
    choice = choose_backend("cpu", threads=2)
    assert choice.why == "asked for"
    assert choice.backend.describe().startswith(f"NumPy {np.__version__} (")
    assert choice.backend.describe().endswith("2 threads")
    used, peak, total = choice.backend.memory()
    assert used is not None
    assert peak is not None
    assert total is not None
    assert 0 < used <= total
    assert available_devices()[0] == "cpu"


def test_threads_below_1_are_refused() -> None:
    with pytest.raises(DataError, match="at least 1 thread, got 0"):
        get_backend("cpu", threads=0)


def test_usable_cpus_is_capped_by_the_cgroup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr("gdnet.backends.host.CGROUP", tmp_path)
    everything = usable_cpus()
    quota.write_text("max 100000\n")
    assert usable_cpus() == everything
    quota.write_text("100000 100000\n")
    assert usable_cpus() == 1
    quota.write_text("50000 100000\n")
    assert usable_cpus() == 1


@pytest.mark.parametrize("itemsize", [4, 8])
def test_rows_of_blocks_are_no_multiple_of_a_page(itemsize: int) -> None:
    backend = get_backend("cpu")
    for m in (2**14, 2**16, 2**17, 2**20, 130_000):
        columns = backend.block_columns(m, 28, 128, 1, itemsize)
        assert columns < m
        assert columns * itemsize % 4096
    assert len(BlockGrid(2**16, backend.block_columns(2**16, 28, 128, 1, itemsize))) % 2 == 0
    assert backend.block_columns(1024, 28, 128, 1, itemsize) == 1024


def test_inputs_of_many_features_are_computed_in_narrow_blocks() -> None:
    for n0, n1 in itertools.product((5_000, 20_000, 10**8), (1, 8, 64, 1000)):
        columns = get_backend("cpu").block_columns(10**9, n0, n1, 1, 4)
        assert n0 * columns * 4 <= max(2**23, 4 * n1 * n0 * 4)
        # The gradient of a block is to take less memory than its inputs.
        assert columns >= min(n1, 256)


def test_tasks_run_in_the_context_of_the_caller() -> None:
    backend = get_backend("cpu", threads=2)
    both = threading.Barrier(2)
    found: list[str] = []

    def task(_: int) -> None:
        both.wait(timeout=60)
        found.append(np.geterr()["over"])

    for over in ("raise", "ignore"):
        with np.errstate(over=over):
            backend.run(task, 2)
    assert found == ["raise", "raise", "ignore", "ignore"]


def test_a_task_may_run_tasks_of_its_own() -> None:
    backend = get_backend("cpu", threads=2)
    done: list[int] = []
    backend.run(lambda i: backend.run(lambda j: done.append(10 * i + j), 3), 4)
    assert sorted(done) == sorted(10 * i + j for i in range(4) for j in range(3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_computes_too() -> None:
    backend = get_backend("cpu", threads=3)
    backend.run(lambda _: None, 10)
    child = os.fork()
    if child == 0:
        done: list[int] = []
        backend.run(done.append, 100)
        os._exit(0 if len(done) == 100 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
