"""CuPy on a CUDA GPU: one stream, and blocks that stay on the device while its memory lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.errors import DeviceUnavailable

from .base import Backend, Block, Memory
from .cuda_precision import check_precision, matmul_precision
from .cuda_probe import cuda_version, device_count, is_out_of_memory, load_cupy, probe

__all__ = ["CudaBackend", "device_count"]

# A work array (n1, block) of this size keeps the device busy for far longer than Python needs to
# launch the next kernel, and a handful of them fit on any device.
WORK_ARRAY_BYTES = 2**28
COLUMNS_MULTIPLE = 4096
# X has up to 4 times the rows of a work array before it narrows the block: it is there only once.
X_ROWS_PER_WORK_ROW = 4
# From 2**31 elements on, CuPy computes with 64-bit indices and without its fast sums.
MOST_ELEMENTS = 2**31 - 1

# The memory that data leave free: work arrays alive at a time, for the greediest of the
# activations, and something for cuBLAS, compiled kernels and fragmentation.
WORK_ARRAYS = 8
SPARE_BYTES = 2**30
SPARE_FRACTION = 10

# cudaDevAttrSingleToDoublePrecisionPerfRatio
FLOAT32_TO_FLOAT64 = 87


class CudaBackend(Backend):
    """CuPy on one CUDA device.

    Parameters
    ----------
    index : int
        Number of the device, from 0.
    precision : {"highest", "tf32"}, default "highest"
        Of matrix products in float32.
    fused : {"auto", "never", "always"}, default "auto"
        Whether the fused kernel computes the gradient.

    Raises
    ------
    DataError
        For ``tf32`` on a device that has none.
    DeviceUnavailable
        If CuPy or the device cannot be used; it says why and what to do.
    """

    asynchronous = True

    def __init__(self, index: int, *, precision: str = "highest", fused: str = "auto") -> None:
        self.xp: ModuleType = load_cupy()
        self.index = index
        self.name = f"cuda:{index}"
        self.precision = precision
        self.fused = fused
        probe(self.xp, index)
        check_precision(precision, self.name, self.device().compute_capability)

    @property
    def float64_slowdown(self) -> int:
        """Return how many times slower float64 is: 2 on cards for computing, up to 64 on others."""
        return int(self.xp.cuda.runtime.deviceGetAttribute(FLOAT32_TO_FLOAT64, self.index))

    def asarray(self, a: Any, dtype: npt.DTypeLike | None = None) -> Any:
        """Return `a` as a CuPy array on this device."""
        with self.device():
            return self.xp.asarray(a, dtype)

    def to_numpy(self, a: Any) -> np.ndarray[Any, Any]:
        """Return a copy of `a` on the host."""
        with self.device():
            return np.asarray(self.xp.asnumpy(a))

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Make this device the current one of the thread, and the precision that of CuPy.

        Raises
        ------
        DataError
            While another thread computes with another precision.
        DeviceUnavailable
            In place of CuPy's own error when the memory of the device does not suffice.
        """
        with self.device():
            matmul_precision.enter(self.xp, self.precision)
            try:
                yield
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise DeviceUnavailable(
                    "no-memory",
                    f"the memory of {self.name} does not suffice ({error}): choose a smaller "
                    "block size, or free what other processes hold (nvidia-smi shows them)",
                ) from error
            finally:
                matmul_precision.leave(self.xp)

    def synchronize(self) -> None:
        """Wait for the current stream of this device."""
        with self.device():
            self.xp.cuda.get_current_stream().synchronize()

    def memory(self) -> Memory:
        """Return what the arrays of this process use, and the memory of the device."""
        with self.device() as device:
            _, total = device.mem_info
            return Memory(self.xp.get_default_memory_pool().used_bytes(), None, total)

    def peak_memory(self, work: Callable[[], object]) -> int | None:
        """Call `work`, and return by how much CuPy's pool grew, in which freed memory stays."""
        with self.device():
            pool = self.xp.get_default_memory_pool()
            pool.free_all_blocks()
            before = pool.total_bytes()
            work()
            return int(pool.total_bytes() - before)

    def describe(self) -> str:
        """Return the device, its compute capability, and the versions of CuPy and CUDA."""
        runtime = self.xp.cuda.runtime
        name = runtime.getDeviceProperties(self.index)["name"].decode()
        capability = self.device().compute_capability
        return (
            f"{name}, compute capability {capability[:-1]}.{capability[-1]}, "
            f"CuPy {self.xp.__version__}, "
            f"CUDA driver {cuda_version(runtime.driverGetVersion())}, "
            f"runtime {cuda_version(runtime.runtimeGetVersion())}"
        )

    def block_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return a width at which a work array takes about 256 MiB, and X at most about 1 GiB."""
        rows = max(n1, n2, -(-n0 // X_ROWS_PER_WORK_ROW))
        columns = WORK_ARRAY_BYTES // (rows * itemsize) // COLUMNS_MULTIPLE * COLUMNS_MULTIPLE
        return max(1, min(max(columns, COLUMNS_MULTIPLE), MOST_ELEMENTS // rows))

    def loader(
        self, read: Callable[[int], Block], count: int, dtype: npt.DTypeLike
    ) -> Callable[[int], Block]:
        """Return blocks on the device: copied once while its memory lasts, the rest every pass."""
        del count
        return _Loader(self, read, dtype).load

    def run(self, task: Callable[[int], None], count: int) -> None:
        """Call ``task(i)`` for each i in order: it only queues work, which the device runs."""
        for i in range(count):
            task(i)

    def device(self) -> Any:
        """Return CuPy's context manager for this device."""
        # A new one each time: threads may share the backend, but not a context that is entered.
        return self.xp.cuda.Device(self.index)


