"""The stand-ins find what would go wrong on a GPU in silence: barriers, arguments, streams."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from tests.standins import emulation
from tests.standins.fake_cupy import make_fake_cupy

needs_gxx = pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")

REVERSE = """
extern "C" __global__ void __launch_bounds__(64) reverse(const float* a, int n, float* b) {
  __shared__ float kept[64];
  kept[threadIdx.x] = a[threadIdx.x];
  BARRIER
  b[threadIdx.x] = kept[n - 1 - threadIdx.x];
}
"""


def module(code: str) -> Any:
    cupy = make_fake_cupy()
    return cupy, cupy.RawModule(code=code, options=("-std=c++17", "-fmad=false"))


def reversed_by(barrier: str) -> Any:
    cupy, kernels = module(REVERSE.replace("BARRIER", barrier))
    a, b = cupy.asarray(np.arange(64, dtype=np.float32)), cupy.zeros((64,), np.float32)
    kernels.get_function("reverse")((2,), (64,), (a, np.int32(64), b))
    return b.get()


@needs_gxx
def test_a_barrier_orders_the_threads_and_its_lack_shows() -> None:
    np.testing.assert_array_equal(reversed_by("__syncthreads();"), np.arange(64)[::-1])
    assert np.isnan(reversed_by("")).any()
    assert np.isnan(reversed_by("__syncwarp();")).any()


@needs_gxx
def test_a_barrier_that_some_threads_never_reach_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="a barrier that others never reach"):
        reversed_by("if (threadIdx.x < 63) __syncthreads();")
    # And the next kernel runs as if nothing had been.
    np.testing.assert_array_equal(reversed_by("__syncthreads();"), np.arange(64)[::-1])


@needs_gxx
def test_a_warp_exchanges_numbers() -> None:
    code = """
extern "C" __global__ void sum(const double* a, double* b) {
  double x = a[threadIdx.x];
  for (int s = 16; s; s >>= 1) x += __shfl_xor_sync(0xffffffffu, x, s);
  b[threadIdx.x] = x + __shfl_sync(0xffffffffu, a[threadIdx.x], 3);
}
"""
    cupy, kernels = module(code)
    a, b = cupy.asarray(np.arange(64.0)), cupy.zeros((64,))
    kernels.get_function("sum")((1,), (64,), (a, b))
    expected = np.repeat([sum(range(32)) + 3, sum(range(32, 64)) + 35], 32)
    np.testing.assert_array_equal(b.get(), expected)


@needs_gxx
def test_wrong_arguments_are_errors() -> None:
    cupy, kernels = module(REVERSE.replace("BARRIER", ""))
    a = cupy.zeros((64,), np.float32)
    kernel = kernels.get_function("reverse")
    for arguments, error, message in (
        ((a, np.int32(64)), RuntimeError, "another number of arguments"),
        ((a, np.int64(64), a), RuntimeError, "an argument of another size"),
        ((a, 64, a), TypeError, "neither an array nor a NumPy scalar"),
        ((a, np.int32(64), None), TypeError, "neither an array nor a NumPy scalar"),
        ((a._a, np.int32(64), a), TypeError, "neither an array nor a NumPy scalar"),
    ):
        with pytest.raises(error, match=message):
            kernel((1,), (64,), arguments)
    with pytest.raises(ValueError, match="no GPU takes"):
        kernel((1,), (2048,), (a, np.int32(64), a))
    with pytest.raises(KeyError):
        kernels.get_function("nothing")


# --- streams


def copied(cupy: Any, stream: Any, values: Any, *, pinned: bool = True) -> Any:
    """Queue a copy of some float32 numbers to new memory of the device."""
    memory = cupy.cuda.alloc(values.nbytes)
    source = values
    if pinned:
        buffer = cupy.cuda.PinnedMemoryPointer(cupy.cuda.PinnedMemory(values.nbytes), 0)
        source = np.ndarray(values.shape, values.dtype, buffer=buffer)
        source[...] = values
    event = cupy.cuda.Event(disable_timing=True)
    event.record()
    stream.wait_event(event)
    memory.copy_from_host_async(source.ctypes.data, values.nbytes, stream)
    return cupy.ndarray(values.shape, values.dtype, memory), source


def test_a_copy_that_is_waited_for_arrives() -> None:
    cupy = make_fake_cupy()
    stream = cupy.cuda.Stream(non_blocking=True)
    array, _ = copied(cupy, stream, np.arange(4, dtype=np.float32))
    done = cupy.cuda.Event(disable_timing=True)
    done.record(stream)
    cupy.cuda.get_current_stream().wait_event(done)
    assert (array + 1).get().tolist() == [1, 2, 3, 4]
    assert cupy.trace.hazards == []


def test_a_copy_that_is_not_waited_for_is_found() -> None:
    cupy = make_fake_cupy()
    stream = cupy.cuda.Stream(non_blocking=True)
    array, source = copied(cupy, stream, np.arange(4, dtype=np.float32))
    assert np.isnan((array + 1).get()).all()
    assert "a kernel does not wait for the copies into its memory" in cupy.trace.hazards
    source[...] = 9  # too early: the copy has not run
    stream.synchronize()
    assert array.get().tolist() == [9, 9, 9, 9]


def test_memory_that_kernels_still_use_is_not_copied_to_unnoticed() -> None:
    cupy = make_fake_cupy()
    stream = cupy.cuda.Stream(non_blocking=True)
    array, source = copied(cupy, stream, np.arange(4, dtype=np.float32))
    stream.synchronize()
    array + 1
    memory = cupy.cuda.alloc(16)
    cupy.trace.hazards.clear()
    memory.copy_from_host_async(source.ctypes.data, 16, stream)
    assert cupy.trace.hazards == ["a copy does not wait for the kernels that use its memory"]
    stream.synchronize()


def test_memory_that_is_not_pinned_or_freed_too_early_is_found() -> None:
    cupy = make_fake_cupy()
    stream = cupy.cuda.Stream(non_blocking=True)
    array, _ = copied(cupy, stream, np.arange(4, dtype=np.float32), pinned=False)
    assert cupy.trace.hazards == ["a copy from memory that is not pinned"]
    del array
    gc.collect()
    assert cupy.trace.hazards[1:] == ["memory was freed before the copies into it were done"]
