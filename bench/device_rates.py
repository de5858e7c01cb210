"""What a device can do: matrix products, and copies on it and to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gdnet.backends import Backend, get_backend


def device_rates(device: str, *, tiny: bool) -> dict[str, float]:
    """Return rates of the device: TFLOP/s of square products, GB/s of copies on it and to it."""
    size, nbytes = (256, 2**20) if tiny else (8192, 2**30)
    rates: dict[str, float] = {}
    numbers = np.random.default_rng(0)  # ones would draw less power, and so run faster
    for precision in ("highest", "tf32"):
        backend = get_backend(device, precision=precision) if device != "cpu" else get_backend()
        xp: Any = backend.xp
        with backend.activate():
            a = backend.asarray(numbers.standard_normal((size, size), np.float32))
            seconds = _seconds(backend, lambda a=a: a @ a)  # type: ignore[misc]
            rates[f"matrix products, {precision}, TFLOP/s"] = 2 * size**3 / seconds / 1e12
        if device == "cpu":
            return rates
    with backend.activate():
        source = xp.zeros(nbytes, np.uint8)
        seconds = _seconds(backend, source.copy)
        rates["copy on the device, read and written, GB/s"] = 2 * nbytes / seconds / 1e9
        memory = xp.cuda.PinnedMemory(nbytes)
        pinned = np.ndarray((nbytes,), np.uint8, buffer=xp.cuda.PinnedMemoryPointer(memory, 0))
        pinned[:] = 1
        target, stream = xp.cuda.alloc(nbytes), xp.cuda.Stream(non_blocking=True)
        backend.synchronize()

        def send() -> None:
            target.copy_from_host_async(pinned.ctypes.data, nbytes, stream)
            stream.synchronize()

        rates["copy to the device from pinned memory, GB/s"] = (
            nbytes / _seconds(backend, send) / 1e9
        )
        filling = np.ones(nbytes, np.uint8)
        seconds = _seconds(backend, lambda: np.copyto(pinned, filling))
        rates["filling pinned memory by one core, GB/s"] = nbytes / seconds / 1e9
    return rates


def _seconds(backend: Backend, work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(5):
        backend.synchronize()
        began = time.perf_counter()
        work()
        backend.synchronize()
        times.append(time.perf_counter() - began)
    return float(np.median(times))
