"""What the machine can do, measured where the contestants are, and what an iteration takes of it.

Matrix products and tanh run as gdnet would run them at best: on all cores, on blocks that stay in
cache. What is added up is the products of the hidden layer at the rate of their own widths, those
of the output at the rate of square ones, and a tanh of each hidden unit; or, where that takes
longer, reading the data once. That is NumPy's time for them and no lower limit: a library with
faster products or a faster tanh may take less. On a GPU, where nothing but the data need pass
through memory and tanh has units of its own, all products count at CuPy's rate of square ones, and
tanh not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bench.cases import Case
from bench.peers import precision
from gdnet.backends import get_backend
from gdnet.backends.host import usable_cpus

SECONDS_A_PROBE = 0.04
# The width of the square products, and what is multiplied in cache: on a GPU enough to fill it.
SQUARE = {"cpu": 1024, "cuda": 4096}
CACHED_BYTES = {"cpu": 2**19, "cuda": 2**24}
COPIED_BYTES = 2**28


class Rates(NamedTuple):
    """Of the whole device.

    Attributes
    ----------
    gemm_own, gemm_square : float
        Operations a second of W1 X and dZ1 X' at the case's widths, and of square products.
    elementwise, tanh : float
        Numbers a second of ``a *= b`` and of tanh, in cache.
    copy : float
        Bytes a second, read and written, of a copy out of cache.
    """

    gemm_own: float
    gemm_square: float
    elementwise: float
    tanh: float
    copy: float


def title_of(device: str) -> str:
    """Return what `bare_seconds` is, for the head of a column."""
    return "NumPy's products + tanh" if device == "cpu" else "CuPy's products"


def bare_seconds(case: Case, rates: Rates, device: str) -> float | None:
    """Return the time of an iteration's products and tanh at these rates.

    None for the lab, whose products are so small that their rate is that of calls.
    """
    if case.is_lab:
        return None
    hidden, output = case.flops
    reading = case.data_bytes / rates.copy
    if device != "cpu":
        return max((hidden + output) / rates.gemm_square, reading)
    computing = (
        hidden / rates.gemm_own + output / rates.gemm_square + case.shape[1] * case.m / rates.tanh
    )
    return max(computing, reading)


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
            self._large = filled(2, self._tasks, COPIED_BYTES // (2 * self._tasks * case.itemsize))

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
            )

    def _calls_a_second(self, task: Callable[[int], None]) -> float:
        count = self._tasks
        self._time(task, count)
        while (seconds := self._time(task, count)) < SECONDS_A_PROBE:
            count *= 2
        return count / seconds

    def _time(self, task: Callable[[int], None], count: int) -> float:
        self._backend.synchronize()
        began = time.perf_counter()
        self._backend.run(task, count)
        self._backend.synchronize()
        return time.perf_counter() - began
