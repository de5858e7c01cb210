"""Compile the kernels of the CPU, where there is a compiler; everything else is in pyproject.toml.

Without a compiler, or if compiling fails, gdnet is installed without them and computes with NumPy;
``gdnet info`` says so. The library has no Python ABI: one wheel serves every Python.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

SOURCES = Path("backends/cpu_kernel")
LIBRARY = "libgdnet_cpu.so"
FLAGS = ["-O2", "-std=c++17", "-fPIC", "-ffp-contract=off", "-fno-math-errno"]
FLAGS += ["-fno-exceptions", "-fno-rtti"]
AVX2 = ["-mavx2", "-mfma", "-mprefer-vector-width=512"]
#: By machine: the endings of the functions, and what the compiler is told.
INSTRUCTION_SETS = {
    "x86_64": {
        # No more than supports.cpp asks the processor for.
        "v4": [*AVX2, *(f"-mavx512{part}" for part in ("f", "bw", "cd", "dq", "vl"))],
        "v3": AVX2,
    },
    "aarch64": {"neon": ["-march=armv8-a"]},
}
INSTRUCTION_SETS["arm64"] = INSTRUCTION_SETS["aarch64"]


def compile_library(to: Path, objects: Path, compiler: list[str]) -> None:
    """Compile once for each instruction set, side by side, and link."""
    machine = platform.machine()
    if machine not in INSTRUCTION_SETS or sys.platform == "win32" or sys.maxsize < 2**32:
        raise CompileError(f"there are no kernels for {machine} on {sys.platform}")
    objects.mkdir(parents=True, exist_ok=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)  # of an earlier build, should this one fail
    # GCC warns that vectors are passed in other ways by other compilers: all are inlined.
    flags = [*compiler, *FLAGS, "-Wall", "-Wextra", "-Wno-psabi"]
    kernel, supports = (str(SOURCES / name) for name in ("kernel.cpp", "supports.cpp"))
    commands = [[*flags, "-c", supports, "-o", str(objects / "supports.o")]]
    commands += [
        [*flags, *march, f"-DISA={ending}", *("-c", kernel, "-o", str(objects / f"{ending}.o"))]
        for ending, march in INSTRUCTION_SETS[machine].items()
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(_run, commands))
    made = [command[-1] for command in commands]
    # Nothing of the C++ library is used, and it may not be there later.
    link = ["-Wl,--as-needed", "-s"] if sys.platform == "linux" else []
    _run([*compiler, "-shared", *link, *made, "-o", str(to)])


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CompileError(str(error)) from None


def find_compiler() -> list[str]:
    """Return the command of a C++ compiler."""
    if "CXX" in os.environ:
        return shlex.split(os.environ["CXX"])
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise CompileError("there is no C++ compiler")


class BuildLibrary(build_ext):
    """Makes the shared library in the place of an extension module."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the name without that of a Python."""
        return str(Path(*fullname.split(".")[:-1]) / LIBRARY)

    def build_extension(self, ext: Any) -> None:
        """Compile, or say why not."""
        to = Path(self.get_ext_fullpath(ext.name))
        compile_library(to, Path(self.build_temp) / "cpu_kernel", find_compiler())


class PlatformWheel(bdist_wheel):
    """A wheel for one platform and every Python 3."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return its tag."""
        return "py3", "none", super().get_tag()[2]


if __name__ == "__main__":
    sources = sorted(map(str, SOURCES.glob("*.cpp")))
    headers = sorted(map(str, SOURCES.glob("*.hpp")))
    kernels = Extension("gdnet.backends.libgdnet_cpu", sources, depends=headers, optional=True)
    setup(
        ext_modules=[kernels],
        cmdclass={"build_ext": BuildLibrary, "bdist_wheel": PlatformWheel},
    )
