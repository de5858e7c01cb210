"""How many cores one Python process keeps busy with blocks of the default size.

    python -m bench.many_cores

Only one thread at a time runs Python, and every block needs some of it. How much is measured on
blocks of two columns; the time of a default block divided by it is what no number of threads can
exceed. To see how close they come, each block does all of its Python, on two columns, and then
sleeps for as long as its arithmetic takes on this machine: a core that is asleep stands in for one
that computes, so 64 cores can be tried on a machine of two. That is hard on the threads, which two
cores have to wake, and easy on them, because small arrays never hand Python over.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.environment import environment
from bench.problems import SHAPES, Shape, name_of, problem
from gdnet.backends import BlockGradient
from gdnet.backends.cpu import CpuBackend
from gdnet.gradient import FullBatch

CORES = (1, 2, 4, 8, 16, 32, 64)
BLOCKS_A_CORE = 20
COLUMNS_LEFT = 2


class SleepingBackend(CpuBackend):
    """The CPU backend, with the arithmetic of a block replaced by sleep."""

    def __init__(self, threads: int, seconds: float) -> None:
        super().__init__(threads)
        self._seconds = seconds

    def block_gradient(self, reference: Callable[..., Any], **_: Any) -> BlockGradient:
        """Return the reference on two columns, followed by sleep."""

        def asleep(parameters: Any, X: Any, Y: Any, *rest: Any) -> Any:
            result = reference(parameters, X[:, :COLUMNS_LEFT], Y[:, :COLUMNS_LEFT], *rest)
            time.sleep(self._seconds)
            return result

        return BlockGradient(asleep)


def seconds_a_block(shape: Shape, columns: int | None = None) -> float:
    """Return how long a block takes on one thread, measured."""
    backend = CpuBackend(1)
    width = backend.block_columns(*shape, 4) if columns is None else columns
    gradient = _full_batch(backend, shape, 20 * width, width)
    with backend.activate():
        start = gradient.place(problem(shape, 1).parameters)
        return _median(lambda: gradient(start)) / len(gradient.grid)


def _full_batch(backend: CpuBackend, shape: Shape, m: int, columns: int) -> FullBatch:
    case = problem(shape, m)
    source = case.full_batch(backend).source
    return FullBatch(source, backend, n1=shape[1], output=case.output, block_columns=columns)


def busy_cores(shape: Shape, cores: int, seconds: float) -> float:
    """Return how many of so many cores are busy, on average."""
    backend = SleepingBackend(cores, seconds)
    gradient = _full_batch(backend, shape, BLOCKS_A_CORE * cores * COLUMNS_LEFT, COLUMNS_LEFT)
    with backend.activate():
        start = gradient.place(problem(shape, 1).parameters)
        wall = _median(lambda: gradient(start))
    return len(gradient.grid) * seconds / wall


def _median(call: Callable[[], object], repeat: int = 5) -> float:
    call()
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results = []
    for shape in SHAPES:
        columns = CpuBackend(1).block_columns(*shape, 4)
        seconds, python = seconds_a_block(shape), seconds_a_block(shape, COLUMNS_LEFT)
        busy = {cores: busy_cores(shape, cores, seconds) for cores in CORES}
        results.append(
            {
                "shape": name_of(shape),
                "columns": columns,
                "block_ms": 1e3 * seconds,
                "python_ms": 1e3 * python,
                "busy": busy,
            }
        )
        print(
            f"{name_of(shape):>10}, {columns} columns: {1e3 * seconds:.2f} ms a block on a core, "
            f"Python {1e3 * python:.3f} ms of it: at most {seconds / python:.0f} cores"
        )
        for cores, number in busy.items():
            print(f"    {cores:3} cores: {number:5.1f} busy, {100 * number / cores:3.0f} %")
    if options.json:
        result = {"environment": environment(), "results": results}
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
