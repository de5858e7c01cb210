"""Whether the fused kernel of CUDA could have the bits of the CPU's kernels, and at what price.

    pip install 'cupy-cuda13x>=14.2,<15' nvidia-cuda-nvrtc nvidia-cuda-nvdisasm
    python -m bench.cuda_bits

Needs no GPU. First the functions for CUDA (backends/cuda/kernels/functions.cuh, and a tanh of the
same kind) are run on the CPU and compared with those of the compiled kernels, bit by bit. Then
fused.cu is compiled by NVRTC as it is and with parts of it exchanged, and the instructions of a
step are counted: the kernel is as slow as it takes to issue them. What follows from it is in
docs/gpu.md.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.backends.cpu_library import Library, find_library
from gdnet.backends.cuda import sources
from gdnet.backends.cuda.fused import configuration
from gdnet.backends.cuda.sources import G1, G2, options
from tests.standins import emulation

Numbers = npt.NDArray[np.float32]
Changes = tuple[tuple[str, str], ...]

OF_CUDA = sources.KERNELS / "functions.cuh"
TANH = Path(__file__).with_name("cuda_bits.cuh")
#: In the order of their numbers in cuda_bits.cuh.
NAMES = ("exp", "expm1", "log1p", "tanh")
SHAPE = (28, 128)

# Text of the sources, and what takes its place.
LIBRARY: Changes = (("#ifdef DOUBLE\n\n__device", "#if 1\n#define double float\n\n__device"),)
OWN_SIGMOID: Changes = (("sigmoid(z, MATH(exp)(", "sigmoid(z, exp_of_negative("),)
OWN_TANH: Changes = (("case TANH: return MATH(tanh)(z);", "case TANH: return own_tanh(z);"),)
# Without a branch in a division the compiler would mix the output with what is before and after it.
FENCE: Changes = (("if (G2 == IDENTITY_OUTPUT) __syncwarp();", "__syncwarp();"),)
SUMS: Changes = (
    ("db[UNITS], dv[UNITS],", "db[UNITS][2], dv[UNITS][4],"),
    ("db[u] = dv[u] = 0;", "db[u][0] = db[u][1] = dv[u][0] = dv[u][1] = dv[u][2] = dv[u][3] = 0;"),
    ("dv[u] = fmaf(di, a[u][i], dv[u]);", "dv[u][i % 4] = fmaf(di, a[u][i], dv[u][i % 4]);"),
    ("db[u] += dz[u];", "db[u][i % 2] += dz[u];"),
    ("+ db[u];", "+ (db[u][0] + db[u][1]);"),
    ("+ dv[u];", "+ ((dv[u][0] + dv[u][1]) + (dv[u][2] + dv[u][3]));"),
)


class Variant(NamedTuple):
    """A way to compile fused.cu."""

    name: str
    g1: str
    changes: Changes = ()
    short_division: bool = False


# Of each activation the first is what the others are compared with.
VARIANTS = (
    Variant("as it is", "tanh"),
    Variant("exp and log1p of CUDA", "tanh", LIBRARY),
    Variant("tanh of the CPU's kernels", "tanh", OWN_TANH),
    Variant("the same, a division in 7 instructions", "tanh", OWN_TANH + FENCE, True),
    Variant("sums of dW2 and db1 in the order of the CPU", "tanh", SUMS),
    Variant("as it is", "sigmoid"),
    Variant("exp of the CPU's kernels", "sigmoid", OWN_SIGMOID),
    Variant("as it is", "softplus"),
    Variant("exp, expm1 and log1p of CUDA", "softplus", LIBRARY),
    Variant("as it is", "relu"),
    Variant("exp and log1p of CUDA", "relu", LIBRARY),
)


def arguments(name: str, stride: int) -> Numbers:
    """Return every so many-th float32 that the function is made for, and the special ones."""
    every = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1], np.float32)
    x = np.concatenate([every[~np.isnan(every)], special])
    if name == "tanh":
        return x
    if name == "log1p":
        return x[~((x < 0) | (x > 1))]
    # Below it is 0 on CUDA, where the CPU goes through the denormal numbers.
    return x[~((x > 0) | (x < -87))] if name == "exp" else x[~(x > 0)]


def on_cpu(library: Library, name: str, x: Numbers) -> Numbers:
    """Return what the compiled kernels make of the numbers."""
    pointer = ctypes.c_void_p
    call = library.function(name, x.dtype, [pointer, pointer, ctypes.c_int64])
    x = np.concatenate([x, np.zeros(-len(x) % 16, np.float32)])
    y = np.empty_like(x)
    call(x.ctypes.data, y.ctypes.data, len(x) // 16)
    return y


def on_cuda(name: str, x: Numbers) -> Numbers:
    """Return what the functions for CUDA make of them, run by the emulation."""
    code = OF_CUDA.read_text() + TANH.read_text()
    y = np.empty_like(x)
    given = [np.int32(NAMES.index(name)), x.ctypes.data, np.int64(len(x)), y.ctypes.data]
    emulation.compiled(code, ("-DEVALUATE",))["evaluate"]((1,), (32,), given, 1)
    return y


def differences(library: Library, name: str, stride: int) -> tuple[int, int]:
    """Return how many numbers were compared, and of how many the bits differ."""
    x = arguments(name, stride)
    ours, theirs = on_cuda(name, x), on_cpu(library, name, x)[: len(x)]
    same = (ours.view(np.uint32) == theirs.view(np.uint32)) | (np.isnan(ours) & np.isnan(theirs))
    return len(x), int((~same).sum())


def source_of(variant: Variant) -> str:
    """Return the text of fused.cu and what stands in front of it, with some of it exchanged."""
    text = sources.source("fused.cu")
    functions = OF_CUDA.read_text()
    if variant.changes and variant.changes[0] == OWN_TANH[0]:
        text = text.replace(functions, functions + TANH.read_text())
    for old, new in variant.changes:
        if text.count(old) != 1:
            raise LookupError(f"expected once in functions.cuh, common.cuh or fused.cu: {old}")
        text = text.replace(old, new)
    return text


class Count(NamedTuple):
    """Of a compiled kernel."""

    instructions: int  # of the longest loop: a step
    registers: int
    spills: int  # bytes


def counted(nvrtc: Any, variant: Variant, architecture: int) -> Count:
    """Return the count for a network with a sigmoid output."""
    config = configuration(*SHAPE)
    assert config is not None
    n0, n1 = SHAPE
    defines = {name.upper(): value for name, value in config._asdict().items()}
    defines |= {"N0": n0, "N1": n1, "G1": G1[variant.g1], "G2": G2["sigmoid"]}
    flags = options(np.float32, **defines) + ("-DSHORT_DIVISION",) * variant.short_division
    program = nvrtc.createProgram(source_of(variant), "fused.cu", (), ())
    nvrtc.compileProgram(
        program, (*flags, "-ftz=true", f"-arch=sm_{architecture}", "--ptxas-options=-v")
    )
    log = nvrtc.getProgramLog(program)
    (registers,) = re.findall(r"Used (\d+) registers", log)
    (spills,) = re.findall(r"(\d+) bytes spill stores", log)
    # CuPy leaves the last byte out.
    return Count(longest_loop(nvrtc.getCUBIN(program) + b"\0"), int(registers), int(spills))


def longest_loop(cubin: bytes) -> int:
    """Return the instructions of the longest loop of the only kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(nvdisasm()), "-c", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    labels: dict[str, int] = {}
    count, longest = 0, 0
    for line in text.splitlines():
        if label := re.match(r"\s*(\.L_\w+):", line):
            labels[label[1]] = count
        elif instruction := re.match(r"\s*/\*[0-9a-f]+\*/\s+(.*?);", line):
            count += 1
            to = re.search(r"BRA.*`\((\.L_\w+)\)", instruction[1])
            if to and to[1] in labels:
                longest = max(longest, count - labels[to[1]])
    return longest


