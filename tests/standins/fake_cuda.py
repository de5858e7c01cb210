"""The part of the stand-in for CuPy that has no arrays: devices, their memory, failures, counters.

The pool here counts bytes: what it holds free serves any request. CuPy's own pool has blocks of
sizes and fragments; what it reports, and when the memory is full, is alike.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

ERRORS = {
    2: "cudaErrorMemoryAllocation: out of memory",
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
    101: "cudaErrorInvalidDevice: invalid device ordinal",
    209: "cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the "
    "device",
    803: "cudaErrorSystemDriverMismatch: system has unsupported display driver / cuda driver "
    "combination",
}


class CUDARuntimeError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__(ERRORS[status])
        self.status = status


class CUBLASError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__({3: "CUBLAS_STATUS_ALLOC_FAILED"}[status])
        self.status = status


class OutOfMemoryError(MemoryError):
    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        suffix = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(
            f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{suffix})."
        )


class CompileException(Exception):  # noqa: N818 - CuPy's name
    """What CuPy raises with NVRTC's messages when a kernel does not compile."""


class DynamicLibNotFoundError(RuntimeError):
    """What cuda.pathfinder raises for a library that it does not find."""


def nvrtc_missing() -> Exception:
    return DynamicLibNotFoundError('Failure finding "libnvrtc.so.13": No such file\nmore lines')


def headers_missing() -> Exception:
    return RuntimeError("Failed to find CUDA headers. Please install cupy-cuda13x[ctk]")


def cublas_missing() -> Exception:
    return ImportError('Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file')


def does_not_compile() -> Exception:
    return CompileException("nvrtc: error: invalid value for --gpu-architecture (-arch)\n")


@dataclass
class Trace:
    """What the code under test made the devices do."""

    launches: list[str] = field(default_factory=list)
    syncs: list[str] = field(default_factory=list)
    hidden_copies: list[str] = field(default_factory=list)
    misaligned: list[str] = field(default_factory=list)
    promotions: list[str] = field(default_factory=list)
    allocations: int = 0
    allocated_bytes: int = 0
    bytes_to_device: int = 0
    bytes_to_host: int = 0
    pinned_bytes: int = 0
    event_waits: int = 0
    hazards: list[str] = field(default_factory=list)
    compute_type: int = 1
    clock: int = 0
    pinned: dict[int, int] = field(default_factory=dict)
    null_stream: Any = None

    def clear(self) -> None:
        state = {
            name: getattr(self, name)
            for name in ("compute_type", "clock", "hazards", "pinned", "null_stream")
        }
        vars(self).update(vars(Trace()) | state)


@dataclass
class DeviceMemory:
    """The memory of one device: all, used by arrays, kept by the pool, and the pool's limit."""

    total: int
    used: int = 0
    kept: int = 0
    limit: int = 0

    @property
    def free(self) -> int:
        return self.total - self.used - self.kept

    def take(self, size: int) -> None:
        if size > self.kept:
            most = min(self.total, self.limit or self.total)
            if self.used + self.kept + size > most:
                self.kept = 0  # CuPy frees the pool and tries again before it gives up
            if self.used + size > most:
                raise OutOfMemoryError(size, self.used, self.limit)
        self.kept = max(0, self.kept - size)
        self.used += size

    def give_back(self, size: int) -> None:
        self.used -= size
        self.kept += size


