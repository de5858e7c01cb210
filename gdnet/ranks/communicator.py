"""Several processes of MPI, ranks, that compute one descent: sums over the blocks of all of them.

Every rank holds the same parameters and makes the same decisions; what is shared out are the
blocks. A rank adds up its own in the fixed tree of `gdnet.blocks`, and what travels are nodes of
that tree: the order of additions is that of one process, so that the sums are bitwise the same for
any number of ranks and any MPI (`gdnet.ranks.sums`).

No rank waits for ever for another that has failed: see `gdnet.ranks.exchange`.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from gdnet._typing import Array
from gdnet.backends import Backend
from gdnet.blocks import TreeSum
from gdnet.errors import DataError
from gdnet.ranks.mpi import Communicator
from gdnet.ranks.objects import ObjectExchanges
from gdnet.ranks.sums import NodeSums, OnHost, blocks_of, on_host

DEADLINE_SECONDS = 300.0


class Machine(NamedTuple):
    """The ranks of one machine.

    Attributes
    ----------
    size : int
        How many they are.
    rank : int
        Which of them this is, from 0.
    """

    size: int
    rank: int


class Ranks(ObjectExchanges):
    """The ranks of a communicator of MPI, of which this process is one.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Whose ranks compute together; it is duplicated, so that messages of others do not mix in.
    deadline : float, default 300
        Seconds after which a rank that waits for another ends the job with exit code 75. It must be
        longer than the longest difference between ranks, such as a block of a slow disk.

    Attributes
    ----------
    rank, size : int
        Which one this is, from 0, and how many there are.
    failed : bool
        Whether a rank has failed, after which there are no other exchanges.

    Raises
    ------
    DataError
        For something else than a communicator, or a deadline that is not above 0.
    """

    def __init__(self, comm: Communicator, deadline: float = DEADLINE_SECONDS) -> None:
        if not all(hasattr(comm, name) for name in ("Dup", "Alltoallv", "Abort")):
            raise DataError(f"comm: expected a communicator of mpi4py, got {comm!r}")
        if not deadline > 0:
            raise DataError(f"expected a deadline above 0 seconds, got {deadline}")
        super().__init__(comm, deadline)
        self._sums = NodeSums(self._comm)
        self._machine: Machine | None = None

    def own(self, count: int) -> range:
        """Return which of so many blocks are this rank's.

        Parameters
        ----------
        count : int
            Number of all blocks.

        Returns
        -------
        range
            Those from ``count * rank // size`` to ``count * (rank + 1) // size`` (exclusive); maybe
            none.
        """
        return blocks_of(self.rank, self.size, count)

    def machine(self) -> Machine:
        """Return which of the ranks that share this one's memory it is; all ask for it together.

        Returns
        -------
        Machine
            The same object at each call.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `sum`.
        """
        if self._machine is None:
            from mpi4py import MPI

            with self._exchange("the ranks of a machine", lambda: None) as agree:
                agree()
                shared = self._comm.Split_type(MPI.COMM_TYPE_SHARED)
                self._machine = Machine(shared.Get_size(), shared.Get_rank())
                shared.Free()
        return self._machine

    def sum(
        self,
        add_own: Callable[[TreeSum], object],
        count: int,
        backend: Backend,
        parameters: Sequence[Array] = (),
    ) -> tuple[Array, ...]:
        """Return the sum over the blocks of all ranks, bitwise as one process adds them up.

        Parameters
        ----------
        add_own : callable ``(total) -> object``
            Adds what each of this rank's blocks contributes.
        count : int
            Number of all blocks.
        backend : Backend
            Which owns the arrays that are added.
        parameters : sequence of arrays
            At which they are computed: bitwise identical on all ranks, or an error.

        Returns
        -------
        tuple of arrays
            The sums, arrays of the backend; bitwise identical on all ranks.

        Raises
        ------
        RankFailed
            If another rank has failed; on that one what it has raised. If they do not do the same.
        KeyboardInterrupt, or what the handler of SIGTERM raises
            If a rank has had a signal.
        """
        total: TreeSum = TreeSum(count)
        bits, nodes = 0, OnHost(None, None, {})

        def work() -> None:
            nonlocal bits, nodes
            add_own(total)
            if parameters:
                bits = zlib.crc32(backend.gathered_on_host(parameters).data)
            # What has gone wrong on a device comes to light here, before the others count on it.
            nodes = on_host([arrays for _, arrays in sorted(total.nodes().items())], backend)

        with self._exchange("the sum over all examples", work) as agree:
            agree(bits)
            return self._sum_of_nodes(nodes, count, backend)

    def share(
        self,
        work: Callable[[range], object],
        count: int,
        at_a_time: int = 1,
        what: str = "the work that is shared",
    ) -> None:
        """Let each rank do its part of so many blocks, some at a time, in their order.

        After each time all know whether one has failed, or has had a signal: soon, and not when all
        have come to their end.

        Parameters
        ----------
        work : callable ``(blocks) -> object``
            Does some of this rank's blocks; there may be none.
        count : int
            Number of all blocks.
        at_a_time : int, default 1
            How many of its blocks a rank does at a time.
        what : str
            For the messages; the same on all ranks.

        Raises
        ------
        DataError
            On all ranks the same, if one has raised it.
        RankFailed, KeyboardInterrupt
            As `sum`.
        """
        own = self.own(count)
        for lo in range(0, -(-count // self.size), at_a_time):
            some = own[lo : lo + at_a_time]
            with self._exchange(what, partial(work, some), of_data=True) as agree:
                agree()

    def _sum_of_nodes(self, nodes: OnHost, count: int, backend: Backend) -> tuple[Array, ...]:
        return self._sums.total(nodes, count, backend)


@contextlib.contextmanager
def together(ranks: Ranks | None) -> Iterator[None]:
    """Do something on all ranks; when the context ends, all have ended.

    If one fails, all of them raise.

    Parameters
    ----------
    ranks : Ranks or None
        Those that enter the context; None is this process alone.

    Yields
    ------
    None
        Once.

    Raises
    ------
    RankFailed, KeyboardInterrupt
        As `Ranks.sum`.
    """
    if ranks is None:
        yield
        return
    try:
        yield
        # The first may draw, and write, for long.
        ranks.of_first(lambda: None, "that all have ended", patient=True)
    except BaseException as error:
        ranks.leave(error)
        raise


def ranks_of(comm: Communicator | Ranks | None) -> Ranks | None:
    """Return the ranks of a communicator: the same object at each call, until one of them fails.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, Ranks or None
        The communicator; a `Ranks` is returned as it is.

    Returns
    -------
    Ranks or None
        None for None.

    Raises
    ------
    DataError
        As `Ranks`.
    """
    if comm is None or isinstance(comm, Ranks):
        return comm
    for known, ranks in _KNOWN:  # a communicator has no hash
        if known == comm and not ranks.failed:
            return ranks
    _KNOWN.append((comm, Ranks(comm)))
    return _KNOWN[-1][1]


# Each has a communicator of its own and a thread; of those there are to be few.
_KNOWN: list[tuple[Communicator, Ranks]] = []
