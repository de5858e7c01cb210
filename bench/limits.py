"""What the machine can do, measured where the candidates are, and the least time of an iteration.

On a CPU the limit of an iteration is its products at the rate at which the cores multiply and add
numbers in registers, and a tanh of each hidden unit by the fastest of three: gdnet's own, NumPy's
and SLEEF's; or, where that takes longer, reading the data once. Nothing is counted for what else
there is to do, so that no program comes below it. All cores work, on blocks that stay in cache.

On a GPU, where nothing but the data need pass through memory and tanh has units of its own, all
products count at CuPy's rate of square ones, and tanh not at all: a library with faster products
may take less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bench.cases import Case
from bench.peak import peak_of
from bench.peers import precision
from gdnet.backends import get_backend
from gdnet.backends.host import usable_cpus

PROBE_SECONDS = 0.04
# The width of the square products, and what is multiplied in cache: on a GPU enough to fill it.
SQUARE = {"cpu": 1024, "cuda": 4096}
CACHED_BYTES = {"cpu": 2**19, "cuda": 2**24}
COPIED_BYTES = 2**28
FMA_ROUNDS = 10_000


class Rates(NamedTuple):
    """Of the whole device.

    Attributes
    ----------
    gemm_own, gemm_square : float
        Operations a second of W1 X and dZ1 X' at the case's widths, and of square products.
    elementwise, tanh : float
        Numbers a second of ``a *= b`` and of the array module's tanh, in cache.
    copy : float
        Bytes a second, read and written, of a copy out of cache.
    fma : float
        Operations a second of fused multiply-adds of registers; 0 where they are not measured: on a
        GPU, and without gdnet's kernels or g++.
    own_tanh, sleef_tanh : float
        Numbers a second of the tanh of gdnet's kernels and of SLEEF, in cache, or 0.
    read : float
        Bytes a second that are read out of cache, or 0.
    """

    gemm_own: float
    gemm_square: float
    elementwise: float
    tanh: float
    copy: float
    fma: float = 0.0
    own_tanh: float = 0.0
    sleef_tanh: float = 0.0
    read: float = 0.0


def title_of(device: str) -> str:
    """Return what `limit_seconds` is, for the head of a column."""
    return "the limit" if device == "cpu" else "CuPy's products"


def limit_seconds(case: Case, rates: Rates, device: str) -> float | None:
    """Return the least time of an iteration at these rates.

    None for the lab, which one core computes, and where the rates are not measured.
    """
    if case.is_lab or (device == "cpu" and not rates.fma):
        return None
    if device != "cpu":
        return max(sum(case.flops) / rates.gemm_square, case.data_bytes / rates.copy)
    tanh = max(rates.own_tanh, rates.sleef_tanh, rates.tanh)
    computing = sum(case.flops) / rates.fma + case.shape[1] * case.m / tanh
    return max(computing, case.data_bytes / rates.read)


class Probe:
    """Measures the rates of a device in the dtype and at the widths of a case."""

    def __init__(self, case: Case, device: str) -> None:
        kind = device.partition(":")[0]
        self._backend = get_backend(device, precision=precision())
        self._tasks = 4 * usable_cpus() if device == "cpu" else 1
        n0, n1, n2 = case.shape
        columns = min(self._backend.block_columns(case.m, n0, n1, n2, case.itemsize), case.m)
        random = np.random.default_rng(0)

        def filled(*shape: int) -> Any:
            return self._backend.asarray(random.random(shape, np.float32).astype(case.dtype))

        with self._backend.activate():
            self._W1, self._dZ1 = filled(n1, n0), filled(n1, columns)
            self._X = filled(columns, n0).T
            self._square = filled(SQUARE[kind], SQUARE[kind])
            self._cached = filled(CACHED_BYTES[kind] // case.itemsize)
            # A multiple of what bench.peak reads at a time.
            part = COPIED_BYTES // (2 * self._tasks * case.itemsize) // 256 * 256
            self._large = filled(2, self._tasks, part)
        self._peak = peak_of(np.dtype(case.dtype)) if device == "cpu" else None

    def rates(self) -> Rates:
        """Measure once."""
        W1, X, dZ1 = self._W1, self._X, self._dZ1
        square, cached, (source, target) = self._square, self._cached, self._large
        xp = self._backend.xp

        def products(_: int) -> None:
            W1 @ X
            dZ1 @ X.T

        def multiply(_: int) -> None:
            cached * cached

        def tanh(_: int) -> None:
            xp.tanh(cached)

        def square_product(_: int) -> None:
            square @ square

        def copy(i: int) -> None:
            target[i % self._tasks] = source[i % self._tasks]

        with self._backend.activate():
            return Rates(
                gemm_own=4 * W1.size * X.shape[1] * self._calls_a_second(products),
                gemm_square=2 * len(square) ** 3 * self._calls_a_second(square_product),
                elementwise=cached.size * self._calls_a_second(multiply),
                tanh=cached.size * self._calls_a_second(tanh),
                copy=2 * source[0].nbytes * self._calls_a_second(copy),
                **self._peaks(source),
            )

    def _peaks(self, source: Any) -> dict[str, float]:
        """Return what bench.peak measures, or nothing."""
        peak, cached = self._peak, self._cached
        if peak is None:
            return {}
        results = [np.empty_like(cached) for _ in range(self._tasks)]
        found = {
            "fma": FMA_ROUNDS
            * peak.flops_a_round
            * self._calls_a_second(lambda _: peak.fma(FMA_ROUNDS)),
            "own_tanh": cached.size
            * self._calls_a_second(lambda i: peak.own_tanh(cached, results[i % self._tasks])),
            "read": source[0].nbytes
            * self._calls_a_second(lambda i: peak.read(source[i % self._tasks])),
        }
        if peak.has_sleef:
            found["sleef_tanh"] = cached.size * self._calls_a_second(
                lambda i: peak.sleef_tanh(cached, results[i % self._tasks])
            )
        return found

    def _calls_a_second(self, task: Callable[[int], None]) -> float:
        count = self._tasks
        self._time(task, count)
        while (seconds := self._time(task, count)) < PROBE_SECONDS:
            count *= 2
        return count / seconds

    def _time(self, task: Callable[[int], None], count: int) -> float:
        self._backend.synchronize()
        began = time.perf_counter()
        self._backend.run(task, count)
        self._backend.synchronize()
        return time.perf_counter() - began
