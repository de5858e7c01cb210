"""Where it is computed: NumPy on the CPU or CuPy on a CUDA GPU, behind one small contract.

Nothing here imports CuPy until a CUDA device is asked for.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from gdnet.errors import DataError, DeviceUnavailable

from .base import Backend, Memory
from .block_gradient import BlockGradient, ReferenceGradient
from .blocks import Block, Grid, ReadBlock
from .cpu import CpuBackend
from .engines import ENGINES, RowKernel

__all__ = [
    "ENGINES",
    "PRECISIONS",
    "Backend",
    "Block",
    "BlockGradient",
    "Choice",
    "DeviceSpec",
    "Grid",
    "Memory",
    "ReadBlock",
    "ReferenceGradient",
    "RowKernel",
    "available_devices",
    "choose_backend",
    "get_backend",
    "parse_device",
]


PRECISIONS = ("highest", "tf32")


class DeviceSpec(NamedTuple):
    """A device name taken apart.

    Attributes
    ----------
    kind : {"auto", "cpu", "cuda"}
        The kind of device.
    number : int or None
        Of "cuda" the index of the device; None is the first one.
    """

    kind: Literal["auto", "cpu", "cuda"]
    number: int | None


class Choice(NamedTuple):
    """A backend, and why it is this one.

    Attributes
    ----------
    backend : Backend
        Where to compute.
    why : str
        The reason, in one clause.
    """

    backend: Backend
    why: str

    @property
    def brief_why(self) -> str:
        """Return "no CUDA: CuPy is not installed" without ": pip install ..." after it.

        Who leaves the choice to gdnet need not read at every run what to install; `gdnet info`
        and ``--device cuda`` tell it.
        """
        return ": ".join(self.why.split(": ")[:2])


def parse_device(device: str) -> DeviceSpec:
    """Take a device name apart, without asking whether the device is there.

    Parameters
    ----------
    device : str
        The name, such as ``"cuda:1"``.

    Returns
    -------
    DeviceSpec
        Its kind and number.

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
    engine: str = "auto",
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
    engine : str, default "auto"
        How the gradient is computed: one of `ENGINES` for the device, with an error for a network
        that it is not made for; "reference" is the equations as they stand. "auto" is the fastest
        that is known to be right.

    Returns
    -------
    Choice
        The backend and why.

    Raises
    ------
    DataError
        For an unknown device name, precision or engine, for fewer than 1 threads, and for ``tf32``
        or an engine on a device that has no such thing.
    DeviceUnavailable
        If a CUDA device was asked for, by its name or by one of its engines, and cannot be used;
        it says why and what to do.
    """
    spec = parse_device(device)
    _check_one_of("precision", precision, PRECISIONS)
    engines = tuple(dict.fromkeys(name for of_kind in ENGINES.values() for name in of_kind))
    _check_one_of("engine", engine, ("auto", *engines))
    needs_cuda = engine not in ("auto", *ENGINES["cpu"])
    needs_cpu = engine not in ("auto", *ENGINES["cuda"])
    if spec.kind == "cpu":
        for name, value, refused in (
            ("precision", precision, precision == "tf32"),
            ("engine", engine, needs_cuda),
        ):
            if refused:
                raise DataError(
                    f"{name} {value!r} is for CUDA devices, got device 'cpu': leave it at its "
                    "default, or choose device 'cuda'"
                )
        return Choice(CpuBackend(threads, engine), "asked for")
    if needs_cpu:
        if spec.kind == "cuda":
            raise DataError(
                f"engine {engine!r} is for the CPU, got device {device!r}: leave it at its "
                "default, or choose device 'cpu'"
            )
        return Choice(CpuBackend(threads, engine), f"the engine {engine!r} is for the CPU")
    from gdnet.backends.cuda.backend import CudaBackend  # imports CuPy only when it is constructed

    try:
        backend = CudaBackend(spec.number or 0, precision=precision, engine=engine)
    except DeviceUnavailable as unavailable:
        # Leave to compute less precisely need not be taken, but an engine is a demand.
        if spec.kind == "cuda" or needs_cuda:
            raise
        lacking = "no CUDA, and so no TF32" if precision == "tf32" else "no CUDA"
        return Choice(CpuBackend(threads, engine), f"{lacking}: {unavailable}")
    return Choice(backend, "asked for" if spec.kind == "cuda" else "CUDA is available")


def get_backend(
    device: str = "auto",
    *,
    threads: int | None = None,
    precision: str = "highest",
    engine: str = "auto",
) -> Backend:
    """Return the backend for a device name; `choose_backend` also says why it is this one.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        The device.
    threads : int, optional
        Number of CPU threads; None is every core that the process may use.
    precision : {"highest", "tf32"}, default "highest"
        Of matrix products in float32.
    engine : str, default "auto"
        How the gradient is computed.

    Returns
    -------
    Backend
        Where to compute.

    Raises
    ------
    DataError, DeviceUnavailable
        As `choose_backend`.
    """
    return choose_backend(device, threads=threads, precision=precision, engine=engine).backend


def available_devices() -> list[str]:
    """Return the names of the devices that can be used.

    Returns
    -------
    list of str
        ``"cpu"``, and each ``"cuda:N"`` whose probe passes.
    """
    from gdnet.backends.cuda.backend import device_count

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
