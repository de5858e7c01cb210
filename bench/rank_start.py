"""What MPI adds to the start of a command: the smallest training, on ranks and without.

    python -m bench.rank_start

Needs mpi4py and an MPI in this environment (pip install mpi4py mpich). A training of one iteration
on the built-in points is started alone and on ranks, in turns, and so is what gdnet cannot change:
a launcher that starts nothing, Python, and Python that imports mpi4py, which starts MPI. Ranks that
share a core with another program wait for it, so that with --idle a round begins, and counts, where
no other is running.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from bench.interleave import quartiles

ROOT = Path(__file__).parent.parent
TRAIN = ["-m", "gdnet", "train", "planar", "--iterations", "1", "--device", "cpu", "--quiet"]
MIN_IDLE = 0.93
# What is started alone or on ranks.
PROGRAMS = {
    "gdnet train": [sys.executable, *TRAIN],
    "Python": [sys.executable, "-c", "import os"],
    "Python with mpi4py": [sys.executable, "-c", "from mpi4py import MPI"],
    "true": ["true"],
}


def seconds_of(command: list[str], folder: str) -> float:
    """Return how long a command takes, which must end well."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    taken = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return taken


def idle_share() -> float:
    """Return how much of all cores of Linux does nothing, in half a second."""

    def ticks() -> tuple[int, int]:
        numbers = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]))
        return numbers[3] + numbers[4], sum(numbers)

    before = ticks()
    time.sleep(0.5)
    idle, everything = np.subtract(ticks(), before)
    return float(idle / everything)


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--idle", action="store_true", help="in rounds without other programs")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    launcher = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(options.ranks)]
    ways = [(name, on_ranks) for name in PROGRAMS for on_ranks in (False, True)]
    taken: dict[tuple[str, bool], list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        k = -1  # the first round reads what is not in the cache of the disk
        while k < options.rounds:
            if options.idle and idle_share() < MIN_IDLE:
                continue
            times = {}
            for name, on_ranks in ways[:: 1 if k % 2 else -1]:
                command = [*(launcher if on_ranks else []), *PROGRAMS[name]]
                times[name, on_ranks] = seconds_of(command, folder)
            if options.idle and idle_share() < MIN_IDLE:
                continue
            for way, seconds in times.items() if k >= 0 else ():
                taken[way].append(seconds)
            k += 1
    facts: dict[str, Any] = {"environment": environment(), "ranks": options.ranks, "programs": []}
    for name in PROGRAMS:
        alone, shared = taken[name, False], taken[name, True]
        more = quartiles(np.subtract(shared, alone))
        each = {"alone": quartiles(alone), "on ranks": quartiles(shared), "more": more}
        facts["programs"].append({"program": name} | {key: q._asdict() for key, q in each.items()})
        print(
            f"{name:20} alone {each['alone'].median:.3f} s, on {options.ranks} ranks "
            f"{each['on ranks'].median:.3f} s: {more.median:.3f} s more "
            f"({more.low:.3f} .. {more.high:.3f})"
        )
    if options.json:
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
