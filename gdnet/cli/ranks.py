"""Ranks of MPI: whether a launcher has started several, joining them, and which one speaks."""

from __future__ import annotations

import atexit
import contextlib
import operator
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gdnet.cli.start_timer import ended_after
from gdnet.errors import DataError
from gdnet.ranks.signals import SIGNALS

if TYPE_CHECKING:
    from gdnet.data.encoding.encoding import Seen
    from gdnet.data.parts import Data
    from gdnet.model.model import Model
    from gdnet.ranks.communicator import Ranks

# What launchers tell a process: the number of the processes, and which one it is.
LAUNCHERS = {
    "mpiexec of Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    "mpiexec": ("PMI_SIZE", "PMI_RANK"),
    "srun": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
}
# What they start that shares the work; others run in each process as if it were alone.
SHARED_COMMANDS = ("train", "evaluate", "predict")
INSTALL = "pip install 'gdnet-xp[mpi]'"


class Launched(NamedTuple):
    """One of several processes that a launcher has started.

    Attributes
    ----------
    launcher : str
        Which one.
    size, rank : int
        How many processes there are, and which this is.
    """

    launcher: str
    size: int
    rank: int


def launched() -> Launched | None:
    """Return what a launcher has started this process as; None if it is alone.

    Raises
    ------
    DataError
        For torchrun, whose processes are not ranks of MPI.
    """
    for launcher, (size, rank) in LAUNCHERS.items():
        with contextlib.suppress(KeyError, ValueError):
            found = Launched(launcher, int(os.environ[size]), int(os.environ[rank]))
            if found.size > 1:
                return found
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
        raise DataError(
            f"torchrun has started {os.environ['WORLD_SIZE']} processes, each of which would train "
            "alone; start them with mpiexec or srun: mpiexec -n 4 gdnet train ..."
        )
    return None


@contextlib.contextmanager
def only_the_first_speaks(process: Launched | None) -> Iterator[None]:
    """Send what the other processes have to say nowhere: it is the same, or the first says it."""
    if process is None or process.rank == 0:
        yield
        return
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


@contextlib.contextmanager
def signals_held_back(process: Launched | None) -> Iterator[Callable[[], object]]:
    """Hold back Ctrl-C and SIGTERM from a rank, until what is yielded is called or the block ends.

    A rank that ended while MPI starts could not tell the others, which would wait for it until
    their deadline, and a launcher may wait with them.
    """
    if process is None or not hasattr(signal, "pthread_sigmask"):
        yield lambda: None
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def join(process: Launched, deadline: float) -> Ranks:
    """Return the ranks of MPI that a launcher has started.

    Parameters
    ----------
    process : Launched
        Which of them this process is.
    deadline : float
        As of `gdnet.Ranks`; it holds for the start, too, and for the end of the process.

    Raises
    ------
    DataError
        If mpi4py is not there, or finds another number of ranks.
    """
    from gdnet.ranks.communicator import Ranks

    started = f"{process.launcher} has started {process.size} processes"
    with ended_after(deadline, _stands_still(process, deadline)):
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise DataError(
                f"{started}, and they need mpi4py: {error}; {INSTALL}, and an MPI, that of the "
                "cluster or pip install mpich"
            ) from None
        size = MPI.COMM_WORLD.Get_size()
    if size != process.size:
        library = MPI.Get_library_version().split(",")[0].split("\n")[0]
        raise DataError(
            f"{started}, of which mpi4py sees {size}: it uses another MPI ({library}), and each "
            "would train alone; start them with the mpiexec of that one"
        )
    # Before mpi4py ends MPI, when Python has gone and nothing watches it any more.
    atexit.register(_end, MPI, process, deadline)
    return Ranks(MPI.COMM_WORLD, deadline)


def _end(mpi: Any, process: Launched, deadline: float) -> None:
    """End MPI, for which all ranks wait for each other once more."""
    if mpi.Is_finalized():
        return
    if hasattr(signal, "pthread_sigmask"):  # the command is over
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    # What MPI may say after a rank has failed has been said better.
    with contextlib.suppress(Exception), ended_after(deadline, _does_not_end(process, deadline)):
        mpi.Finalize()


def own_threads(ranks: Ranks) -> int | None:
    """Return a rank's share of the cores of its machine; None where it has some of its own."""
    from gdnet.backends.host import usable_cpus

    cores, count = usable_cpus(), ranks.machine().size
    return max(1, cores // count) if cores == os.cpu_count() and count > 1 else None


def check_shared(data: Data) -> None:
    """Raise unless each rank can read its own rows of the data.

    Raises
    ------
    DataError
        For files that have to be read from their beginning, or are loaded as a whole.
    """
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.formats import NPY, NPZ, TABLES, knows_rows
    from gdnet.data.parts import parts_of

    if data in BUILTIN_NAMES:
        return
    parts = parts_of(data)
    if knows_rows(parts.format):
        return
    known = [each for each in (NPY, *(each.extensions[0] for each in TABLES)) if knows_rows(each)]
    make = f"gdnet convert {parts.path} X.npy --target COLUMN --labels y.npy"
    if parts.format == NPZ:
        make = "numpy.save('X.npy', archive['X']), and y likewise"
    raise DataError(
        f"{parts.path}: expected a {' or '.join(known)} file where several ranks share "
        f"the work, each of which reads its own rows of it; make one: {make}"
    )


def _stands_still(process: Launched, deadline: float) -> str:
    return (
        f"rank {process.rank} on {socket.gethostname()} has waited {deadline:g} seconds for MPI to "
        f"start: one of the {process.size} ranks has not started or stands still, or its machine "
        "cannot be reached from this one; see whether a program without MPI starts on all of them "
        f"(mpiexec -n {process.size} hostname), whether a firewall lies between them, or wait "
        "longer: --mpi-timeout"
    )


def _does_not_end(process: Launched, deadline: float) -> str:
    return (
        f"rank {process.rank} on {socket.gethostname()} has waited {deadline:g} seconds for MPI to "
        f"end: one of the {process.size} ranks stands still or has lost its connection; the "
        "command itself was over"
    )


def say_seen(data: Data, model: Model, seen: Seen | None, ranks: Ranks | None) -> None:
    """Say what a model's encoding had not learnt of the rows of all ranks, who all call this.

    A process alone has said it when it came to the end of the rows.
    """
    if ranks is None or seen is None or model.encoding is None:
        return
    from gdnet.data.encoding.file import say_surprises
    from gdnet.data.parts import parts_of

    # The first may have much to write before it comes here.
    of_all = ranks.combined(lambda: seen, operator.add, patient=True)
    say_surprises(parts_of(data).path, model.encoding, of_all)
