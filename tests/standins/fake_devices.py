"""Devices of the stand-in for CuPy: their memory, and what they were made to do.

The pool here counts bytes: what it holds free serves any request. CuPy's own pool has blocks of
sizes and fragments; what it reports, and when the memory is full, is alike.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .fake_errors import OutOfMemoryError


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


def memories(devices: int, memory: int | Sequence[int]) -> list[DeviceMemory]:
    sizes = [memory] * devices if isinstance(memory, int) else memory
    return [DeviceMemory(size) for size in sizes]
