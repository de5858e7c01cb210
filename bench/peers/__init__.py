"""The candidates: one full-batch descent on each library, set up at its best on its own terms."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bench.problems import Problem
from gdnet.backends.host import usable_cpus

#: Makes so many updates from the start and returns the cost before each.
Run = Callable[[int], list[float]]


class Candidate(NamedTuple):
    """A library with the data in place, ready to iterate.

    Attributes
    ----------
    run : callable ``iterations -> costs``
        Starts again each time; returns when everything is computed.
    about : str
        Version, threads, layout: what the reader of a result must know.
    device_bytes : callable, optional
        Peak of its own allocator beyond the data, where it computes on a GPU.
    setup_is_foreign : bool
        Whether a call spends time on what is no part of an iteration; the time of a call of one
        iteration is then subtracted.
    """

    run: Run
    about: str
    device_bytes: Callable[[], int] | None = None
    setup_is_foreign: bool = False


class UnavailableError(Exception):
    """Why a candidate does not take part."""


#: Where each is made: ``maker(problem, device) -> Candidate``. gdnet comes first, the others are
#: compared with it.
MAKERS = {
    "gdnet": "bench.peers.numpy_code:gdnet_candidate",
    "gdnet, equations": "bench.peers.numpy_code:gdnet_reference",
    "lecture's code": "bench.peers.numpy_code:lecture_candidate",
    "PyTorch eager": "bench.peers.torch_code:eager",
    "PyTorch Module + SGD": "bench.peers.torch_code:module_with_sgd",
    "torch.compile": "bench.peers.torch_code:compiled",
    "torch.compile, CUDA graphs": "bench.peers.torch_code:compiled_to_graphs",
    "JAX jit": "bench.peers.jax_code:jitted_step",
    "JAX fori_loop": "bench.peers.jax_code:jitted_loop",
    "JAX blocks": "bench.peers.jax_blocks:scanned",
    "JAX blocks, sharded": "bench.peers.jax_blocks:sharded",
    "scikit-learn": "bench.peers.sklearn_code:full_batch_classifier",
}


#: More of them on CUDA. What begins with gdnet's name is no peer of it.
MAKERS_ON_CUDA = {
    "gdnet, fused": "bench.peers.numpy_code:gdnet_fused",
    "PyTorch, one CUDA graph": "bench.peers.torch_code:one_graph",
    "torch.compile, max-autotune": "bench.peers.torch_code:compiled_with_autotuning",
}

# How many times as long as the best a candidate may take and still be tried again.
HOPELESS = 3.0

#: What gdnet asks of malloc, and more, for its peers: to keep what is freed, in huge pages.
MALLOC = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:"
    "glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=67108864"
)

PRECISION_VARIABLE = "GDNET_BENCH_PRECISION"


def variables_of(candidate: str, device: str) -> dict[str, str]:
    """Return the environment variables that a candidate's process is started with."""
    if device != "cpu" or candidate.startswith("gdnet"):
        return {}
    if candidate != "JAX blocks, sharded":
        return {"GLIBC_TUNABLES": MALLOC}
    flag = f"--xla_force_host_platform_device_count={usable_cpus()}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    return {"GLIBC_TUNABLES": MALLOC, "XLA_FLAGS": flags}


def precision() -> str:
    """Return the precision of matrix products in float32 for everybody: "highest" or "tf32"."""
    return os.environ.get(PRECISION_VARIABLE, "highest")


def make(maker: str, problem: Problem, device: str) -> Candidate:
    """Return the candidate that ``module:function`` makes.

    Raises
    ------
    UnavailableError
        If its library is not installed, or does not work on this device.
    """
    module, _, function = maker.partition(":")
    try:
        make_it = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as missing:
        raise UnavailableError(
            f"{missing.name} is not installed: pip install torch jax scikit-learn"
        ) from None
    candidate: Candidate = make_it(problem, device)
    return candidate


def fastest(candidates: Iterable[tuple[str, Run]]) -> tuple[str, Run]:
    """Return the candidate that iterates fastest, with its name."""
    best: tuple[str, Run] | None = None
    least = math.inf
    for name, run in candidates:
        run(2)  # compiles, and starts threads
        once = min(_seconds(run, 1) for _ in range(2))
        if once > HOPELESS * least:
            continue
        iterations = max(1, min(100, int(0.1 / once)))
        seconds = min(_seconds(run, iterations) / iterations for _ in range(3))
        if seconds < least:
            best, least = (name, run), seconds
    assert best is not None
    return best


def _seconds(run: Run, iterations: int) -> float:
    began = time.perf_counter()
    run(iterations)
    return time.perf_counter() - began
