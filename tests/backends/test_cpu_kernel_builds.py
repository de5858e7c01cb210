"""The kernels of the CPU by several compilers and for other processors: one hash for all.

The builds for aarch64 run under qemu, which shares the floating-point unit of this processor for
much of it: that shows what the instructions mean, and is no run on such a processor.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.checkout import ROOT

# Of what is computed of examples, and after it of counted scores.
PRINTED = "dac7554ac8b85e75\n0e8ff8ed0e0e5696\n424f67ef6dca5b5e\n"
DRIVER = ROOT / "tests" / "support" / "cpu_kernel_driver.cpp"
KERNEL = ROOT / "backends" / "cpu_kernel" / "kernel.cpp"
FLAGS = ["-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Wno-psabi"]
CROSS, QEMU = "aarch64-linux-gnu-g++", "qemu-aarch64-static"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the builds are those of x86-64"),
]


class Build(NamedTuple):
    """How the kernels are compiled."""

    compiler: str
    instruction_set: str
    flags: tuple[str, ...]


def flags_of_processor() -> set[str]:
    found = Path("/proc/cpuinfo")
    text = found.read_text() if found.exists() else ""
    return {word for line in text.splitlines() if line.startswith("flags") for word in line.split()}


V3, V4 = ("-march=x86-64-v3",), ("-march=x86-64-v4", "-mprefer-vector-width=512")
NEON = ("-march=armv8-a",)
BUILDS = {
    "g++ v3": Build("g++", "v3", ("-O2", *V3)),
    "clang++ v3": Build("clang++", "v3", ("-O2", *V3)),
    "aarch64": Build(CROSS, "neon", ("-O2", *NEON)),
}
if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags_of_processor():
    BUILDS |= {"g++ v4": Build("g++", "v4", ("-O3", *V4))}


def printed(folder: Path, build: Build) -> str:
    """Compile the kernels and the driver, run them, and return what is printed."""
    for needed in (build.compiler, QEMU if build.compiler == CROSS else build.compiler):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is missing")
    static = ["-static"] if build.compiler == CROSS else []
    name = f"-DISA={build.instruction_set}"
    command = [build.compiler, *FLAGS, *build.flags, name, str(KERNEL), str(DRIVER), *static]
    subprocess.run([*command, "-o", str(folder / "driver")], check=True)
    run = [QEMU] if build.compiler == CROSS else []
    done = subprocess.run([*run, str(folder / "driver")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_every_build_has_the_same_bits(tmp_path: Path, build: Build) -> None:
    assert printed(tmp_path, build) == PRINTED


def test_contraction_by_the_compiler_would_be_seen(tmp_path: Path) -> None:
    build = Build(CROSS, "neon", ("-O2", *NEON, "-ffp-contract=fast"))
    assert printed(tmp_path, build) != PRINTED


def test_nothing_beyond_the_buffers_and_nothing_undefined(tmp_path: Path) -> None:
    checks = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert printed(tmp_path, Build("g++", "v3", (*checks, *V3))) == PRINTED
