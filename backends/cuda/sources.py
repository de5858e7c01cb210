"""The CUDA sources that ship with gdnet, compiled by CuPy where they are needed."""

from __future__ import annotations

import functools
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array

# The activations that the kernels know, with their numbers in common.cuh. The others have a
# derivative that takes Z1, which is not kept.
G1 = {"tanh": 0, "sigmoid": 1, "relu": 2, "leaky_relu": 3, "identity": 4, "softplus": 5}
# The outputs, with theirs.
G2 = {"sigmoid": 0, "softmax": 1, "identity": 2}

# Where the sources are.
KERNELS = Path(__file__).parent / "kernels"

# What a kernel is called with: arrays, and NumPy scalars of its own types.
Argument: TypeAlias = Array | np.generic
# A pointer to nothing. Not None: CuPy would hand CUDA no argument at all.
NULL = np.uint64(0)


class Kernel(Protocol):
    """A function of CUDA, as CuPy calls it."""

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Argument, ...], /
    ) -> None:
        """Queue it."""


def source(name: str) -> str:
    """Return the text of a .cu file, with functions.cuh and common.cuh in front."""
    files = ("functions.cuh", "common.cuh", name)
    return "".join((KERNELS / file).read_text() for file in files)


def options(dtype: npt.DTypeLike, **defines: int) -> tuple[str, ...]:
    """Return the options of the compiler."""
    double = ("-DDOUBLE",) if np.dtype(dtype) == np.float64 else ()
    # No compiler is to decide which products are fused: common.cuh says more.
    return (
        "-std=c++17",
        "-fmad=false",
        *double,
        *(f"-D{name}={value}" for name, value in defines.items()),
    )


class Kernels:
    """The kernels of one source; CuPy compiles it for a device when the first is called there.

    ``kernels.name(grid, block, arguments)`` queues one.
    """

    def __init__(self, cupy: ModuleType, name: str, options: tuple[str, ...]) -> None:
        self._module = cupy.RawModule(code=source(name), options=options)

    def __getattr__(self, name: str) -> Kernel:
        kernel: Kernel = self._module.get_function(name)
        setattr(self, name, kernel)
        return kernel


@functools.cache
def kernels(cupy: ModuleType, name: str, options: tuple[str, ...]) -> Kernels:
    """Return the kernels of a .cu file; the same ones every time."""
    return Kernels(cupy, name, options)


def or_null(array: Array | None) -> Argument:
    """Return an array, or in place of none a pointer to nothing."""
    return NULL if array is None else array


def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)
