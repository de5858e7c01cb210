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

# Two to four seconds of two cores that nobody else uses.
ITERATIONS = 4000
CHECKPOINTS = 40
DEADLINE = 3.0
# Where nothing happens a rank may be as slow as its machine.
DEADLINE_OF_UNDISTURBED = 60.0
MAX_SECONDS_TO_START = 60.0
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
    """How a job has ended, and how many seconds after the fault, if it has not ended before."""

    how: str
    seconds: float | None
    happened: bool


class Found:
    """What has happened.

    Attributes
    ----------
    faults, trainings : int
        How many, and how many trainings have come to their end.
    ended : Counter
        How jobs have ended, by the fault.
    at_start : int
        After how many of the faults the job had saved nothing.
    longest : dict
        Seconds from a fault to the end, by the fault.
    """

    def __init__(self) -> None:
        self.faults = self.trainings = self.at_start = 0
        self.ended: Counter[str] = Counter()
        self.longest: dict[str, float] = {}

    def add(self, fault: str, ended: Ended, *, at_start: bool) -> None:
        """Count a fault."""
        self.faults += 1
        self.at_start += at_start
        self.ended[f"{fault}: {ended.how}"] += 1
        self.longest[fault] = max(self.longest.get(fault, 0.0), ended.seconds or 0.0)


def command(solver: tuple[str, ...], iterations: int, *arguments: str) -> list[str]:
    """Return the arguments of a training."""
    train = ["train", "X.npy", "--labels", "y.npy", "--hidden", "8", "--block-size", "500"]
    train += ["--device", "cpu", "--threads", "1", "--iterations", str(iterations), "--quiet"]
    return [sys.executable, "-c", CHILD, *train, *solver, *arguments]


def pid_of(folder: Path, rank: int, fault: str) -> int:
    """Return the process of a rank as soon as it is there, and for what Python handles ready."""
    until = time.monotonic() + MAX_SECONDS_TO_START
    needed = folder / (f"pid{rank}" if fault in ("KILL", "STOP") else f"ready{rank}")
    while not needed.exists():
        assert time.monotonic() < until, "a rank did not start"
        time.sleep(0.002)
    return int((folder / f"pid{rank}").read_text())


def left_of(folder: Path) -> list[str]:
    """Return which ranks are still there."""
    return [path.name for path in folder.glob("pid?") if is_running(int(path.read_text()))]


def checkpoint_of(folder: Path) -> int | None:
    """Return something that tells a checkpoint from the one before."""
    return (folder / "c").stat().st_mtime_ns if (folder / "c").exists() else None


def said_to_the_end(process: subprocess.Popen[str], folder: Path, fault: str | None) -> str:
    """Return what a job has said; raise TimeoutExpired if it does not end."""
    while True:
        before = checkpoint_of(folder)
        limit = MAX_SECONDS_TO_CHECKPOINT if fault is None else DEADLINE + MAX_SECONDS_TO_END
        try:
            return process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            if fault is not None or checkpoint_of(folder) == before:
                raise  # and otherwise it is slow


def run_job(
    folder: Path, size: int, job: list[str], fault: str | None = None, who: int = 0, at: float = 0
) -> Ended:
    """Start a job, let a fault happen to a rank after some seconds, and return how it has ended."""
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
            pid = pid_of(folder, who, fault)
            try:
                process.wait(at)
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
        for name in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((folder / name).read_text()), signal.SIGKILL)
        said, _ = process.communicate()
        if fault is not None and not left:
            # Open MPI's, where a rank has ended while another is about to join.
            return Ended("all ranks have ended, the launcher waits", None, hit is not None)
        if fault == "STOP" and left == [f"pid{who}"]:  # when MPI had ended there
            return Ended("the other ranks have ended, the launcher waits", None, hit is not None)
        raise AssertionError(f"{fault} on {size} ranks: still running\n{said}") from None
    until = time.monotonic() + MAX_SECONDS_TO_END
    while left := left_of(folder):
        assert time.monotonic() < until, f"{fault} on {size} ranks: {left} left\n{said}"
        time.sleep(0.01)
    seconds = None if hit is None else time.monotonic() - hit
    if process.returncode == 0:
        return Ended("whole", seconds, hit is not None)
    assert fault is not None, said
    assert "Traceback" not in said, said
    return Ended(f"exit code {process.returncode}", seconds, hit is not None)


def train_through(
    folder: Path, job: list[str], faults: int, seconds: float, random: Any, found: Found
) -> None:
    """Train to the end through at most so many faults, each within so many seconds."""
    for name in ("c", "c.previous", "m", "h"):
        (folder / name).unlink(missing_ok=True)
    last = found.faults + faults
    while True:
        size = int(random.randint(1, 5))
        before, fault = checkpoint_of(folder), None
        if found.faults < last and size > 1:
            fault = FAULTS[int(random.randint(len(FAULTS)))]
        deadline = DEADLINE_OF_UNDISTURBED if fault is None else DEADLINE
        words = [*job, "--mpi-timeout", str(deadline)]
        who, at = int(random.randint(size)), float(random.uniform(0, seconds))
        ended = run_job(folder, max(size, 2), words, fault, who, at)
        check(folder, Counter())
        if fault is not None and ended.happened:
            found.add(fault, ended, at_start=checkpoint_of(folder) == before)
        if ended.how == "whole":
            found.trainings += 1
            return


def harness(faults: int, seed: int, iterations: int = ITERATIONS) -> dict[str, Any]:
    """Let so many things happen to trainings of so many iterations, and return what has."""
    random, began, found = np.random.RandomState(seed), time.monotonic(), Found()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        # A fault comes between the start and about the end, whatever that takes here.
        run_job(folder, 3, command((), iterations, "--out", "m"))
        seconds = time.monotonic() - began
        while found.faults < faults:
            solver = SOLVERS[found.trainings % len(SOLVERS)]
            alone = command(solver, iterations, "--out", "whole", "--history", "hw")
            subprocess.run(
                alone, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL
            )
            every = str(max(1, iterations // CHECKPOINTS))
            saved = ["--checkpoint", "c", "--checkpoint-every", every, "--resume"]
            job = command(solver, iterations, *saved, "--out", "m", "--history", "h")
            train_through(folder, job, min(10, faults - found.faults), seconds, random, found)
            assert outcome(folder, "m", "h") == outcome(folder, "whole", "hw"), solver
    from mpi4py import MPI

    return {
        "mpi": MPI.Get_library_version().split("\n")[0].split(",")[0],
        "seed": seed,
        "iterations": iterations,
        "faults": found.faults,
        "before anything was saved": found.at_start,
        "ended": dict(sorted(found.ended.items())),
        "deadline": DEADLINE,
        "longest seconds to the end": {k: round(v, 1) for k, v in sorted(found.longest.items())},
        "trainings with the bits of one process": found.trainings,
        "seconds of a job without a fault": round(seconds, 1),
        "seconds": round(time.monotonic() - began),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def main() -> None:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="of a training")
    parser.add_argument("--out", type=Path, help="a file that gets one line of JSON more")
    options = parser.parse_args()
    line = json.dumps(harness(options.faults, options.seed, options.iterations))
    print(line)
    if options.out is not None:
        with options.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
