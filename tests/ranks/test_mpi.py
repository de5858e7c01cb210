"""Ranks of real MPIs: the same bits, and no hang whatever happens to a rank.

The MPI is that of the environment; `.ci/run` runs this with MPICH and with Open MPI.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.mpi_jobs import ALLOWED, MPIEXEC, WITH_PIDS, ended, gdnet, running, saved_rows

pytest.importorskip("mpi4py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MPIEXEC.exists(), reason="no MPI is installed in this environment"),
]

# Trainings by every solver, dtype and engine, with a narrower last block and with fewer blocks than
# ranks; and what happens to one of the ranks meanwhile.
CHILD = """
import hashlib, os, signal, sys, threading
import numpy as np
from gdnet.backends import get_backend
from gdnet.backends.cpu_library import find_library
from gdnet.checkpoint import Checkpoint
from gdnet.data.source import ArraySource
from gdnet.descent import descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks

what, who = sys.argv[1], int(sys.argv[2])
ranks = None
if what != "alone":
    from mpi4py import MPI
    ranks = Ranks(MPI.COMM_WORLD, deadline=3)
rank = 0 if ranks is None else ranks.rank
random = np.random.RandomState(0)
X = random.uniform(-1, 1, (5, 3050))
Y = (X[:1] * X[1:2] > 0).astype(np.uint8)

class Source(ArraySource):
    left = 200 if what == "error" and rank == who else None

    def read(self, lo, hi):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise OSError(5, "Input/output error", "X.npy")
        return super().read(lo, hi)

def batch(dtype, block, engine="auto"):
    threads = 1 + rank % 2
    backend = get_backend("cpu", threads=threads, engine=engine)
    source = Source(X.astype(dtype), Y)
    return FullBatch(source, backend, n1=7, dtype=dtype, block_columns=block, comm=ranks, l2=0.1)

def train(objective, iterations=12, solver="gd", callbacks=()):
    start = initialise(5, 7, 1, random_state=1, dtype=objective.dtype)
    rate = 0.3 if solver == "gd" else None
    return descend(objective, start, solver=solver, learning_rate=rate, iterations=iterations,
                   callbacks=callbacks)

def digest(*runs):
    hash = hashlib.sha256()
    for run in runs:
        for array in (*run.parameters, run.costs, np.array(run.final_cost)):
            hash.update(np.ascontiguousarray(array).tobytes())
    if rank == 0:
        print(hash.hexdigest()[:16])

if what in ("alone", "train"):
    engines = ["reference"] + ([] if isinstance(find_library(), str) else ["compiled"])
    digest(*(train(batch(dtype, block, engine), solver=solver) for solver in ("gd", "lbfgs")
             for dtype in ("float32", "float64") for engine in engines for block in (300, 1600)))
elif what in ("save", "resume", "whole"):
    with Checkpoint(sys.argv[3], every=5, resume=what == "resume", comm=ranks) as checkpoint:
        def kill(state):
            if what == "save" and rank == who and state.iteration == 33:
                os.kill(os.getpid(), signal.SIGKILL)
        digest(train(batch("float64", 300), 60, "lbfgs", [checkpoint, kill]))
else:
    if rank == who and what.startswith("SIG"):
        threading.Timer(0.5, os.kill, [os.getpid(), getattr(signal, what)]).start()
    try:
        train(batch("float64", 100), 10**6)
    except BaseException as error:
        sys.stderr.write(f"rank {rank}: {type(error).__name__}: {error}\\n")
        sys.exit(3)
