"""NumPy on the CPU: blocks run on a pool of threads, each with single-threaded BLAS."""

from __future__ import annotations

import contextvars
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, HostArray
from gdnet.errors import DataError

from .base import Backend, Memory
from .blas_threads import numpy_blas
from .block_gradient import BlockGradient, Reference, ReferenceGradient
from .block_width import block_columns, product_columns
from .blocks import Block, Grid, ReadBlock
from .cpu_compiled import NOT_MADE, CompiledGradient, is_faster, is_made_for
from .cpu_library import NOT_WANTED, Library, find_library
from .cpu_loader import loader
from .engines import RowKernel
from .host import process_memory, resident_peak, usable_cpus

if TYPE_CHECKING:
    from gdnet.parameters import Gradients, Parameters

logger = logging.getLogger(__name__)


class CpuBackend(Backend):
    """NumPy on the CPU.

    Parameters
    ----------
    threads : int, optional
        Number of threads that compute blocks; None is `usable_cpus()`. Results do not depend
        on it.
    engine : str, default "auto"
        What computes the gradient: "reference", "compiled", or "auto", which is the compiled
        kernels where they are there and faster than BLAS.

    Raises
    ------
    DataError
        If `threads` is below 1.
    """

    name = "cpu"
    xp = np
    asynchronous = False
    stacks_products = True

    def __init__(self, threads: int | None = None, engine: str = "auto") -> None:
        if threads is not None and threads < 1:
            raise DataError(f"expected at least 1 thread, got {threads}")
        self.engine = engine
        self.threads = usable_cpus() if threads is None else threads
        _keep_freed_memory()
        self._pool_of: tuple[int, ThreadPoolExecutor] | None = None

    @property
    def _pool(self) -> ThreadPoolExecutor:
        """The threads that help; a forked process has lost those of its parent."""
        if self._pool_of is None or self._pool_of[0] != os.getpid():
            # The calling thread computes too, so the pool holds one thread less.
            self._pool_of = (
                os.getpid(),
                ThreadPoolExecutor(
                    max(1, self.threads - 1), "gdnet-cpu", numpy_blas().limit_own_thread
                ),
            )
        return self._pool_of[1]

    def asarray(self, a: object, dtype: npt.DTypeLike | None = None) -> HostArray:
        """Return `a` as a NumPy array."""
        return np.asarray(a, dtype)

    def to_numpy(self, a: Array) -> HostArray:
        """Return `a` itself."""
        return np.asarray(a)

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Limit BLAS to one thread: the blocks are the parallel work, and the bits stay the same.

        OpenBLAS has one number of threads for the process: the limit holds for other threads, too.
        Where it does not hold, because something else changes the number meanwhile, a warning is
        logged.
        """
        limits = numpy_blas().limits
        for limit in limits:
            limit.enter()
        try:
            yield
        finally:
            for limit in limits:
                limit.leave()

    def synchronize(self) -> None:
        """Do nothing: NumPy has computed when it returns."""

    def memory(self) -> Memory:
        """Return the resident memory of the process and the memory of the machine."""
        return process_memory()

    def peak_memory(self, work: Callable[[], object]) -> int | None:
        """Call `work`, and return by how much the resident memory rose; None but on Linux."""
        return resident_peak(work)

    def describe(self) -> str:
        """Return the versions of NumPy and its BLAS, the kernels, and the number of threads."""
        library = find_library()
        kernels = f"kernels for {library.instruction_set}, " if isinstance(library, Library) else ""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.describe_arithmetic()}, {kernels}{threads}"

    def describe_arithmetic(self) -> str:
        """Return the versions of NumPy and its BLAS."""
        blas = ", ".join(
            f"{found.internal_api} {found.version}" for found in numpy_blas().controllers
        )
        return f"NumPy {np.__version__} ({blas or 'unknown BLAS'})"

    def block_columns(self, m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return a width at which a block's arrays take about 8 MiB."""
        return block_columns(m, n0, n1, n2, itemsize)

    def product_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return 64, or up to 256 for networks so small that a single row is predicted as soon."""
        del n2
        return product_columns(n0, n1, itemsize)

    def loader(
        self,
        read: ReadBlock,
        grid: Grid,
        dtype: npt.DTypeLike,
        shape: tuple[int, int, int],
        *,
        on_device: bool = False,
    ) -> Callable[[int], Block]:
        """Return blocks in place where they fit, and otherwise copied to a buffer of the thread."""
        del shape, on_device  # the host is the device
        return loader(read, grid, dtype)

    def run(self, task: Callable[[int], None], count: int) -> None:
        """Call ``task(i)`` for each i, on as many threads as there are tasks for."""
        _renew_blas_limit()
        helpers = min(self.threads, count) - 1
        if helpers < 1:
            for i in range(count):
                task(i)
            return
        indices = _Indices(count)

        def work() -> None:
            try:
                for i in indices:
                    task(i)
            except BaseException:
                indices.stop()
                raise

        futures: list[Future[None]] = []
        try:
            for _ in range(helpers):
                # In the caller's context, in which NumPy has what to say of an overflow.
                futures.append(self._pool.submit(contextvars.copy_context().run, work))
            work()
        finally:
            # Also when Ctrl-C ends the work of this thread: the others finish their block first.
            # Those that have not begun, because all threads are taken, are not needed any more.
            errors = [future.exception() for future in futures if not future.cancel()]
        for error in errors:
            if error is not None:
                raise error

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
        """Return the compiled kernels or the reference.

        Raises
        ------
        DataError
            If the compiled kernels are asked for, and are not there or not made for the network.
        """
        if engine == "reference" or (engine == "auto" and not is_faster(g1, g2, shape)):
            return _CpuGradient(reference)
        library = find_library()
        if isinstance(library, Library) and is_made_for(g1, g2, shape):
            return CompiledGradient(library, g1, g2, shape, np.dtype(dtype))
        if engine == "compiled":
            reason = NOT_MADE if isinstance(library, Library) else library
            raise DataError(f"engine 'compiled': {reason}; choose 'auto' or 'reference'")
        _say_once(str(library))
        return _CpuGradient(reference)

    def row_kernel(
        self, *, g1: str, g2: str, shape: tuple[int, int, int], dtype: npt.DTypeLike
    ) -> RowKernel | None:
        """Return that of the compiled kernels, where they are there and faster than BLAS.

        Whatever the engine of a training: a model predicts the same wherever it is loaded.
        """
        library = find_library()
        if isinstance(library, str) or not is_faster(g1, g2, shape):
            return None
        return _outputs_of(library, g1, g2, shape, np.dtype(dtype))


class _CpuGradient(ReferenceGradient):
    """The reference; where all examples are one block, nothing else renews the limit of BLAS."""

    def single_block(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Gradients, Array]:
        _renew_blas_limit()
        return self._reference(parameters, X, Y, m, weights)


# To make it takes half as long as to predict one row.
@functools.lru_cache(maxsize=16)
def _outputs_of(
    library: Library, g1: str, g2: str, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> RowKernel:
    kernels = CompiledGradient(library, g1, g2, shape, dtype)
    return RowKernel(kernels.outputs, kernels.outputs_and_loss)


@functools.cache
def _say_once(why_no_kernels: str) -> None:
    if why_no_kernels != NOT_WANTED:
        logger.info(
            "NumPy computes, which takes several times as long as the compiled kernels: %s",
            why_no_kernels,
        )


def _renew_blas_limit() -> None:
    for limit in numpy_blas().limits:
        limit.renew()


class _Indices:
    """0, 1, ... count - 1, each handed to one of several threads."""

    def __init__(self, count: int) -> None:
        self._next = 0
        self._count = count
        self._lock = threading.Lock()

    def __iter__(self) -> _Indices:
        return self

    def __next__(self) -> int:
        with self._lock:
            i = self._next
            if i >= self._count:
                raise StopIteration
            self._next = i + 1
        return i

    def stop(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._count = 0


@functools.cache
def _keep_freed_memory() -> None:
    """Let malloc keep what the temporary arrays of a block free, for those of the next block.

    By default glibc gives blocks above 128 KiB back to the system at once, and every page of the
    next one faults again, which takes up to five times as long as computing with it. Once a larger
    block has been freed, it keeps blocks up to that size (mallopt(3), M_MMAP_THRESHOLD).
    """
    np.empty(31 * 2**20, np.uint8)
