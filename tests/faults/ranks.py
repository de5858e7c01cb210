"""Let something happen to a rank of MPI at a random moment; resume with another number of ranks.

    python -m tests.faults.ranks --faults 100 --out tests/results/ranks.jsonl

A rank is killed, stopped, interrupted or terminated, or raises an error, from before MPI has
started. The job must end within seconds, a stopped rank's by the deadline, with no process left,
and what is on the disk must be whole. A training that was let live to its end must have made the
model and the history of one process, bit for bit. Needs mpi4py and an MPI in this environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.faults.kills import check, outcome, prepare
from tests.support.command import environment, is_running
from tests.support.mpi_jobs import ALLOWED, MPIEXEC

ITERATIONS = 4000
# From the start of the job on; a job that nothing happens to takes two to four.
MAX_SECONDS_TO_FAULT = 3.0
DEADLINE = 3.0
# After the fault, or the deadline: a busy machine needs time to end processes.
MAX_SECONDS_TO_END = 20.0
# From one checkpoint to the next where nothing happens to a rank.
MAX_SECONDS_TO_CHECKPOINT = 120.0
FAULTS = ("KILL", "STOP", "INT", "TERM", "USR1")
SOLVERS = (
    (),
    ("--solver", "lbfgs", "--validation", "0.2"),
    ("--momentum", "0.9", "--learning-rate", "0.1"),
)

# The fault may come before anything is imported. SIGUSR1 is an error anywhere in the program: of
# the disk, or of the memory in an import, which would take that for a module that is not there.
# SIGUSR2 shows where it is.
CHILD = """
import faulthandler, os, signal, sys
faulthandler.register(signal.SIGUSR2)
def fail(number, frame):
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            raise MemoryError("a fault")
        frame = frame.f_back
    raise OSError(5, "a fault")
signal.signal(signal.SIGUSR1, fail)
rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("PMI_RANK")
with open(f"pid{rank}.new", "w") as file:
    file.write(str(os.getpid()))
