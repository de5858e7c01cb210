"""How long an iteration takes on ranks of MPI, and how much of it they spend on each other.

    python -m bench.ranks

Needs mpi4py and an MPI in this environment (pip install mpi4py mpich). For each number of ranks and
threads the same network is trained on the same rows in turns: ranks with threads, and one process
without MPI that has as many threads in all. In every round each starts again, makes iterations that
are not timed, and then those that are. An exchange is timed from when all ranks have come to it,
and waiting for the last of them on its own: that is work which is not shared evenly, or another
program on a core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from bench.interleave import quartiles
from bench.problems import name_of, problem
from gdnet.backends import get_backend
from gdnet.data.source import RowSource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks

SHAPE = (28, 128, 1)
WARM_UP = 2


class TimedRanks(Ranks):
    """Ranks that know how long they have waited for each other, and exchanged sums."""

    def __init__(self, comm: Any) -> None:
        super().__init__(comm)
        self.waited = self.exchanged = 0.0

    def _agreed(self, *arguments: Any, **how: Any) -> BaseException | None:
        began = time.perf_counter()
        found = super()._agreed(*arguments, **how)
        self.waited += time.perf_counter() - began
        return found

    def _sum_of_nodes(self, *arguments: Any) -> tuple[Any, ...]:
        began = time.perf_counter()
        found = super()._sum_of_nodes(*arguments)
        self.exchanged += time.perf_counter() - began
        return found


def child(options: argparse.Namespace) -> None:
    """Train on this rank, and let the first one write what it took."""
    began, ranks = time.perf_counter(), None
    if options.comm:
        from mpi4py import MPI

        ranks = TimedRanks(MPI.COMM_WORLD)
    started = time.perf_counter() - began
    folder = Path(options.child)
    rows, labels = (np.load(folder / name, mmap_mode="r") for name in ("X.npy", "y.npy"))
    objective = FullBatch(
        RowSource(rows, np.asarray(labels)[None, :]),
        get_backend("cpu", threads=options.threads),
        n1=SHAPE[1],
        comm=ranks,
    )
    start = initialise(*SHAPE, random_state=0, dtype="float32")
    with objective.backend.activate():
        parameters = objective.place(start)
        for _ in range(WARM_UP):
            objective.value_and_gradient(parameters)
        if ranks is not None:
            ranks.waited = ranks.exchanged = 0.0
        began = time.perf_counter()
        for _ in range(options.iterations):
            _, parameters = objective.step(parameters, objective.scalar(0.1))
        seconds = (time.perf_counter() - began) / options.iterations
    if ranks is None or ranks.rank == 0:
        waited, exchanged = (0.0, 0.0) if ranks is None else (ranks.waited, ranks.exchanged)
        each = {"waited": waited / options.iterations, "exchanged": exchanged / options.iterations}
        bits = float(np.sum(np.abs(np.asarray(parameters.W1))))
        print(json.dumps({"seconds": seconds, "started": started, "bits": bits} | each))


def run_once(folder: str, ranks: int, threads: int, iterations: int) -> dict[str, float]:
    """Return what one training has taken; of 0 ranks without MPI."""
    command = [sys.executable, "-m", "bench.ranks", "--child", folder]
    command += ["--threads", str(threads), "--iterations", str(iterations)]
    if ranks:
        launcher = str(Path(sys.executable).with_name("mpiexec"))
        command = [launcher, "-n", str(ranks), *command, "--comm"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    found: dict[str, float] = json.loads(done.stdout)
    return found | {"whole": time.perf_counter() - began}


def line_of(row: dict[str, Any]) -> str:
    """Return a way and what it took, in words."""
    name = f"{row['ranks']} ranks" if row["ranks"] else "no MPI"
    low, median, high = (row["ratio"][each] for each in ("low", "median", "high"))
    return (
        f"{name:>8}, {row['threads']} threads each: {row['ms']['median']:8.2f} ms an iteration, "
        f"{median:.3f} ({low:.3f} .. {high:.3f}) of one process's; exchange "
        f"{100 * row['exchange_share']:.2f} %, waiting {100 * row['wait_share']:.2f} %; start of "
        f"MPI {row['start_seconds']:.2f} s"
    )


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--m", type=lambda text: int(float(text)), default=10**6)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--comm", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options)
        return
    cores = len(os.sched_getaffinity(0))
    ways = [(0, cores), (1, cores), (cores, 1)]
    results: dict[tuple[int, int], list[dict[str, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        made = problem(SHAPE, options.m)
        np.save(Path(folder) / "X.npy", made.rows)
        np.save(Path(folder) / "y.npy", made.labels)
        for k in range(options.rounds):
            for way in ways[k % len(ways) :] + ways[: k % len(ways)]:
                results[way].append(run_once(folder, *way, options.iterations))
    bits = {each["bits"] for of in results.values() for each in of}
    if len(bits) > 1:
        raise RuntimeError(f"expected the same bits of all, got the sums {sorted(bits)}")
    facts = {"environment": environment(), "network": name_of(SHAPE), "m": options.m, "ways": []}
    alone = [each["seconds"] for each in results[ways[0]]]
    for (ranks, threads), of in results.items():
        ratios = np.divide([each["seconds"] for each in of], alone)
        row = {
            "ranks": ranks,
            "threads": threads,
            "ms": quartiles([1e3 * each["seconds"] for each in of])._asdict(),
            "ratio": quartiles(ratios)._asdict(),
            "exchange_share": statistics.median(e["exchanged"] / e["seconds"] for e in of),
            "wait_share": statistics.median(e["waited"] / e["seconds"] for e in of),
            "start_seconds": statistics.median(e["started"] for e in of),
            "whole_seconds": statistics.median(e["whole"] for e in of),
        }
        facts["ways"].append(row)
        print(line_of(row))
    if options.json:
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
