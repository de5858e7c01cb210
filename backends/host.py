"""What this process may use of its machine: CPUs and memory."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .base import Memory

CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")


def usable_cpus() -> int:
    """Return how many CPUs the process may use: its affinity, capped by its cgroup's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = CGROUP / "cpu.max"
    if quota.is_file():
        limit, _, period = quota.read_text().partition(" ")
        if limit != "max":
            cpus = min(cpus, max(1, int(limit) // int(period)))
    return cpus


def process_memory() -> Memory:
    """Return the resident memory of the process and the memory of the machine."""
    if sys.platform == "win32":
        return Memory(None, None, None)
    import resource  # not on Windows

    page = os.sysconf("SC_PAGE_SIZE")
    statm = PROC / "self" / "statm"
    used = int(statm.read_text().split()[1]) * page if statm.is_file() else None
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Memory(used, peak, os.sysconf("SC_PHYS_PAGES") * page)


def resident_peak(work: Callable[[], object]) -> int | None:
    """Return by how many bytes the resident memory rises while it works; None if not on Linux.

    Raises
    ------
    KeyError
        If the system does not tell the resident memory of a process.
    """
    if sys.platform != "linux":
        work()
        return None
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc; without it, memory that was freed would count as in use
        trim(0)
    before = _status("VmRSS")
    try:
        (PROC / "self" / "clear_refs").write_text("5")  # forgets the peak, see proc(5)
    except OSError:  # a sandbox may forbid it
        work()
        return None
    work()
    return max(_status("VmHWM") - before, 0)


def _status(field: str) -> int:
    for line in (PROC / "self" / "status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def available_memory() -> int | None:
    """Return how many more bytes the process can use before something gives way.

    That is the least of what the machine has available, what its cgroup leaves, and what a limit
    of its address space (``ulimit -v``) leaves; None where the system does not tell.
    """
    left = [
        bytes_left
        for bytes_left in (_of_machine(), _of_cgroup(), _of_address_space())
        if bytes_left is not None
    ]
    return min(left, default=None)


def _of_machine() -> int | None:
    meminfo = PROC / "meminfo"
    if not meminfo.is_file():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_cgroup() -> int | None:
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if not limit.is_file() or not used.is_file() or limit.read_text().strip() == "max":
        return None
    # Pages of files count as used, but are given back when the process needs memory.
    files = 0
    for line in (CGROUP / "memory.stat").read_text().splitlines():
        if line.startswith(("active_file ", "inactive_file ")):
            files += int(line.split()[1])
    return max(int(limit.read_text()) - int(used.read_text()) + files, 0)


def _of_address_space() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    statm = PROC / "self" / "statm"
    if limit == resource.RLIM_INFINITY or not statm.is_file():
        return None
    used = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return max(int(limit) - used, 0)