def nvdisasm() -> Path:
    """Return NVIDIA's disassembler, from its wheel."""
    files = importlib.metadata.files("nvidia-cuda-nvdisasm") or []
    return Path(str(next(file for file in files if file.name == "nvdisasm").locate()))


def main(given: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0 if the functions have the bits of the CPU."""
    parser = argparse.ArgumentParser(prog="python -m bench.cuda_bits", description=__doc__)
    parser.add_argument("--stride", type=int, default=64, help="look at every so many-th float32")
    parser.add_argument("--architectures", type=int, nargs="*", default=[80, 90, 100])
    chosen = parser.parse_args(given)
    library = find_library()
    if isinstance(library, str):
        print(f"the kernels of the CPU: {library}", file=sys.stderr)
        return 1
    all_same = True
    for name in NAMES:
        compared, differ = differences(library, name, chosen.stride)
        print(f"{name}: {compared:,} numbers compared, the bits of {differ:,} differ", flush=True)
        all_same &= differ == 0
    if chosen.architectures:
        nvrtc = importlib.import_module("cupy_backends.cuda.libs.nvrtc")

        print(f"\n{SHAPE[0]}-{SHAPE[1]}-1: instructions of a step of 8 examples\n")
        print("| compute capability | g1 | variant | instructions | | registers | spilled |")
        print("|---|---|---|---|---|---|---|")
    for architecture in chosen.architectures:
        first = 1
        for variant in VARIANTS:
            found = counted(nvrtc, variant, architecture)
            first = first if variant.changes else found.instructions
            print(
                f"| {architecture / 10} | {variant.g1} | {variant.name} | {found.instructions} "
                f"| {found.instructions / first - 1:+.1%} | {found.registers} "
                f"| {found.spills} B |",
                flush=True,
            )
    return 0 if all_same else 1


if __name__ == "__main__":
    sys.exit(main())
