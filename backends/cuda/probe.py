"""Whether a CUDA device really works, and if not, what is missing and what to do about it."""

from __future__ import annotations

import re
from types import ModuleType

import numpy as np

from gdnet.errors import DeviceUnavailable

OLDEST_CUPY = (14, 2)

# Codes of cudaError_t and cublasStatus_t.
CUDA_OUT_OF_MEMORY = 2
CUDA_INSUFFICIENT_DRIVER = 35
CUDA_NO_DEVICE = 100
CUDA_NO_KERNEL_IMAGE = 209
CUBLAS_ALLOC_FAILED = 3


def load_cupy() -> ModuleType:
    """Return CuPy.

    Returns
    -------
    module
        CuPy, imported.

    Raises
    ------
    DeviceUnavailable
        If it is missing, broken or too old.
    """
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise _broken_cupy(error) from error
        raise DeviceUnavailable(
            "no-cupy",
            "CuPy is not installed: pip install 'cupy-cuda13x[ctk]' (for NVIDIA drivers with "
            "CUDA 13) or 'cupy-cuda12x[ctk]' (with CUDA 12); nvidia-smi shows which it is",
        ) from None
    except Exception as error:
        raise _broken_cupy(error) from error
    version = re.match(r"(\d+)\.(\d+)", cupy.__version__)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_CUPY:
        oldest = ".".join(map(str, OLDEST_CUPY))
        raise DeviceUnavailable(
            "old-cupy",
            f"expected CuPy {oldest} or later, found {cupy.__version__}: pip install --upgrade "
            "'cupy-cuda13x[ctk]' (in place of cupy-cuda12x: 'cupy-cuda12x[ctk]')",
        )
    return cupy  # type: ignore[no-any-return]  # CuPy has no types


def device_count() -> int:
    """Return the number of CUDA devices, working or not.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    DeviceUnavailable
        If there is none, or CuPy or the driver does not work.
    """
    return _count(load_cupy())


