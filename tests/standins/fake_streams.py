"""Streams, events, pinned memory and copies of the stand-in for CuPy.

Kernels run when they are launched, on the one stream that computes; copies from the host wait in
their stream until something has to wait for them. So a pinned buffer that is filled again too
early, or a block that is computed with too early, gives wrong numbers, and what would go wrong on a
GPU in silence is written down in `Trace.hazards`.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections import deque
from typing import Any

import numpy as np

from .fake_devices import Buffer, Machine


class Stream:
    """The null stream, on which kernels run at once, or one for copies."""

    def __init__(self, machine: Machine, *, computes: bool) -> None:
        self._machine = machine
        self.computes = computes
        self.ptr = id(self)
        self._queue: deque[Any] = deque()
        self._queued = self._done = 0
        self._lock = threading.RLock()
        self.launches_waited_for = 0

    def synchronize(self) -> None:
        self._machine.trace.syncs.append("stream.synchronize")
        self._run_until(self._queued)

    def wait_event(self, event: Event) -> None:
        if self.computes:
            event.finish()
        else:
            self._put(event.finish)
            self.launches_waited_for = max(self.launches_waited_for, event.launches)

    def _put(self, work: Any) -> None:
        with self._lock:
            self._queue.append(work)
            self._queued += 1

    def _run_until(self, count: int) -> None:
        with self._lock:
            while self._done < count:
                self._queue.popleft()()
                self._done += 1


class Event:
    """What was queued in a stream when it was recorded."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._stream: Stream | None = None
        self._position = self.launches = 0

    def record(self, stream: Stream | None = None) -> None:
        self._stream = self._machine.trace.null_stream if stream is None else stream
        self._position = self._stream._queued
        self.launches = (
            self._machine.trace.clock if self._stream.computes else self._stream.launches_waited_for
        )

    def finish(self) -> None:
        if self._stream is not None:
            self._stream._run_until(self._position)

    def synchronize(self) -> None:
        self._machine.trace.event_waits += 1
        self.finish()


class PinnedMemory:
    """Memory of the host that the device can read, counted until it is freed."""

    def __init__(self, machine: Machine, size: int) -> None:
        self.size = size
        self.bytes = np.full(size, 0xFF, np.uint8)
        self.ptr = self.bytes.ctypes.data
        machine.pin(self.ptr, size)
        weakref.finalize(self, machine.unpin, self.ptr, size)


def pinned_pointer(memory: PinnedMemory, offset: int) -> Any:
    """Return a buffer that keeps its memory alive, as CuPy's PinnedMemoryPointer does."""
    pointer = (ctypes.c_uint8 * (memory.size - offset)).from_buffer(memory.bytes.data, offset)
    pointer.memory = memory  # type: ignore[attr-defined]
    return pointer


class MemoryPointer:
    """A place in the memory of a device."""

    def __init__(self, machine: Machine, buffer: Buffer, data: Any, offset: int = 0) -> None:
        self._machine, self.buffer, self._data, self.offset = machine, buffer, data, offset

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self._machine, self.buffer, self._data, self.offset + offset)

    def array(self, shape: Any, dtype: Any) -> np.ndarray[Any, Any]:
        if self.offset % 256:
            raise ValueError("the stand-in wants every array aligned as CuPy's allocator does")
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        part: np.ndarray[Any, Any] = self._data[self.offset : self.offset + nbytes]
        array: np.ndarray[Any, Any] = part.view(dtype).reshape(shape)
        return array

    def copy_from_host_async(self, mem: int, size: int, stream: Stream) -> None:
        machine, buffer = self._machine, self.buffer
        target = self._data[self.offset : self.offset + size]
        if len(target) != size:
            machine.trace.hazards.append("a copy goes beyond its memory")
        if not machine.is_pinned(mem, size):
            machine.trace.hazards.append("a copy from memory that is not pinned")
        if buffer.last_use > stream.launches_waited_for:
            machine.trace.hazards.append("a copy does not wait for the kernels that use its memory")
        machine.trace.bytes_to_device += size

        pending = buffer.pending  # not the buffer, which the copy would keep alive

        def work() -> None:
            target[...] = np.frombuffer(ctypes.string_at(mem, size), np.uint8)
            pending.pop()

        pending.append(size)
        stream._put(work)
