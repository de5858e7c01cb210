"""CuPy on a CUDA GPU: one stream that computes, and blocks that come as `loader` has them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, HostArray
from gdnet.backends.base import Backend, Memory
from gdnet.backends.block_gradient import BlockGradient, Reference, ReferenceGradient
from gdnet.backends.blocks import Block, Grid, ReadBlock
from gdnet.backends.cuda.cublas_fused import CublasFusedGradient, why_not_cublas_fused
from gdnet.backends.cuda.device import CudaDevice
from gdnet.backends.cuda.fused import MEASURED_FASTER, fused_gradient, why_not_fused
from gdnet.backends.cuda.loader import Loader, resident_blocks
from gdnet.backends.cuda.pinned import PinnedCopies
from gdnet.backends.cuda.precision import check_precision, matmul_precision
from gdnet.backends.cuda.probe import cuda_version, device_count, is_out_of_memory, load_cupy, probe
from gdnet.errors import DataError, DeviceUnavailable

__all__ = ["CudaBackend", "device_count"]

# A work array (n1, block) of this size keeps the device busy for far longer than Python needs to
# launch the next kernel, and a handful of them fit on any device.
WORK_ARRAY_BYTES = 2**28
COLUMNS_MULTIPLE = 4096
# X has up to 4 times the rows of a work array before it narrows the block: it is there only once.
X_ROWS_PER_WORK_ROW = 4
# Of a prediction each product has so many examples: enough for the device to be busy, and few
# enough for a single row. Work is counted in multiplications.
MIN_PRODUCT_COLUMNS = 1024
PRODUCT_WORK = 2**28
# From 2**31 elements on, CuPy computes with 64-bit indices and without its fast sums.
MAX_ELEMENTS = 2**31 - 1

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
    engine : str, default "auto"
        What computes the gradient: "reference", the equations as they stand; "cublas_fused", one
        kernel for all that lies between two matrix products; "fused", one kernel for everything;
        or "auto", the fastest that is known to be right for the network on this device.
    keeps_blocks : bool, default True
        Whether blocks stay on the device while its memory lasts; otherwise each is copied in every
        pass, for a comparison.

    Raises
    ------
    DataError
        For ``tf32`` on a device that has none.
    DeviceUnavailable
        If CuPy or the device cannot be used; it says why and what to do.
    """

    asynchronous = True

    def __init__(
        self,
        index: int,
        *,
        precision: str = "highest",
        engine: str = "auto",
        keeps_blocks: bool = True,
    ) -> None:
        self.xp: ModuleType = load_cupy()
        self.index = index
        self.name = f"cuda:{index}"
        self.precision = precision
        self.engine, self.keeps_blocks = engine, keeps_blocks
        self._of_thread = threading.local()
        probe(self.xp, index)
        check_precision(precision, self.name, self.device().compute_capability)

    @property
    def float64_slowdown(self) -> int:
        """Return how many times slower float64 is: 2 on cards for computing, up to 64 on others."""
        return int(self.xp.cuda.runtime.deviceGetAttribute(FLOAT32_TO_FLOAT64, self.index))

    @property
    def _loaders(self) -> WeakSet[Loader]:
        """The loaders of the calling thread: nobody else may tell them to give up blocks."""
        if not hasattr(self._of_thread, "loaders"):
            self._of_thread.loaders = WeakSet()
        loaders: WeakSet[Loader] = self._of_thread.loaders
        return loaders

    def asarray(self, a: object, dtype: npt.DTypeLike | None = None) -> Array:
        """Return `a` as a CuPy array on this device."""
        with self.device():
            placed: Array = self.xp.asarray(a, dtype)
            return placed

    def to_numpy(self, a: Array) -> HostArray:
        """Return a copy of `a` on the host."""
        with self.device():
            return np.asarray(self.xp.asnumpy(a))

    def gathered_on_host(self, arrays: Sequence[Array]) -> HostArray:
        """Return them in pinned memory: the copies are queued together, and waited for once."""
        if not hasattr(self._of_thread, "pinned"):
            self._of_thread.pinned = PinnedCopies(self.xp)
        with self.device():
            found: HostArray = self._of_thread.pinned.gathered(arrays)
            return found

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
                    "block_size, or free what other processes hold, "
                    "which nvidia-smi shows",
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

    def identifier(self) -> str:
        """Return the card's place on the bus, and its UUID, which parts of one card (MIG) have."""
        runtime = self.xp.cuda.runtime
        uuid = runtime.getDeviceProperties(self.index).get("uuid", b"")
        return f"{runtime.deviceGetPCIBusId(self.index)} {bytes(uuid).hex()}"

    def block_columns(self, m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return a width at which a work array takes about 256 MiB, and X at most about 1 GiB."""
        del m
        rows = max(n1, n2, -(-n0 // X_ROWS_PER_WORK_ROW))
        columns = WORK_ARRAY_BYTES // (rows * itemsize) // COLUMNS_MULTIPLE * COLUMNS_MULTIPLE
        return max(1, min(max(columns, COLUMNS_MULTIPLE), MAX_ELEMENTS // rows))

    def product_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return 4096, or down to 1024 for large networks, of which one row is to come soon."""
        del itemsize
        columns = COLUMNS_MULTIPLE
        while columns > MIN_PRODUCT_COLUMNS and columns * n1 * (n0 + n2) > PRODUCT_WORK:
            columns //= 2
        return columns

    def loader(
        self,
        read: ReadBlock,
        grid: Grid,
        dtype: npt.DTypeLike,
        shape: tuple[int, int, int],
        *,
        on_device: bool = False,
    ) -> Callable[[int], Block]:
        """Return blocks on the device: copied once while its memory lasts, the rest every pass."""
        if on_device:
            return resident_blocks(self, read, grid, dtype)
        work_array_bytes = max(shape[1:]) * grid.columns * np.dtype(dtype).itemsize
        loader = Loader(self, read, grid, dtype, work_array_bytes)
        self._loaders.add(loader)
        return loader.load

    def run(self, task: Callable[[int], None], count: int) -> None:
        """Call ``task(i)`` for each i in order: it only queues work, which the device runs.

        A task for which the memory does not suffice is called again with fewer blocks kept.
        """
        for i in range(count):
            while not self._ran(task, i):
                pass

    def _ran(self, task: Callable[[int], None], i: int) -> bool:
        # The arrays of a task that failed are freed when this returns, not while it handles errors.
        try:
            task(i)
        except Exception as error:
            if not (is_out_of_memory(error) and self.make_room()):
                raise
            return False
        return True

    def make_room(self) -> bool:
        """Let the data of the calling thread take less memory; return whether they could."""
        return any(loader.make_room() for loader in list(self._loaders))

    def block_gradient(
        self,
        reference: Reference,
        *,
        engine: str,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> BlockGradient:
        """Return the fused kernel or the cuBLAS arrangement, where there is one for the network.

        Raises
        ------
        DataError
            If an engine that is asked for is not made for the network.
        """
        why_not = {
            "fused": why_not_fused(g1, g2, shape, dtype),
            "cublas_fused": why_not_cublas_fused(g1, g2),
            "reference": None,
        }
        if engine == "auto":
            if self.device().compute_capability not in MEASURED_FASTER:
                del why_not["fused"]
            engine = next(name for name, reason in why_not.items() if reason is None)
        if why_not[engine] is not None:
            raise DataError(f"engine {engine!r}: expected {why_not[engine]}; choose 'auto'")
        if engine == "fused":
            return fused_gradient(self.xp, g1, g2, shape)
        if engine == "cublas_fused":
            return CublasFusedGradient(self.xp, g1, g2, shape, dtype)
        return ReferenceGradient(reference)

    def free_cached_memory(self) -> None:
        """Give the memory that CuPy keeps for new arrays back to the device and to the system."""
        with self.device():
            self.xp.get_default_memory_pool().free_all_blocks()
            self.xp.get_default_pinned_memory_pool().free_all_blocks()

    def device(self) -> CudaDevice:
        """Return CuPy's context manager for this device."""
        # A new one each time: threads may share the backend, but not a context that is entered.
        device: CudaDevice = self.xp.cuda.Device(self.index)
        return device
