"""How long whole commands take on ranks of MPI, against one process with as many threads.

    python -m bench.rank_commands

Needs mpi4py and an MPI in this environment (pip install mpi4py mpich pyarrow). `gdnet train`,
`evaluate` and `predict` of 28-32-1 on the same rows as .npy and as Parquet, by one process with all
cores as threads and by as many ranks of one thread, in turns; what they write must be the same.
Seconds are of the whole command, with its start.
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
from bench.whole_command import write_data

HIDDEN, ITERATIONS = 32, 10
FORMATS = ("npy", "parquet")


def run_once(folder: Path, ranks: int, threads: int, words: list[str]) -> tuple[float, str]:
    """Return the seconds of a command, and what it has said; of 0 ranks without MPI."""
    launcher = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks)] if ranks else []
    command = [*launcher, sys.executable, "-m", "gdnet", *words, "--quiet", "--device", "cpu"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--threads", str(threads)],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return time.perf_counter() - began, done.stdout


def commands(kind: str) -> dict[str, list[str]]:
    """Return the commands, by a name each."""
    labels = ["--target", "y"] if kind == "parquet" else ["--labels", "big-y.npy"]
    data = [f"big.{kind}", *labels]
    model = f"{kind}.safetensors"
    train = ["train", *data, "--hidden", str(HIDDEN), "--iterations", str(ITERATIONS)]
    return {
        "train": [*train, "--out", model],
        "evaluate": ["evaluate", model, *data, "--json"],
        "predict to .csv": ["predict", model, data[0], "--proba", "--out", "p.csv"],
        "predict to .npy": ["predict", model, data[0], "--out", "p.npy"],
    }


def result_of(folder: Path, words: list[str], said: str) -> bytes:
    """Return what a command has made."""
    return (folder / words[-1]).read_bytes() if "--out" in words else said.encode()


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--m", type=lambda text: int(float(text)), default=4 * 10**6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    ways = [(0, cores), (cores, 1)]
    facts: dict[str, Any] = {"environment": environment(), "m": options.m, "commands": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, "big", options.m, options.formats)
        for kind in options.formats:
            for what, words in commands(kind).items():
                taken: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
                made = set()
                for k in range(options.rounds):
                    for way in ways[k % 2 :] + ways[: k % 2]:
                        seconds, said = run_once(folder, *way, words)
                        taken[way].append(seconds)
                        made.add(result_of(folder, words, said))
                if len(made) > 1:
                    raise RuntimeError(f"{what}, {kind}: expected the same bytes of both")
                alone, shared = (quartiles(taken[way]) for way in ways)
                ratio = quartiles(np.divide(taken[ways[1]], taken[ways[0]]))
                row = {
                    "command": what,
                    "format": kind,
                    "seconds alone": alone._asdict(),
                    "seconds on ranks": shared._asdict(),
                    "ratio": ratio._asdict(),
                }
                facts["commands"].append(row)
                print(
                    f"{kind:8}{what:16} one process {alone.median:6.2f} s, {cores} ranks "
                    f"{shared.median:6.2f} s: {ratio.median:.2f} "
                    f"({ratio.low:.2f} .. {ratio.high:.2f})"
                )
    if options.json:
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
