"""What a core does at most: bench/peak.cpp, compiled for the instruction set of gdnet's kernels."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from gdnet.backends.cpu_library import Library, find_library

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O2", "-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-Wno-psabi")
_AVX512 = [f"-mavx512{part}" for part in ("f", "bw", "cd", "dq", "vl")]
INSTRUCTION_SETS = {
    "x86-64-v4": ["-mavx2", "-mfma", *_AVX512, "-mprefer-vector-width=512"],
    "x86-64-v3": ["-mavx2", "-mfma"],
    "aarch64": ["-march=armv8-a"],
}


class Peak:
    """The functions of bench/peak.cpp for one dtype, and the tanh of gdnet's kernels.

    They run without the GIL, each call on the core of its thread.

    Parameters
    ----------
    compiled : ctypes.CDLL
        bench/peak.cpp.
    library : Library
        gdnet's kernels.
    dtype : float32 or float64
        Of the numbers.
    """

    def __init__(self, compiled: ctypes.CDLL, library: Library, dtype: np.dtype[Any]) -> None:
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        prefix = f"f{8 * dtype.itemsize}"
        real = {4: ctypes.c_float, 8: ctypes.c_double}[dtype.itemsize]
        self._fma = getattr(compiled, f"{prefix}_fma")
        self._fma.argtypes, self._fma.restype = [number], real
        flops = getattr(compiled, f"{prefix}_flops_a_round")
        flops.restype = number
        self.flops_a_round: int = flops()
        self._read = getattr(compiled, f"{prefix}_read")
        self._read.argtypes, self._read.restype = [pointer, number], real
        self._vectors = 64 // dtype.itemsize
        self._tanh = library.function("tanh", dtype, [pointer, pointer, number])
        self._sleef_tanh: Any = getattr(compiled, f"{prefix}_sleef_tanh", None)
        if self._sleef_tanh is not None:
            self._sleef_tanh.argtypes = [pointer, pointer, number]
            self._sleef_tanh.restype = None

    @property
    def has_sleef(self) -> bool:
        """Whether SLEEF is there."""
        return self._sleef_tanh is not None

    def fma(self, rounds: int) -> None:
        """Multiply and add, `flops_a_round` operations a round."""
        self._fma(rounds)

    def read(self, x: np.ndarray[Any, Any]) -> None:
        """Read an array whose size is a multiple of 256."""
        self._read(x.ctypes.data, x.size)

    def own_tanh(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> None:
        """Write the tanh of gdnet's kernels into y; the size is a multiple of 256."""
        self._tanh(x.ctypes.data, y.ctypes.data, x.size // self._vectors)

    def sleef_tanh(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> None:
        """Write SLEEF's tanh, of up to 3.5 ulp, into y; the size is a multiple of 256."""
        self._sleef_tanh(x.ctypes.data, y.ctypes.data, x.size)


@functools.cache
def peak_of(dtype: np.dtype[Any]) -> Peak | None:
    """Return the functions for a dtype; None without gdnet's kernels or without g++."""
    library, compiled = find_library(), _compiled()
    if isinstance(library, str) or compiled is None:
        return None
    return Peak(compiled, library, dtype)


@functools.cache
def _compiled() -> ctypes.CDLL | None:
    library, compiler = find_library(), shutil.which("g++")
    if isinstance(library, str) or compiler is None:
        return None
    flags = [compiler, *FLAGS, *INSTRUCTION_SETS[library.instruction_set], str(SOURCE)]
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "peak.so"
        for sleef in (["-DSLEEF", "-lsleef"], []):
            done = subprocess.run([*flags, *sleef, "-o", str(to)], capture_output=True)
            if done.returncode == 0:
                return ctypes.CDLL(str(to))  # which stays loaded when the file is gone
    return None
