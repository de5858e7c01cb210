"""Two hosts, as far as a machine can have them: namespaces that share a cable, and no memory.

Each has its own network, name and shared memory; the launcher starts a rank on each as it would by
ssh. Needs Linux and root, as a container often has it. By hand:

    python -m pytest --slow tests/ranks/test_mpi_hosts.py
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.command import is_running
from tests.support.mpi_jobs import ALLOWED, MPIEXEC, WITH_PIDS, gdnet, saved_rows, wait_for

pytest.importorskip("mpi4py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MPIEXEC.exists(), reason="no MPI is installed in this environment"),
]

HOSTS = ("10.213.7.1", "10.213.7.2")
CABLE = "gdnet0"
# In place of ssh: options, the host, and what to run there.
AGENT = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1; shift
exec ip netns exec "gdnet-$host" unshare --uts --ipc --mount \\
    sh -c "hostname host-$host; mount -t tmpfs none /dev/shm; $*"
"""
# Of MPICH and its UCX, and of Open MPI: through the network alone.
WITHOUT_SHARED_MEMORY = {
    "MPIR_CVAR_NOLOCAL": "1",
    "UCX_TLS": "tcp,self",
    "UCX_NET_DEVICES": CABLE,
    "OMPI_MCA_pml": "ob1",
    "OMPI_MCA_btl": "tcp,self",
}


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def kill_all(host: str) -> None:
    for left in run("ip", "netns", "pids", f"gdnet-{host}").split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(left), signal.SIGKILL)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """Make two namespaces with a cable between them, and what starts programs there."""
    made = []
    try:
        try:
            for host in HOSTS:
                run("ip", "netns", "add", f"gdnet-{host}")
                made.append(host)
            first, second = (f"gdnet-{host}" for host in HOSTS)
            run("ip", "link", "add", CABLE, "netns", first, "type", "veth",
                "peer", "name", CABLE, "netns", second)  # fmt: skip
            for host in HOSTS:
                within = ("ip", "-n", f"gdnet-{host}")
                run(*within, "address", "add", f"{host}/24", "dev", CABLE)
                for link in ("lo", CABLE):
                    run(*within, "link", "set", link, "up")
            for host in HOSTS:
                until = time.monotonic() + 10
                while "UP" not in run("ip", "-n", f"gdnet-{host}", "-br", "link", "show", CABLE):
                    assert time.monotonic() < until
                    time.sleep(0.01)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            pytest.skip(f"needs network namespaces (root, iproute2): {said.strip()}")
        script = tmp_path / "agent"
        script.write_text(AGENT)
        script.chmod(0o755)
        yield script
    finally:
        for host in made:
            kill_all(host)
            run("ip", "netns", "delete", f"gdnet-{host}")


def on_hosts(
    agent: Path, *arguments: object, cwd: Path, program: Sequence[str] = ("-m", "gdnet")
) -> subprocess.Popen[str]:
    """Start a program of Python with a rank on each of the hosts."""
    if MPIEXEC.with_name("prterun").exists():  # Open MPI
        launcher = ["--prtemca", "plm_ssh_agent", str(agent), "-x", "PYTHONPATH"]
        launcher += ["--host", ",".join(f"{host}:1" for host in HOSTS), "--map-by", "ppr:1:node"]
    else:
        launcher = ["-launcher", "ssh", "-launcher-exec", str(agent), "-localhost", HOSTS[0]]
        launcher += ["-hosts", ",".join(HOSTS), "-ppn", "1"]
    within = ["ip", "netns", "exec", f"gdnet-{HOSTS[0]}", str(MPIEXEC), *launcher, "-n", "2"]
    return subprocess.Popen(
        [*within, sys.executable, *program, *map(str, arguments)],
        cwd=cwd,
        # A launcher that is killed leaves its folders there.
        env=os.environ
        | ALLOWED
        | WITHOUT_SHARED_MEMORY
        | {"PYTHONPATH": str(ROOT), "TMPDIR": str(cwd)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


WHERE = """
import socket
from mpi4py import MPI
from gdnet.ranks.communicator import Ranks
ranks = Ranks(MPI.COMM_WORLD)
machine = ranks.machine()
said = ranks.gathered(lambda: [(socket.gethostname(), machine.size)])
if ranks.rank == 0:
    print(said)
"""


def test_the_hosts_share_no_memory(tmp_path: Path, agent: Path) -> None:
    process = on_hosts(agent, cwd=tmp_path, program=("-c", WHERE))
    said, err = process.communicate(timeout=60)
    (one, of_one), (other, of_other) = ast.literal_eval(said)
    assert one != other, err
    assert other == f"host-{HOSTS[1]}"
    assert (of_one, of_other) == (1, 1)


def test_two_hosts_train_evaluate_and_predict_to_the_bits_of_one(
    tmp_path: Path, agent: Path
) -> None:
    train = [*saved_rows(tmp_path), "--block-size", 700, "--validation", 0.2, "--threads", 1]
    evaluate = ["evaluate", "model.safetensors", "X.npy", "--labels", "y.npy", "--json"]
    predict = ["predict", "model.safetensors", "X.npy", "--out", "p.csv"]
    for words, out in ((train, "model.safetensors"), (evaluate, None), (predict, "p.csv")):
        quiet = [*words, "--quiet", "--device", "cpu"]
        alone = gdnet(0, *quiet, cwd=tmp_path)
        assert alone.returncode == 0, alone.stderr
        expected = alone.stdout if out is None else (tmp_path / out).read_bytes()
        process = on_hosts(agent, *quiet, cwd=tmp_path)
        said, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert (said if out is None else (tmp_path / out).read_bytes()) == expected
        if words is train:
            assert ", on 2 ranks" in said


def test_a_cable_that_is_cut_ends_all_ranks(tmp_path: Path, agent: Path) -> None:
    train = [value if value != 60 else 10**7 for value in saved_rows(tmp_path)]
    train += ["--threads", 1, "--checkpoint", "c", "--checkpoint-every", 50, "--quiet"]
    timeout = ["--mpi-timeout", 3]
    process = on_hosts(agent, *train, *timeout, cwd=tmp_path, program=("-c", WITH_PIDS))
    wait_for(tmp_path, "c")
    run("ip", "-n", f"gdnet-{HOSTS[1]}", "link", "set", CABLE, "down")
    pids = [int((tmp_path / f"pid{rank}").read_text()) for rank in (0, 1)]
    until = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.05)
    # The launcher of Open MPI waits on for its daemon on the other host, and that for it.
    for host in HOSTS:
        kill_all(host)
    assert "has waited 3 seconds for another rank" in process.communicate(timeout=60)[1]
    done = gdnet(0, *train, "--resume", "--max-seconds", 0.2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
