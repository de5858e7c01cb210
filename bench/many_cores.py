"""How many cores one Python process keeps busy with blocks of the default size.

    python -m bench.many_cores

Only one thread at a time runs Python, and every block needs some of it, in between its arithmetic.
What that costs on N cores can be tried on two. One core computes blocks of the default size. On the
other a crowd computes blocks so narrow that they are little but Python: R of them a second are the
Python of as many cores as compute R blocks of the default size. The first core then waits for
Python as it would among so many, and how much slower its blocks become is how much it waits.

A crowd of one thread never lets two wait at a time, which is easier than many cores are. In a crowd
of several, one may be put to sleep by another while it holds Python, which is harder. The truth
lies between the two. Where there are as many cores, `python -m bench.scale --curve threads` tells.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.environment import environment
from bench.problems import SHAPES, Shape, name_of, problem
from gdnet.backends.cpu import CpuBackend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

MANY_EXAMPLES = 10**9
CORES = (8, 16, 32, 48, 64)
CROWDS = (1, 4)
ROUNDS = 7
ROUND_SECONDS = 0.2
COLUMNS_OF_PYTHON = 2
MIN_COLUMNS = 16  # below, a crowd stands for no definite number of cores


class Busy(NamedTuple):
    """What was found for one crowd.

    Attributes
    ----------
    crowd : int
        Threads of it.
    columns : int
        Width of its blocks.
    cores : float
        How many cores the crowd and the first core stand for.
    busy : float
        How many of them compute, on average; the others wait for Python.
    """

    crowd: int
    columns: int
    cores: float
    busy: float


class Blocks:
    """Blocks of one network and one width, computed one after the other by whoever calls."""

    def __init__(self, backend: CpuBackend, shape: Shape, columns: int, count: int) -> None:
        case = problem(shape, count * columns)
        source = case.full_batch(backend).source
        self._gradient = FullBatch(
            source, backend, n1=shape[1], output=case.output, block_columns=columns
        )
        self._start: Parameters = self._gradient.place(case.parameters)
        self.columns = columns
        self.compute()

    def compute(self) -> int:
        """Compute all blocks once, and return how many they are."""
        self._gradient.value_and_gradient(self._start)
        return len(self._gradient.grid)

    def seconds(self) -> float:
        """Return how long a block takes."""
        began, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < ROUND_SECONDS:
            done += self.compute()
        return passed / done


class Crowd:
    """Threads that compute blocks all the time, on one core."""

    def __init__(self, blocks: list[Blocks], core: int) -> None:
        self._core = core
        self.done = [0] * len(blocks)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(i, own)) for i, own in enumerate(blocks)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, i: int, blocks: Blocks) -> None:
        with _on(self._core):
            while not self._ended.is_set():
                self.done[i] += blocks.compute()


@contextmanager
def _on(core: int) -> Iterator[None]:
    """Keep this thread, and the threads it starts, on one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def width_for(cores: int, columns: int, seconds: float, python: float) -> int | None:
    """Return how wide the blocks of a crowd of one are that stands for all cores but the first.

    A block takes `seconds` with the default number of columns and `python` with hardly any. None
    where a thread that runs nothing but Python does not run that much.
    """
    each = seconds / (cores - 1)
    width = int(columns * (each - python) / (seconds - python))
    return width if width >= MIN_COLUMNS else None


def busy_cores(own: Blocks, other: Blocks, narrow: list[Blocks], core: int) -> Busy:
    """Measure beside a crowd, in turns with measuring beside one core that does the same."""
    cores, busy = [], []
    for _ in range(ROUNDS):
        with Crowd([other], core):
            undisturbed = own.seconds()
        with Crowd(narrow, core) as crowd_at_work:
            before, began = sum(crowd_at_work.done), time.perf_counter()
            seconds = own.seconds()
            blocks_a_second = (sum(crowd_at_work.done) - before) / (time.perf_counter() - began)
        cores.append(1 + blocks_a_second * seconds)
        busy.append(cores[-1] * min(1.0, undisturbed / seconds))
    return Busy(len(narrow), narrow[0].columns, statistics.median(cores), statistics.median(busy))


def measure(shape: Shape) -> dict[str, object]:
    """Measure a network on two cores."""
    backend = CpuBackend(1)
    first, second, *_ = sorted(os.sched_getaffinity(0))
    with backend.activate(), _on(first):
        width = backend.block_columns(MANY_EXAMPLES, *shape, 4)
        own, other = Blocks(backend, shape, width, 4), Blocks(backend, shape, width, 4)
        least = Blocks(backend, shape, COLUMNS_OF_PYTHON, 64)
        seconds = min(own.seconds() for _ in range(ROUNDS))
        python = min(least.seconds() for _ in range(ROUNDS))
        print(
            f"{name_of(shape):>10}, {own.columns} columns: {1e3 * seconds:.2f} ms a block on a "
            f"core, Python {1e3 * python:.3f} ms of it: at most {seconds / python:.0f} cores"
        )
        found = []
        for crowd in CROWDS:
            for cores in CORES:
                columns = width_for(cores, own.columns, seconds, python)
                if columns is None:
                    continue
                count = max(4, min(64, width // columns))
                narrow = [Blocks(backend, shape, columns, count) for _ in range(crowd)]
                found.append(busy_cores(own, other, narrow, second))
                print(
                    f"    crowd of {crowd}: {found[-1].cores:5.1f} cores, {found[-1].busy:5.1f} "
                    f"busy, {100 * found[-1].busy / found[-1].cores:3.0f} %",
                    flush=True,
                )
    return {
        "shape": name_of(shape),
        "columns": own.columns,
        "block_ms": 1e3 * seconds,
        "python_ms": 1e3 * python,
        "crowds": [each._asdict() for each in found],
    }


def main() -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        print("many_cores needs Linux and two cores that the process may use", file=sys.stderr)
        return 1
    result = {
        "environment": environment(),
        "rounds": ROUNDS,
        "results": [measure(shape) for shape in SHAPES],
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
