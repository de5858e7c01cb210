"""What a bug report needs to say about the machine: no host name, and no user name."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Asked for their versions, and not imported.
PACKAGES = (
    *("numpy", "safetensors", "threadpoolctl", "rich"),
    *("cupy-cuda13x", "cupy-cuda12x", "cupy", "scikit-learn", "pyarrow", "matplotlib", "onnx"),
)
# What changes how NumPy, its BLAS or CuPy compute, or which devices they see.
VARIABLES = (
    *("OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("MKL_CBWR", "NPY_DISABLE_CPU_FEATURES", "GDNET_CPU_KERNEL", "CUDA_VISIBLE_DEVICES"),
    "CUPY_TF32",
)


def describe_machine() -> dict[str, Any]:
    """Return versions, processor, memory, BLAS, devices, and why ``auto`` takes which."""
    import numpy as np

    from gdnet._version import __version__
    from gdnet.backends import ENGINES, choose_backend
    from gdnet.backends.cpu_library import find_library
    from gdnet.backends.host import available_memory, usable_cpus
    from gdnet.errors import DataError

    try:
        kernels = find_library()
    except DataError as error:  # what is asked for by a variable, and is not there
        return {"gdnet": __version__, "cpu_kernels": str(error)}
    cpu, compiled = choose_backend("cpu").backend, not isinstance(kernels, str)
    auto = choose_backend("auto")
    simd = np.show_config("dicts")["SIMD Extensions"]
    return {
        "gdnet": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "processor": _processor(),
        "cpu_features": [*simd.get("baseline", ()), *simd.get("found", ())],
        "cpus": usable_cpus(),
        "cpus_of_machine": os.cpu_count(),
        "memory_gib": _gib(cpu.memory().total),
        "memory_available_gib": _gib(available_memory()),
        "blas": _blas(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "cpu": cpu.describe(),
        "cpu_engines": [each for each in ENGINES["cpu"] if compiled or each != "compiled"],
        "cpu_kernels": kernels if isinstance(kernels, str) else kernels.instruction_set,
        **_describe_cuda(),
        "auto": auto.backend.name,
        "auto_why": auto.why,
    }


def _describe_cuda() -> dict[str, Any]:
    from gdnet.backends import ENGINES, get_backend
    from gdnet.backends.cuda.backend import device_count
    from gdnet.errors import DeviceUnavailable

    try:
        backend = get_backend("cuda")
    except DeviceUnavailable as unavailable:
        return {"cuda": None, "cuda_reason": unavailable.reason}
    return {
        "cuda": backend.describe(),
        "cuda_engines": list(ENGINES["cuda"]),
        "cuda_devices": device_count(),
        "cuda_memory_gib": _gib(backend.memory().total),
    }


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    return [
        {key: library[key] for key in keys if key in library}
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def _processor() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / 2**30, 1)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