"""


def on_ranks(count: int, *arguments: object, limit: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(MPIEXEC), "-n", str(count), sys.executable, "-c", CHILD, *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | ALLOWED,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
    )


def alone(*arguments: object) -> str:
    command = [sys.executable, "-c", CHILD, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_hash_for_any_number_of_ranks() -> None:
    expected = alone("alone", 0)
    for count in (1, 2, 3, 4):
        done = on_ranks(count, "train", 0)
        assert done.returncode == 0, done.stderr
        assert done.stdout == expected


@pytest.mark.parametrize("who", [0, 1])
def test_a_killed_run_is_resumed_with_another_number_of_ranks(tmp_path: Path, who: int) -> None:
    expected = on_ranks(1, "whole", 0, tmp_path / "whole").stdout
    assert len(expected) == 17
    began = time.monotonic()
    killed = on_ranks(3, "save", who, tmp_path / "c")
    assert killed.returncode != 0
    assert time.monotonic() - began < 30
    resumed = on_ranks(2, "resume", 0, tmp_path / "c")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == expected


@pytest.mark.parametrize("who", [0, 2])
def test_an_error_of_one_rank_is_known_to_all(who: int) -> None:
    done = on_ranks(3, "error", who)
    assert done.returncode != 0
    assert f"rank {who}: OSError: [Errno 5] Input/output error: 'X.npy'" in done.stderr
    assert f"RankFailed: rank {who} on " in done.stderr


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSTOP", "SIGINT"])
@pytest.mark.parametrize("who", [0, 1])
def test_no_hang(name: str, who: int) -> None:
    began = time.monotonic()
    done = on_ranks(3, name, who)
    assert done.returncode != 0
    assert time.monotonic() - began < 30
    if name == "SIGINT":
        assert done.stderr.count("KeyboardInterrupt") == 3
    if name == "SIGSTOP":
        assert done.returncode == 75
        assert "has waited 3 seconds for another rank" in done.stderr


def test_the_command_writes_the_same_model_on_any_number_of_ranks(tmp_path: Path) -> None:
    train = [*saved_rows(tmp_path), "--block-size", 700, "--solver", "lbfgs", "--json"]
    train += ["--validation", 0.2, "--early-stopping", "--history", "h"]
    models, summaries, histories = set(), [], set()
    for count in (0, 1, 2, 3):
        done = gdnet(count, *train, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        models.add((tmp_path / "model.safetensors").read_bytes())
        summaries.append(json.loads(done.stdout))
        lines = (tmp_path / "h").read_text().splitlines()
        histories.add(tuple(json.loads(line)["cost"] for line in lines))
    assert len(models) == len(histories) == 1
    assert [summary.pop("ranks") for summary in summaries] == [1, 1, 2, 3]
    for name in ("cost", "train_log_loss", "train_auc", "validation_accuracy", "iterations"):
        assert len({summary[name] for summary in summaries}) == 1


def test_the_command_says_what_is_wrong_once(tmp_path: Path) -> None:
    train = saved_rows(tmp_path)
    done = gdnet(3, "train", "none.npy", "--labels", "y.npy", "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("gdnet: none.npy: expected a file, got none; check the path") == 1
    done = gdnet(2, *train, "--rounds", 3, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("unrecognized arguments") == 1


def test_the_command_is_resumed_with_another_number_of_ranks(tmp_path: Path) -> None:
    train = [*saved_rows(tmp_path), "--block-size", 700, "--checkpoint", "c", "--quiet"]
    assert gdnet(0, *train, "--out", "whole", cwd=tmp_path).returncode == 0
    begun = [value if value != 60 else 30 for value in train]
    assert gdnet(3, *begun, cwd=tmp_path).returncode == 0
    done = gdnet(2, *train, "--resume", "--out", "resumed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("who", [[0], [1], [0, 1, 2]], ids=str)
def test_a_signal_ends_the_command_on_all_ranks(
    tmp_path: Path, number: signal.Signals, who: list[int]
) -> None:
    train = [*saved_rows(tmp_path), "--block-size", 700, "--checkpoint", "c", "--quiet"]
    train = [value if value != 60 else 10**7 for value in train]
    process = running(3, *train, "--checkpoint-every", 20, "--mpi-timeout", 30, cwd=tmp_path)
    until = time.monotonic() + 30
    while not (tmp_path / "c").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    for rank in who:
        os.kill(int((tmp_path / f"pid{rank}").read_text()), number)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 15
    assert process.returncode in (128 + number, 128 | number), err
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert err.count(f"gdnet: {word}; c has the first ") == 1, err
    done = gdnet(2, *train, "--resume", "--max-seconds", 0.2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_first_rank_may_stand_still_too(tmp_path: Path) -> None:
    train = [value if value != 60 else 10**7 for value in saved_rows(tmp_path)]
    process = running(2, *train, "--block-size", 700, "--mpi-timeout", 3, cwd=tmp_path)
    until = time.monotonic() + 30
    while not (tmp_path / "pid0").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(2)
    os.kill(int((tmp_path / "pid0").read_text()), signal.SIGSTOP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "gdnet: rank 1 on " in err
    assert "has waited 3 seconds for another rank" in err


@pytest.mark.parametrize("who", ["0", "1"])
def test_an_error_in_the_midst_of_an_exchange_ends_the_job(tmp_path: Path, who: str) -> None:
    fails = f"""
from gdnet.ranks.sums import NodeSums
total, calls = NodeSums.total, []
def failing(self, *arguments):
    calls.append(None)
    if rank == {who!r} and len(calls) == 7:
        raise MemoryError("no room for what has come")
    return total(self, *arguments)
NodeSums.total = failing
from gdnet"""
    program = WITH_PIDS.replace("\nfrom gdnet", fails, 1)
    train = [*saved_rows(tmp_path), "--quiet"]  # with a deadline of five minutes
    code, err = ended(running(2, *train, cwd=tmp_path, program=program), tmp_path, 30)
    assert code in (1, None), err
    assert f"gdnet: rank {who} on " in err
    reason = "has failed in the sum over all examples: MemoryError: no room for what has come"
    assert f"{reason}; the job is ended" in err
    assert "Traceback" not in err


def test_a_rank_that_does_not_come_up_ends_the_job(tmp_path: Path) -> None:
    saved_rows(tmp_path)
    # The second rank stops before MPI starts there.
    stops = WITH_PIDS.replace(
        "from gdnet",
        "import signal\nif rank == '1': os.kill(os.getpid(), signal.SIGSTOP)\nfrom gdnet",
        1,
    )
    train = ["train", "X.npy", "--labels", "y.npy", "--mpi-timeout", "3", "--quiet"]
    code, err = ended(running(2, *train, cwd=tmp_path, program=stops), tmp_path, 30)
    assert code in (75, None), err
    assert "gdnet: rank 0 on " in err
    assert "has waited 3 seconds for MPI to start: one of the 2 ranks has not started" in err


@pytest.mark.parametrize("who", ["0", "1"])
def test_a_rank_that_stands_still_at_the_end_ends_the_job(tmp_path: Path, who: str) -> None:
    stops = f"import signal\nif rank == {who!r}: os.kill(os.getpid(), signal.SIGSTOP)"
    program = WITH_PIDS.replace("raise SystemExit(main())", f"code = main()\n{stops}\nexit(code)")
    train = [*saved_rows(tmp_path), "--mpi-timeout", 3, "--quiet"]
    code, err = ended(running(2, *train, cwd=tmp_path, program=program), tmp_path, 30)
    assert code in (75, None), err
    assert f"gdnet: rank {1 - int(who)} on " in err
    assert "has waited 3 seconds for MPI to end: one of the 2 ranks stands still" in err
    assert (tmp_path / "model.safetensors").exists()


def test_a_dozen_faults_at_random_moments() -> None:
    from tests.faults.ranks import harness

    found = harness(12, seed=5, iterations=1000)
    assert found["faults"] == 12
    assert found["trainings with the bits of one process"] >= 1
