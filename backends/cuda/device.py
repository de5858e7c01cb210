"""What the copying of blocks asks of the backend whose memory they go to, and of CuPy."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import ModuleType
from typing import Protocol, Self

import numpy.typing as npt

from gdnet._typing import Array


class DeviceMemory(Protocol):
    """Memory of a device, from some byte on: CuPy's ``MemoryPointer``."""

    def __add__(self, offset: int, /) -> Self:
        """Return it from a later byte on."""

    def copy_from_host_async(self, address: int, nbytes: int, stream: Stream, /) -> None:
        """Queue a copy to it from memory of the host."""


class Stream(Protocol):
    """What a device does one after the other: CuPy's ``Stream``."""

    def synchronize(self) -> None:
        """Wait until all is done that is queued."""

    def wait_event(self, event: Event, /) -> None:
        """Queue nothing before an event has happened."""


class Event(Protocol):
    """Happens as soon as a stream has come to it: CuPy's ``Event``."""

    def record(self, stream: Stream | None = None, /) -> None:
        """Queue it, in the current stream unless in another."""

    def synchronize(self) -> None:
        """Wait until it has happened."""


class CudaDevice(AbstractContextManager["CudaDevice"], Protocol):
    """A device, and a context in which it is the current one: CuPy's ``Device``."""

    @property
    def mem_info(self) -> tuple[int, int]:
        """Return how many bytes of its memory are free, and how many there are."""

    @property
    def compute_capability(self) -> str:
        """Return it without its point, such as "90"."""


class Device(Protocol):
    """A CUDA device with its memory; `CudaBackend` is one."""

    name: str
    xp: ModuleType
    keeps_blocks: bool

    def device(self) -> CudaDevice:
        """Return CuPy's device, a context in which it is the current one."""

    def make_room(self) -> bool:
        """Give up a block that is kept, and return whether there was one."""

    def asarray(self, a: object, dtype: npt.DTypeLike | None = None) -> Array:
        """Return an array of the device."""
