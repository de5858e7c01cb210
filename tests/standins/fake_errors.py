"""What CUDA and CuPy raise, in the stand-in for CuPy."""

from __future__ import annotations

ERRORS = {
    2: "cudaErrorMemoryAllocation: out of memory",
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
    101: "cudaErrorInvalidDevice: invalid device ordinal",
    209: "cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the "
    "device",
    803: "cudaErrorSystemDriverMismatch: system has unsupported display driver / cuda driver "
    "combination",
}


class CUDARuntimeError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__(ERRORS[status])
        self.status = status


class CUBLASError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__({3: "CUBLAS_STATUS_ALLOC_FAILED"}[status])
        self.status = status


class OutOfMemoryError(MemoryError):
    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        suffix = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(
            f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{suffix})."
        )


class CompileException(Exception):  # noqa: N818 - CuPy's name
    """What CuPy raises with NVRTC's messages when a kernel does not compile."""


class DynamicLibNotFoundError(RuntimeError):
    """What cuda.pathfinder raises for a library that it does not find."""


def nvrtc_missing() -> Exception:
    return DynamicLibNotFoundError('Failure finding "libnvrtc.so.13": No such file\nmore lines')


def headers_missing() -> Exception:
    return RuntimeError("Failed to find CUDA headers. Please install cupy-cuda13x[ctk]")


def cublas_missing() -> Exception:
    return ImportError('Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file')


def does_not_compile() -> Exception:
    return CompileException("nvrtc: error: invalid value for --gpu-architecture (-arch)\n")