os.rename(f"pid{rank}.new", f"pid{rank}")
from gdnet.cli.main import main
open(f"ready{rank}", "w").close()
raise SystemExit(main())
"""


class Ended(NamedTuple):
    """How a job has ended, and how many seconds after the fault, if there was one."""

    how: str
    seconds: float | None


def command(solver: tuple[str, ...], *arguments: str) -> list[str]:
    """Return the arguments of a training."""
    train = ["train", "X.npy", "--labels", "y.npy", "--hidden", "8", "--block-size", "500"]
    train += ["--device", "cpu", "--threads", "1", "--iterations", str(ITERATIONS), "--quiet"]
    return [sys.executable, "-c", CHILD, *train, *solver, *arguments]


def pid_of(folder: Path, rank: int, fault: str) -> int:
    """Return the process of a rank as soon as it is there, and for what Python handles ready."""
    until = time.monotonic() + 20
    needed = folder / (f"pid{rank}" if fault in ("KILL", "STOP") else f"ready{rank}")
    while not needed.exists():
        assert time.monotonic() < until, "a rank did not start"
        time.sleep(0.002)
    return int((folder / f"pid{rank}").read_text())


def left_of(folder: Path) -> list[str]:
    """Return which ranks are still there."""
    return [path.name for path in folder.glob("pid?") if is_running(int(path.read_text()))]


def said_to_the_end(process: subprocess.Popen[str], folder: Path, fault: str | None) -> str:
    """Return what a job has said; raise TimeoutExpired if it does not end."""

    def checkpoint() -> int | None:
        return (folder / "c").stat().st_mtime_ns if (folder / "c").exists() else None

    while True:
        before = checkpoint()
        limit = MAX_SECONDS_TO_CHECKPOINT if fault is None else DEADLINE + MAX_SECONDS_TO_END
        try:
            return process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            if fault is not None or checkpoint() == before:
                raise  # and otherwise it is slow


def run_job(folder: Path, size: int, job: list[str], fault: str | None, random: Any) -> Ended:
    """Start a job, let something happen to a rank, and return how it has ended."""
    for path in (*folder.glob("pid*"), *folder.glob("ready*")):
        path.unlink()
    process = subprocess.Popen(
        [str(MPIEXEC), "-n", str(size), *job],
        cwd=folder,
        env=environment() | ALLOWED,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    hit = None
    try:
        if fault is not None:
            who = int(random.randint(size))
            pid = pid_of(folder, who, fault)
            try:
                process.wait(random.uniform(0, MAX_SECONDS_TO_FAULT))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    os.kill(pid, getattr(signal, f"SIG{fault}"))
                    hit = time.monotonic()
        said = said_to_the_end(process, folder, fault)
    except subprocess.TimeoutExpired:
        left = left_of(folder)
        for name in left:
            os.kill(int((folder / name).read_text()), signal.SIGUSR2)
        time.sleep(1 if left else 0)
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        if fault is not None and not left:
            # Open MPI's, where a rank has ended while another is about to join.
            return Ended("all ranks have ended, the launcher waits", None)
        raise AssertionError(f"{fault} on {size} ranks: still running\n{said}") from None
    until = time.monotonic() + MAX_SECONDS_TO_END
    while left := left_of(folder):
        assert time.monotonic() < until, f"{fault} on {size} ranks: {left} left\n{said}"
        time.sleep(0.01)
    seconds = None if hit is None else time.monotonic() - hit
    if process.returncode == 0:
        return Ended("whole", seconds)
    assert fault is not None, said
    assert "Traceback" not in said, said
    return Ended(f"exit code {process.returncode}", seconds)


def train_through(
    folder: Path,
    solver: tuple[str, ...],
    faults: int,
    random: Any,
    seen: Counter[str],
    longest: dict[str, float],
) -> int:
    """Train to the end through at most so many faults, and return how many there were."""
    for name in ("c", "c.previous", "m", "h"):
        (folder / name).unlink(missing_ok=True)
    arguments = ["--checkpoint", "c", "--checkpoint-every", "100", "--resume"]
    arguments += ["--out", "m", "--history", "h", "--mpi-timeout", str(DEADLINE)]
    done = 0
    while True:
        size = int(random.randint(1, 5))
        fault = FAULTS[int(random.randint(len(FAULTS)))] if done < faults and size > 1 else None
        ended = run_job(folder, max(size, 2), command(solver, *arguments), fault, random)
        if fault is not None:
            seen[f"{fault}: {ended.how}"] += 1
            longest[fault] = max(longest.get(fault, 0.0), ended.seconds or 0.0)
            done += 1
        check(folder, seen)
        if ended.how == "whole":
            return done


def harness(faults: int, seed: int) -> dict[str, Any]:
    """Let so many things happen, and return what has."""
    random, began = np.random.RandomState(seed), time.monotonic()
    seen: Counter[str] = Counter()
    longest: dict[str, float] = {}
    done = trainings = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        while done < faults:
            solver = SOLVERS[trainings % len(SOLVERS)]
            alone = command(solver, "--out", "whole", "--history", "hw")
            subprocess.run(
                alone, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL
            )
            done += train_through(folder, solver, min(10, faults - done), random, seen, longest)
            assert outcome(folder, "m", "h") == outcome(folder, "whole", "hw"), solver
            trainings += 1
    from mpi4py import MPI

    seen.pop("in the middle of a write", None)
    seen.pop("before the first checkpoint", None)
    return {
        "mpi": MPI.Get_library_version().split("\n")[0].strip(),
        "seed": seed,
        "faults": done,
        "ended": dict(sorted(seen.items())),
        "deadline": DEADLINE,
        "longest seconds to the end": {key: round(longest[key], 1) for key in sorted(longest)},
        "trainings with the bits of one process": trainings,
        "seconds": round(time.monotonic() - began),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def main() -> None:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    line = json.dumps(harness(options.faults, options.seed))
    print(line)
    if options.out is not None:
        with options.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
