"""Jobs of MPI: the command on several ranks, and how to watch them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.checkout import ROOT
from tests.support.command import is_running

MPIEXEC = Path(sys.executable).with_name("mpiexec")
# Open MPI refuses both without being asked.
ALLOWED = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
ALLOWED |= {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
# Writes which process a rank is.
WITH_PIDS = """
import os, pathlib
rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ.get("PMI_RANK")
pathlib.Path(f"pid{rank}").write_text(str(os.getpid()))
from gdnet.cli.main import main
raise SystemExit(main())
"""

# Does several commands one after the other. The summary of a training has seconds.
SEVERAL = """
import contextlib, io, json, sys
from gdnet.cli.main import main
for words in json.loads(sys.argv[1]):
    unseen = contextlib.redirect_stdout(io.StringIO())
    with unseen if words[0] == "train" else contextlib.nullcontext():
        code = main(words)
    if code:
        raise SystemExit(code)
"""


def gdnet(count: int, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    launcher = [str(MPIEXEC), "-n", str(count)] if count else []
    return subprocess.run(
        [*launcher, sys.executable, "-m", "gdnet", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | ALLOWED | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def commands(
    count: int, work: Sequence[Sequence[object]], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Do commands that must succeed, all of them by one start of so many ranks; 0 without MPI."""
    launcher = [str(MPIEXEC), "-n", str(count)] if count else []
    words = [[str(word) for word in each] for each in work]
    done = subprocess.run(
        [*launcher, sys.executable, "-c", SEVERAL, json.dumps(words)],
        cwd=cwd,
        env=os.environ | ALLOWED | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def running(
    count: int, *arguments: object, cwd: Path, program: str | None = None
) -> subprocess.Popen[str]:
    child = [sys.executable, "-c", program or WITH_PIDS]
    return subprocess.Popen(
        [str(MPIEXEC), "-n", str(count), *child, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | ALLOWED | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Return the exit code and what was said on stderr, once all ranks have ended.

    The code is None where the launcher waits all the same, as that of Open MPI 5.0.11 may after a
    rank has ended while others were starting.
    """
    try:
        err = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        left = [path.name for path in folder.glob("pid?") if is_running(int(path.read_text()))]
        os.killpg(process.pid, signal.SIGKILL)
        err = process.communicate()[1]
        assert not left, err
        return None, err
    return process.returncode, err


def saved_rows(folder: Path, rows: int = 10_001) -> list[object]:
    random = np.random.RandomState(0)
    X = random.uniform(1, 9, (rows, 4)).astype(np.float32)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", np.where(X[:, 0] * X[:, 1] > 25, "large", "small"))
    return ["train", "X.npy", "--labels", "y.npy", "--hidden", 6, "--iterations", 60]


def wait_for(folder: Path, pattern: str) -> None:
    until = time.monotonic() + 30
    while not list(folder.glob(pattern)):
        assert time.monotonic() < until
        time.sleep(0.01)
