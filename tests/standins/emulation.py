"""CUDA kernels on the CPU: compiled by g++ against cuda_emulation.h, and called from NumPy."""

from __future__ import annotations

import atexit
import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
MAX_THREADS = 1024
ERRORS = {
    1: "another number of arguments than the kernel has",
    2: "an argument of another size than the kernel's",
    3: "threads wait at a barrier that others never reach",
}

# Grid, block, arguments, and the number of multiprocessors.
Launch = Callable[[tuple[int, ...], tuple[int, ...], list[Any], int], None]

GXX = shutil.which("g++")
# More optimisation takes longer than it saves: each kernel runs for milliseconds.
FLAGS = ["-std=c++17", "-O1", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-w", "-fPIC"]
FLAGS += ["-fvisibility=hidden"]  # with what is not, each read of threadIdx goes through a table


@functools.cache
def _runtime() -> tuple[Path, Path]:
    """Return what all kernels have in common: the header, precompiled, and what runs threads."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    header = Path(shutil.copy(HERE / "cuda_emulation.h", folder.name))
    _run_gxx("-x", "c++-header", "-o", f"{header}.gch", str(header))
    threads = header.with_suffix(".o")
    _run_gxx("-c", "-o", str(threads), str(HERE / "cuda_emulation.cpp"))
    return header, threads


def _run_gxx(*arguments: str) -> None:
    assert GXX is not None
    done = subprocess.run([GXX, *FLAGS, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"g++ does not compile the kernels:\n{done.stderr[:4000]}")


@functools.cache
def compiled(code: str, defines: tuple[str, ...]) -> dict[str, Launch]:
    """Return the kernels of a CUDA source by name, called with all of a `Launch`.

    An argument is an address (int) or a NumPy scalar.
    """
    names = re.findall(r"__global__\s+void\s*(?:__launch_bounds__\([^\n]*\))?\s*(\w+)\(", code)
    runners = "\n".join(f"RUNNER({name})" for name in names)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "kernels.cpp"), Path(folder, "kernels.so")
        header, threads = _runtime()
        source.write_text(f'#include "{header}"\n{code}\n{runners}\n')
        _run_gxx("-shared", *defines, "-o", str(library), str(source), str(threads))
        functions = ctypes.CDLL(str(library))
    return {name: _launcher(getattr(functions, f"run_{name}"), name) for name in names}


def _launcher(run: Any, name: str) -> Launch:
    def launch(
        grid: tuple[int, ...], block: tuple[int, ...], arguments: list[Any], multiprocessors: int
    ) -> None:
        if np.prod(block) > MAX_THREADS or max(grid) >= 2**31 or max(grid[1:], default=0) >= 2**16:
            raise ValueError(f"{name}: no GPU takes grid {grid} and block {block}")
        # Addresses as 8 bytes, scalars as they are: what a kernel's arguments are made of.
        values = [np.uint64(a) if isinstance(a, int) else a for a in arguments]
        places = [np.array(value) for value in values]
        pointers = (ctypes.c_void_p * len(places))(*(p.ctypes.data for p in places))
        sizes = (ctypes.c_uint * len(places))(*(p.nbytes for p in places))
        code = run(_dim3(grid), _dim3(block), pointers, sizes, len(places), multiprocessors)
        if code:
            raise RuntimeError(f"{name}: {ERRORS[code]}")

    return launch


def _dim3(sizes: tuple[int, ...]) -> Any:
    return (ctypes.c_uint * 3)(*(*sizes, 1, 1)[:3])