class Buffer:
    """Memory of a device, given back to the pool with the last array that views it."""

    def __init__(self, machine: Machine, nbytes: int) -> None:
        self.pending: list[int] = []  # copies into it that have not run
        size = -(-nbytes // 512) * 512
        memory = machine.memories[machine.current]
        memory.take(size)
        machine.trace.allocations += 1
        machine.trace.allocated_bytes += size
        self.trace = machine.trace
        # Freed arrays lie in the pool while kernels that use them are still queued.
        self.last_use = machine.trace.clock
        weakref.finalize(self, memory.give_back, size)

    def used(self) -> None:
        """Note that a kernel uses it."""
        self.read()
        self.last_use = self.trace.clock + 1  # the launch that follows

    def read(self) -> None:
        """Note that the host reads it, after all kernels."""
        if self.pending:
            self.trace.hazards.append("a kernel does not wait for the copies into its memory")

    def __del__(self) -> None:
        if self.pending:
            self.trace.hazards.append("memory was freed before the copies into it were done")


class Machine(threading.local):
    """What is behind one fake module; as in CUDA, each thread has its current device."""

    current = 0

    def __init__(self, memories: list[DeviceMemory], trace: Trace) -> None:
        self.memories = memories
        self.trace = trace

    def kernel(self, name: str, faults: dict[str, Exception], stage: str = "kernel") -> None:
        if stage in faults:
            raise faults[stage]
        self.trace.launches.append(name)
        self.trace.clock += 1

    def pin(self, ptr: int, size: int) -> None:
        self.trace.pinned[ptr] = size
        self.trace.pinned_bytes += size

    def unpin(self, ptr: int, size: int) -> None:
        del self.trace.pinned[ptr]

    def is_pinned(self, ptr: int, size: int) -> bool:
        return any(at <= ptr and ptr + size <= at + n for at, n in list(self.trace.pinned.items()))


class Pool:
    """The methods of CuPy's MemoryPool, of the current device."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def _memory(self) -> DeviceMemory:
        return self._machine.memories[self._machine.current]

    def used_bytes(self) -> int:
        return self._memory().used

    def free_bytes(self) -> int:
        return self._memory().kept

    def total_bytes(self) -> int:
        return self._memory().used + self._memory().kept

    def free_all_blocks(self) -> None:
        self._memory().kept = 0

    def get_limit(self) -> int:
        return self._memory().limit

    def set_limit(self, size: int) -> None:
        self._memory().limit = size


class PinnedPool:
    """The pool of pinned memory, which holds nothing here: gdnet allocates its own."""

    def free_all_blocks(self) -> None:
        pass


def make_cuda(
    machine: Machine,
    faults: dict[str, Exception],
    *,
    driver: int,
    runtime: int,
    capability: str,
    float64_slowdown: int,
    multiprocessors: int,
) -> ModuleType:
    """Return the module ``cupy.cuda`` over a machine."""
    from . import fake_streams

    class Device:
        """A context that is entered more than once at a time leaves in the order it came."""

        def __init__(self, device: int | None = None) -> None:
            self.id = machine.current if device is None else int(device)
            self._entered_from: list[int] = []

        def __enter__(self) -> Device:
            if self.id >= len(machine.memories):
                raise CUDARuntimeError(101)
            self._entered_from.append(machine.current)
            machine.current = self.id
            return self

        def __exit__(self, *exc: object) -> None:
            machine.current = self._entered_from.pop()

        @property
        def mem_info(self) -> tuple[int, int]:
            memory = machine.memories[self.id]
            return memory.free, memory.total

        @property
        def compute_capability(self) -> str:
            return capability

        def synchronize(self) -> None:
            machine.trace.syncs.append("device.synchronize")

    machine.trace.null_stream = fake_streams.Stream(machine, computes=True)

    def stream(*, non_blocking: bool) -> Any:
        assert non_blocking, "other streams would wait for the null stream"
        return fake_streams.Stream(machine, computes=False)

    def event(*, disable_timing: bool, block: bool = False) -> Any:  # noqa: ARG001
        return fake_streams.Event(machine)

    def alloc(size: int) -> Any:
        data = np.full(size, 0xFF, np.uint8)  # NaN, whatever the type
        return fake_streams.MemoryPointer(machine, Buffer(machine, size), data)

    def device_count() -> int:
        if "devices" in faults:
            raise faults["devices"]
        return len(machine.memories)

    def properties(device: int) -> dict[str, Any]:
        return {
            "name": b"NVIDIA H200",
            "totalGlobalMem": machine.memories[device].total,
            "multiProcessorCount": multiprocessors,
            "uuid": bytes([0x47, device] * 8),
        }

    return module(
        "cupy.cuda",
        Device=Device,
        Stream=stream,
        Event=event,
        get_current_stream=lambda: machine.trace.null_stream,
        alloc=alloc,
        PinnedMemory=lambda size: fake_streams.PinnedMemory(machine, size),
        PinnedMemoryPointer=fake_streams.pinned_pointer,
        is_available=lambda: "devices" not in faults and bool(machine.memories),
        memory=module("cupy.cuda.memory", OutOfMemoryError=OutOfMemoryError),
        runtime=module(
            "cupy.cuda.runtime",
            CUDARuntimeError=CUDARuntimeError,
            getDevice=lambda: machine.current,
            deviceGetAttribute=lambda attribute, device: {87: float64_slowdown}[attribute],
            getDeviceCount=device_count,
            getDeviceProperties=properties,
            deviceGetPCIBusId=lambda device: f"0000:{device:02X}:00.0",
            driverGetVersion=lambda: driver,
            runtimeGetVersion=lambda: runtime,
        ),
    )


def make_core(machine: Machine) -> ModuleType:
    """Return what gdnet uses of ``cupy._core``: the precision of matrix products in float32."""
    default, tf32 = 1, 7

    def set_compute_type(dtype: Any, compute_type: int) -> None:
        if np.dtype(dtype) != np.float32 or compute_type not in (default, tf32):
            raise ValueError(f"Unknown compute type: {compute_type}")
        machine.trace.compute_type = compute_type

    return module(
        "cupy._core",
        get_compute_type=lambda dtype: machine.trace.compute_type,
        set_compute_type=set_compute_type,
        _routines_linalg=module(
            "cupy._core._routines_linalg", COMPUTE_TYPE_DEFAULT=default, COMPUTE_TYPE_TF32=tf32
        ),
    )


def memories(devices: int, memory: int | Sequence[int]) -> list[DeviceMemory]:
    sizes = [memory] * devices if isinstance(memory, int) else memory
    return [DeviceMemory(size) for size in sizes]


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made
