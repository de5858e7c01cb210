"""The kernels compile for every GPU that CUDA 13 knows, and keep to its registers.

Needs CuPy and NVRTC, but no driver and no GPU: pip install 'cupy-cuda13x>=14.2,<15'
nvidia-cuda-nvrtc
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gdnet.backends.cuda.fused import REGISTER_BLOCK, configuration
from gdnet.backends.cuda.sources import G1, G2, options, source

nvrtc: Any = pytest.importorskip("cupy_backends.cuda.libs.nvrtc", reason="CuPy is not installed")


@pytest.fixture(autouse=True)
def _nvrtc_is_there() -> None:
    try:
        nvrtc.getVersion()
    except RuntimeError as error:
        pytest.skip(f"NVRTC does not load: {str(error).splitlines()[0]}")


ARCHITECTURES = [75, 80, 86, 89, 90, 100, 120]


def report(name: str, defines: tuple[str, ...], architecture: int) -> list[tuple[int, int]]:
    """Return registers and bytes of spills of each kernel of a source."""
    program = nvrtc.createProgram(source(name), name, (), ())
    # As CuPy compiles, and with a report of the assembler.
    flags = (*defines, "-ftz=true", f"-arch=sm_{architecture}", "--ptxas-options=-v")
    try:
        nvrtc.compileProgram(program, flags)
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program))
    log = nvrtc.getProgramLog(program)
    nvrtc.destroyProgram(program)
    registers = map(int, re.findall(r"Used (\d+) registers", log))
    spills = map(int, re.findall(r"(\d+) bytes spill stores", log))
    return list(zip(registers, spills, strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ["cublas_fused.cu", "packed.cu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_between_products(name: str, dtype: Any, architecture: int) -> None:
    kernels = report(name, options(dtype), architecture)
    assert len(kernels) == {"cublas_fused.cu": 5, "packed.cu": 2}[name]
    for registers, spills in kernels:
        assert registers <= 64  # 1024 threads, half of what a multiprocessor holds
        assert spills <= 16


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("g2", ["sigmoid", "identity"])
@pytest.mark.parametrize(("n0", "n1"), [(28, 128), (32, 256), (30, 32), (8, 64), (13, 50)])
def test_fused_kernel_spills_nothing(n0: int, n1: int, g2: str, architecture: int) -> None:
    config = configuration(n0, n1)
    assert config is not None
    defines = {name.upper(): value for name, value in config._asdict().items()}
    flags = options(np.float32, N0=n0, N1=n1, G1=G1["tanh"], G2=G2[g2], **defines)
    ((registers, spills),) = report("fused.cu", flags, architecture)
    # One register in all, for 30 features on 8.0: an instruction of a step.
    assert spills <= 4 * (n0 == 30 and architecture == 80)
    assert registers * config.threads * config.resident <= 2**16


@pytest.mark.parametrize("g1", G1)
def test_fused_kernel_compiles_with_every_activation(g1: str) -> None:
    config = configuration(28, 128)
    assert config is not None
    defines = {name.upper(): value for name, value in config._asdict().items()}
    flags = options(np.float32, N0=28, N1=128, G1=G1[g1], G2=G2["sigmoid"], **defines)
    report("fused.cu", flags, 90)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("g2", ["sigmoid", "identity"])
@pytest.mark.parametrize(("n0", "n1"), [(1, 1), (2, 4), (2, 16), (5, 9), (12, 5)])
def test_register_resident_kernels_spill_nothing(
    n0: int, n1: int, g2: str, architecture: int
) -> None:
    flags = options(np.float32, N0=n0, N1=n1, G1=G1["tanh"], G2=G2[g2], BLOCK=REGISTER_BLOCK)
    kernels = report("register_resident.cu", flags, architecture)
    assert len(kernels) == 2
    assert all(spills == 0 for _, spills in kernels)
