"""What ends a process that stands still in a call that holds Python's lock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gdnet.ranks.watch import EXIT_CODE_OF_DEADLINE
from tests.support.command import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="timers of Linux")

# As the start of MPI does, this sleep lets no other thread of Python run, and no handler.
STANDS_STILL = """
import ctypes, sys
from gdnet.cli.start_timer import ended_after
with ended_after(float(sys.argv[1]), "rank 1 has waited 100 % of the time"):
    ctypes.PyDLL(None).sleep(int(sys.argv[2]))
print("over")
"""


def run(seconds: float, sleeps: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STANDS_STILL, str(seconds), str(sleeps)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)


def test_it_ends_with_its_exit_code_and_the_reason() -> None:
    done = run(0.2, 50)
    assert (done.returncode, done.stdout) == (EXIT_CODE_OF_DEADLINE, "")
    assert done.stderr == "gdnet: rank 1 has waited 100 % of the time\n"


def test_what_is_over_in_time_is_not_ended() -> None:
    done = run(20, 0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
