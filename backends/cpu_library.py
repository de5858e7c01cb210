"""The compiled kernels of the CPU: a shared library without Python's ABI, called through ctypes.

It is made from cpu_kernel/ when gdnet is installed, where there is a compiler (see setup.py), once
for each instruction set, and the best one that the processor has is taken. All give the same bits.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.errors import DataError

#: The file, beside this one.
LIBRARY = "libgdnet_cpu.so"
# As in cpu_kernel/supports.cpp. Another one, in both, for other arguments or another arithmetic.
INTERFACE = 4
REMEDY = (
    "where there is g++ 12 or later, or clang, install gdnet again, without pip's cache "
    "(--no-cache-dir --force-reinstall)"
)
#: The instruction sets by what users call them, the best first, and the endings of the functions.
INSTRUCTION_SETS = {
    "x86_64": {"x86-64-v4": "v4", "x86-64-v3": "v3"},
    "aarch64": {"aarch64": "neon"},
    "arm64": {"aarch64": "neon"},
}
# For tests and bug reports: one of the names above, or "none".
VARIABLE = "GDNET_CPU_KERNEL"
NOT_WANTED = f"{VARIABLE}=none"

REAL = {"float32": ctypes.c_float, "float64": ctypes.c_double}
POINTER, COUNT = ctypes.c_void_p, ctypes.c_int64


class Kernels(NamedTuple):
    """The functions for one dtype.

    Attributes
    ----------
    gradient, cost, outputs : callable
        Of a block: ``(g1, g2, X, Y, weights, W1, b1, W2, b2, m, n0, n1, n2, out, memory)``, see
        block.hpp.
    outputs_of_float32 : callable
        `outputs` for X in float32, whatever the dtype.
    descend : callable
        Many iterations on a block, see descend.hpp.
    memory : callable ``(n0, n1, n2, m) -> int``
        Bytes that they work in; m is 0 but for `descend`.
    """

    gradient: Callable[..., None]
    cost: Callable[..., None]
    outputs: Callable[..., None]
    outputs_of_float32: Callable[..., None]
    descend: Callable[..., None]
    memory: Callable[..., int]


class Library(NamedTuple):
    """The library and the instruction set that is used of it.

    Attributes
    ----------
    library : ctypes.CDLL
        The library, loaded.
    instruction_set : str
        How the set is called in messages.
    ending : str
        What the names of the functions of that set end in.
    """

    library: ctypes.CDLL
    instruction_set: str
    ending: str

    def kernels(self, dtype: np.dtype[Any]) -> Kernels:
        """Return the functions for float32 or float64."""
        real = REAL[dtype.name]
        functions, shape = [ctypes.c_int] * 2, [COUNT] * 4  # g1, g2; m, n0, n1, n2
        block = [*functions, *[POINTER] * 7, *shape, *[POINTER] * 2]
        descend = [*functions, *[POINTER] * 3, *shape, real, real, COUNT, *[POINTER] * 4]
        of_float32 = "outputs" if dtype == np.float32 else "outputs_of_float32"
        return Kernels(
            self.function("gradient", dtype, block),
            self.function("cost", dtype, block),
            self.function("outputs", dtype, block),
            self.function(of_float32, dtype, block),
            self.function("descend", dtype, descend),
            self.function("memory", dtype, [COUNT] * 4, COUNT),
        )

    def function(
        self, name: str, dtype: np.dtype[Any], arguments: list[Any], result: Any = None
    ) -> Any:
        """Return a function of the library; it runs without the GIL."""
        found = getattr(self.library, f"f{8 * dtype.itemsize}_{name}_{self.ending}")
        found.argtypes, found.restype = arguments, result
        return found


@functools.cache
def find_library() -> Library | str:
    """Return the library, or in words why there is none.

    Raises
    ------
    DataError
        If `GDNET_CPU_KERNEL` asks for an instruction set that is not there.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "none":
        return NOT_WANTED
    known = INSTRUCTION_SETS.get(platform.machine(), {})
    path = Path(__file__).with_name(LIBRARY)
    if not known or (sys.platform == "win32" and not path.exists()):
        return f"there are no kernels for {platform.machine()} on {sys.platform}"
    if not path.exists():
        return f"they were not compiled when gdnet was installed; {REMEDY}"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        return f"they cannot be loaded: {error}"
    interface = getattr(library, "gdnet_interface", None)
    if interface is None or interface() != INTERFACE:
        return f"they were compiled for another version of gdnet; {REMEDY}"
    there = {name: ending for name, ending in known.items() if _runs(library, ending)}
    if wanted:
        if wanted not in there:
            raise DataError(
                f"{VARIABLE}: expected {' or '.join([*there, 'none'])} on this processor, got "
                f"{wanted!r}"
            )
        return Library(library, wanted, there[wanted])
    for name, ending in there.items():
        return Library(library, name, ending)
    return f"the processor has none of {', '.join(known)}"


def _runs(library: ctypes.CDLL, ending: str) -> bool:
    supported = getattr(library, f"gdnet_supports_{ending}", None)
    return supported is not None and bool(supported())