def probe(cupy: ModuleType, index: int) -> None:
    """Run a kernel, a reduction and a matrix product on device `index`, and check the numbers.

    CuPy loads its compiler and its libraries at the first use of each, so a half-installed
    toolkit shows only here; better now than in the middle of a training.

    Raises
    ------
    DeviceUnavailable
        If the device is not there or does not work; it says why and what to do.
    """
    count = _count(cupy)
    if index >= count:
        found = "1 CUDA device, cuda:0" if count == 1 else f"{count}, cuda:0 to cuda:{count - 1}"
        raise DeviceUnavailable(
            "bad-index",
            f"there is no cuda:{index}: found {found}; CUDA_VISIBLE_DEVICES may hide others",
        )
    try:
        with cupy.cuda.Device(index):
            x = cupy.arange(6, dtype=np.float32).reshape(2, 3)
            checks = (
                ("kernel", x * x + 1, [[1, 2, 5], [10, 17, 26]]),
                ("sum", x.sum(), 15),
                ("matrix product", x @ x.T, [[5, 14], [14, 50]]),
            )
            wrong = [name for name, got, right in checks if (cupy.asnumpy(got) != right).any()]
    except Exception as error:
        raise _explain(cupy, index, error) from error
    if wrong:
        raise DeviceUnavailable(
            "wrong-result",
            f"cuda:{index} computes wrong numbers ({', '.join(wrong)}): do not use this device; "
            "restart the machine, and have the GPU checked if it happens again",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error means that the memory of the device is full."""
    # By name: to import the class of cuBLAS takes cuBLAS, which may be what is missing.
    return (type(error).__name__, getattr(error, "status", None)) in {
        ("OutOfMemoryError", None),
        ("CUDARuntimeError", CUDA_OUT_OF_MEMORY),
        ("CUBLASError", CUBLAS_ALLOC_FAILED),
    }


def cuda_version(number: int) -> str:
    """Return CUDA's version number, such as 13020, as "13.2"."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _count(cupy: ModuleType) -> int:
    runtime = cupy.cuda.runtime
    try:
        count = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        if error.status == CUDA_INSUFFICIENT_DRIVER:
            raise _unfit_driver(runtime.driverGetVersion(), runtime.runtimeGetVersion()) from error
        if error.status != CUDA_NO_DEVICE:
            raise DeviceUnavailable(
                "cuda-error",
                f"CUDA does not start: {_first_line(error)}; see whether nvidia-smi works, "
                "and restart the machine if the driver was updated",
            ) from error
        count = 0
    if count == 0:
        raise DeviceUnavailable(
            "no-device",
            f"the NVIDIA driver (CUDA {cuda_version(runtime.driverGetVersion())}) shows no device: "
            "see whether nvidia-smi lists one and CUDA_VISIBLE_DEVICES does not hide it",
        )
    return count


def _unfit_driver(driver: int, needed: int) -> DeviceUnavailable:
    if driver == 0:  # what CUDA reports where libcuda does not load
        return DeviceUnavailable(
            "no-driver",
            "no NVIDIA driver is loaded: install one and see whether nvidia-smi works "
            "(a container needs its --gpus option)",
        )
    remedy = "update the driver"
    if driver // 1000 == 12 < needed // 1000:
        remedy += f", or {_change_to_cuda_12(needed)}"
    return DeviceUnavailable(
        "old-driver",
        f"the NVIDIA driver supports CUDA {cuda_version(driver)}, and this CuPy needs "
        f"{cuda_version(needed)}: {remedy}",
    )


def _explain(cupy: ModuleType, index: int, error: Exception) -> DeviceUnavailable:
    """Return what an error of the probe means."""
    runtime = cupy.cuda.runtime.runtimeGetVersion()
    # The wheel that is installed suits the driver, or no device would have been counted.
    extra = "cupy-cuda13x[ctk]" if runtime >= 13000 else "cupy-cuda12x[ctk]"
    text, line = str(error), _first_line(error)
    if is_out_of_memory(error):
        return DeviceUnavailable(
            "no-memory",
            f"cuda:{index} has no free memory ({line}): nvidia-smi shows which processes hold it",
        )
    for library, reason in (("NVRTC", "no-compiler"), ("cuBLAS", "no-cublas")):
        if f"lib{library.lower()}" in text:
            return DeviceUnavailable(
                reason, f"CUDA's {library} does not load ({line}): pip install '{extra}'"
            )
    if "CUDA headers" in text:
        return DeviceUnavailable(
            "no-headers",
            f"the CUDA headers are missing: pip install '{extra}', or set CUDA_PATH to a toolkit",
        )
    name = type(error).__name__
    if name == "CompileException" or getattr(error, "status", None) == CUDA_NO_KERNEL_IMAGE:
        capability = cupy.cuda.Device(index).compute_capability
        remedy = "check CUDA_PATH and empty the folder ~/.cupy/kernel_cache"
        if runtime >= 13000 and int(capability) < 75:
            remedy = f"CUDA 13 needs 7.5 or later; {_change_to_cuda_12(runtime)}"
        return DeviceUnavailable(
            "no-kernel",
            f"kernels do not compile for cuda:{index}, compute capability "
            f"{capability[:-1]}.{capability[-1]} ({line}): {remedy}",
        )
    return DeviceUnavailable(
        "cuda-error",
        f"cuda:{index} does not work ({name}: {line}): see whether nvidia-smi works, "
        f"and pip install '{extra}' again",
    )


def _broken_cupy(error: Exception) -> DeviceUnavailable:
    # CuPy wraps what went wrong in a page of advice; the cause is the line that helps.
    cause = error.__cause__ or error
    return DeviceUnavailable(
        "broken-cupy",
        f"CuPy is installed but does not import ({type(cause).__name__}: {_first_line(cause)}): "
        "pip uninstall every cupy package that pip list shows, and pip install 'cupy-cuda13x[ctk]' "
        "(for drivers with CUDA 12: 'cupy-cuda12x[ctk]')",
    )


def _change_to_cuda_12(runtime: int) -> str:
    # Both wheels install the package cupy, so the one that is there has to go first.
    return f"pip uninstall cupy-cuda{runtime // 1000}x and pip install 'cupy-cuda12x[ctk]'"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
