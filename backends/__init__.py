"""Where it is computed: NumPy on the CPU or CuPy on a CUDA GPU, behind one small contract.

Nothing here imports CuPy until a CUDA device is asked for.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from gdnet.errors import DataError, DeviceUnavailable

from .base import Backend, Block, Memory
from .cpu import CpuBackend

__all__ = [
    "Backend",
    "Block",
    "Choice",
    "DeviceSpec",
    "Memory",
    "available_devices",
    "choose_backend",
    "get_backend",
    "parse_device",
]


class DeviceSpec(NamedTuple):
    """A device name taken apart: its kind and, for CUDA, its number (None: the first)."""

    kind: Literal["auto", "cpu", "cuda"]
    number: int | None


class Choice(NamedTuple):
    """A backend and, in one clause, why it is this one."""

    backend: Backend
    why: str


def parse_device(device: str) -> DeviceSpec:
    """Take a device name apart, without asking whether the device is there.

    Raises
    ------
    DataError
        For anything but ``auto``, ``cpu``, ``cuda`` and ``cuda:N``.
    """
    match = re.fullmatch(r"(auto|cpu|cuda)|(cuda):(\d{1,4})", device, flags=re.ASCII)
    if match is None:
        raise DataError(f"unknown device {device!r}: choose auto, cpu, cuda or cuda:N")
    if match[2]:
        return DeviceSpec("cuda", int(match[3]))
    return DeviceSpec(match[1], None)  # type: ignore[arg-type]  # the pattern allows no other word


def choose_backend(device: str = "auto", *, threads: int | None = None) -> Choice:
    """Return the backend for a device name, and the reason for it.

    ``auto`` is CUDA whenever its probe passes, and otherwise the CPU; the reason then says what
    CUDA lacks. A CUDA device asked for by name is that device or an error, never a fallback.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        The device.
    threads : int, optional
        Number of CPU threads; None is every core that the process may use.

    Returns
    -------
    Choice
        The backend and why.

    Raises
    ------
    DataError
        For an unknown device name or fewer than 1 threads.
    DeviceUnavailable
        If a CUDA device was asked for by name and cannot be used; it says why and what to do.
    """
    spec = parse_device(device)
    if spec.kind == "cpu":
        return Choice(CpuBackend(threads), "asked for")
    from .cuda import CudaBackend  # imports CuPy only when it is constructed

    try:
        backend = CudaBackend(spec.number or 0)
    except DeviceUnavailable as unavailable:
        if spec.kind == "cuda":
            raise
        return Choice(CpuBackend(threads), f"no CUDA: {unavailable}")
    return Choice(backend, "asked for" if spec.kind == "cuda" else "CUDA is available")


def get_backend(device: str = "auto", *, threads: int | None = None) -> Backend:
    """Return the backend for a device name; see `choose_backend`."""
    return choose_backend(device, threads=threads).backend


def available_devices() -> list[str]:
    """Return the names of the devices that can be used: ``cpu``, and each ``cuda:N`` that works."""
    from .cuda import device_count

    devices = ["cpu"]
    try:
        count = device_count()
    except DeviceUnavailable:
        return devices
    for index in range(count):
        try:
            devices.append(get_backend(f"cuda:{index}").name)
        except DeviceUnavailable:
            continue
    return devices
