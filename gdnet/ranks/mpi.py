"""What gdnet asks of a communicator of MPI: some of the methods of mpi4py's ``Comm``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gdnet._typing import HostArray


class Communicator(Protocol):
    """A communicator: `mpi4py.MPI.Comm`, or what stands in for it in tests.

    Methods in lower case exchange any object, those in capitals the memory of arrays, as in
    mpi4py.
    """

    def Get_rank(self) -> int:
        """Return which of its processes this one is, from 0."""

    def Get_size(self) -> int:
        """Return how many processes it has."""

    def Dup(self) -> Communicator:
        """Return another communicator of the same processes."""

    def Split_type(self, kind: int, /) -> Communicator:
        """Return the communicator of those that share something, such as a machine."""

    def Free(self) -> None:
        """Give it up."""

    def Abort(self, code: int, /) -> object:
        """End all processes."""

    def bcast(self, obj: Any, root: int, /) -> Any:
        """Return the object of one process on all."""

    def gather(self, obj: Any, root: int, /) -> list[Any] | None:
        """Return the objects of all processes on one, None on the others."""

    def allgather(self, obj: Any, /) -> list[Any]:
        """Return the objects of all processes on all."""

    def allreduce(self, obj: Any, op: Callable[[Any, Any], Any], /) -> Any:
        """Return what an operation makes of the objects of all processes, on all."""

    def Allgather(self, sent: HostArray, received: HostArray, /) -> None:
        """Exchange arrays of one size."""

    def Allgatherv(self, sent: HostArray, received: Sequence[Any], /) -> None:
        """Exchange arrays of different sizes."""

    def Alltoallv(self, sent: Sequence[Any], received: Sequence[Any], /) -> None:
        """Send each process another part of an array."""
