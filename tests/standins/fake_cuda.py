"""The modules ``cupy.cuda`` and ``cupy._core`` of the stand-in for CuPy."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from . import fake_streams
from .fake_devices import Buffer, Machine
from .fake_errors import CUDARuntimeError, OutOfMemoryError


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


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made
