"""How much of a device's memory data may take, and what is kept of data that are larger."""

from __future__ import annotations

from types import ModuleType

from gdnet.backends.cuda.device import CudaDevice

# The memory that data leave free: work arrays (n1, block) alive at a time, for the greediest of the
# activations, and something for cuBLAS, compiled kernels and fragmentation.
WORK_ARRAYS = 8
SPARE_BYTES = 2**30
SPARE_FRACTION = 10


def bytes_for_data(cupy: ModuleType, device: CudaDevice, work_array_bytes: int) -> int:
    """Return what is free for data besides work arrays of this size; may be negative."""
    free, total = device.mem_info
    pool = cupy.get_default_memory_pool()
    free += pool.free_bytes()
    if pool.get_limit():
        total = pool.get_limit()
        free = min(free, total - pool.used_bytes())
    spare = min(SPARE_BYTES, total // SPARE_FRACTION)
    return int(free - WORK_ARRAYS * work_array_bytes - spare)


def spread(count: int, kept: int) -> set[int]:
    """Return which `kept` of `count` blocks to keep, evenly spread.

    While the device computes with those that it has, the next of the others is copied; in one
    stretch of either kind the copies or the computing would stand still.
    """
    return {i for i in range(count) if (i + 1) * kept // count > i * kept // count}