class _Loader:
    """Copies blocks to the device, and keeps them there as far as a budget of memory goes."""

    def __init__(
        self, backend: CudaBackend, read: Callable[[int], Block], dtype: npt.DTypeLike
    ) -> None:
        self._backend = backend
        self._read = read
        self._dtype = dtype
        self._resident: dict[int, Block] = {}
        self._keeps = True

    def load(self, i: int) -> Block:
        if i in self._resident:
            return self._resident[i]
        host = _laid_out(self._read(i), self._dtype)
        with self._backend.device():
            block = self._copied(host)
        nbytes = sum(array.nbytes for array in host if array is not None)
        # Asked anew for each block, because other data may have come to the device. There must be
        # room for one more, so that a block which is not kept fits beside those that are.
        self._keeps = self._keeps and nbytes <= self._bytes_for_data()
        if self._keeps:
            self._resident[i] = block
        return block

    def _copied(self, host: Block) -> Block:
        while True:
            try:
                weights = None if host.weights is None else self._to_device(host.weights)
                return Block(self._to_device(host.X).T, self._to_device(host.labels), weights)
            except Exception as error:
                if not (is_out_of_memory(error) and self._made_room()):
                    raise

    def _to_device(self, array: np.ndarray[Any, Any]) -> Any:
        # Not xp.asarray: it would copy through pinned memory of the next power of two of bytes,
        # and never give that back.
        on_device = self._backend.xp.empty(array.shape, array.dtype)
        on_device.set(array)
        return on_device

    def _made_room(self) -> bool:
        """Stop keeping blocks and give one up; return whether there was one."""
        self._keeps = False
        if not self._resident:
            return False
        self._resident.popitem()  # CuPy frees its pool by itself before an allocation fails
        return True

    def _bytes_for_data(self) -> int:
        with self._backend.device() as device:
            free, total = device.mem_info
            pool = self._backend.xp.get_default_memory_pool()
            free += pool.free_bytes()
            if pool.get_limit():
                total = pool.get_limit()
                free = min(free, total - pool.used_bytes())
        spare = min(SPARE_BYTES, total // SPARE_FRACTION)
        return int(free - WORK_ARRAYS * WORK_ARRAY_BYTES - spare)


def _laid_out(block: Block, dtype: npt.DTypeLike) -> Block:
    """Return a block of the host with X as rows, contiguous and of the types the device takes.

    The rows become columns again on the device, by ``.T``: the block is then in F order, so that
    neither ``W1 @ X`` nor ``dZ1 @ X.T`` makes CuPy copy it.
    """
    X, labels, weights = block
    return Block(
        np.ascontiguousarray(X.T, dtype),
        np.ascontiguousarray(labels, labels.dtype.newbyteorder("=")),
        None if weights is None else np.ascontiguousarray(weights, dtype),
    )
