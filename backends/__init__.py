"""Where it is computed: NumPy on the CPU or CuPy on a CUDA GPU, behind one small contract.

Nothing here imports CuPy until a CUDA device is asked for.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from gdnet.errors import DataError, DeviceUnavailable

from .base import Backend, Block, BlockGradient, Grid, Memory
from .cpu import CpuBackend

__all__ = [
    "FUSED",
    "PRECISIONS",
    "Backend",
    "Block",
    "BlockGradient",
    "Choice",
    "DeviceSpec",
    "Grid",
    "Memory",
    "available_devices",
    "choose_backend",
    "get_backend",
    "parse_device",
]


PRECISIONS = ("highest", "tf32")
FUSED = ("auto", "never", "always")


class DeviceSpec(NamedTuple):
    """A device name taken apart: its kind and, for CUDA, its number (None: the first)."""

    kind: Literal["auto", "cpu", "cuda"]
    number: int | None


class Choice(NamedTuple):
    """A backend and, in one clause, why it is this one."""

    backend: Backend
    why: str

    @property
    def brief_why(self) -> str:
        """Return "no CUDA: CuPy is not installed" without ": pip install ..." after it.

        Who leaves the choice to gdnet need not be told at every run what to install; `gdnet info`
        and ``--device cuda`` tell it.
        """
        return ": ".join(self.why.split(": ")[:2])


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


def _check_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DataError(
            f"unknown {name} {value!r}: choose {', '.join(choices[:-1])} or {choices[-1]}"
        )


def choose_backend(
    device: str = "auto",
    *,
    threads: int | None = None,
    precision: str = "highest",
    fused: str = "auto",
) -> Choice:
    """Return the backend for a device name, and the reason for it.

    ``auto`` is CUDA whenever its probe passes, and otherwise the CPU; the reason then says what
    CUDA lacks. A CUDA device asked for by name is that device or an error, never a fallback.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        The device.
    threads : int, optional
        Number of CPU threads; None is every core that the process may use.
    precision : {"highest", "tf32"}, default "highest"
        Of matrix products in float32: ``highest`` keeps all of it, ``tf32`` lets CUDA devices
        multiply with 10 bits of mantissa in place of 23, which is faster. Where ``auto`` takes the
        CPU it keeps the highest precision, and the reason says so.
    fused : {"auto", "never", "always"}, default "auto"
        Whether the gradient is computed by one fused CUDA kernel: where that is known to be faster,
        never, or always, with an error for a network that it is not made for.

    Returns
    -------
    Choice
        The backend and why.

    Raises
    ------
    DataError
        For an unknown device name, precision or use of the fused kernel, for fewer than 1 threads,
        and for ``tf32`` or ``always`` on a device that has no such thing.
    DeviceUnavailable
        If a CUDA device was asked for, by its name or by ``fused="always"``, and cannot be used;
        it says why and what to do.
    """
    spec = parse_device(device)
    _check_one_of("precision", precision, PRECISIONS)
    _check_one_of("fused", fused, FUSED)
    if spec.kind == "cpu":
        for name, value, only_cuda in (
            ("precision", precision, "tf32"),
            ("fused", fused, "always"),
        ):
            if value == only_cuda:
                raise DataError(
                    f"{name} {value!r} is for CUDA devices, got device 'cpu': leave it at its "
                    "default, or choose device 'cuda'"
                )
        return Choice(CpuBackend(threads), "asked for")
    from .cuda import CudaBackend  # imports CuPy only when it is constructed

    try:
        backend = CudaBackend(spec.number or 0, precision=precision, fused=fused)
    except DeviceUnavailable as unavailable:
        # Leave to compute less precisely need not be taken, but "always" is a demand.
        if spec.kind == "cuda" or fused == "always":
            raise
        lacking = "no CUDA, and so no TF32" if precision == "tf32" else "no CUDA"
        return Choice(CpuBackend(threads), f"{lacking}: {unavailable}")
    return Choice(backend, "asked for" if spec.kind == "cuda" else "CUDA is available")


def get_backend(
    device: str = "auto",
    *,
    threads: int | None = None,
    precision: str = "highest",
    fused: str = "auto",
) -> Backend:
    """Return the backend for a device name; see `choose_backend`."""
    return choose_backend(device, threads=threads, precision=precision, fused=fused).backend


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
