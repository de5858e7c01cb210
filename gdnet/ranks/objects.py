"""What ranks tell each other: objects, of one rank or of all."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TypeVar

from gdnet.ranks.exchange import Exchanges

T = TypeVar("T")


class ObjectExchanges(Exchanges):
    """Exchanges of objects that can be pickled; see `gdnet.ranks.communicator.Ranks`."""

    def of_first(
        self,
        work: Callable[[], T],
        what: str = "what rank 0 decides",
        *,
        patient: bool = False,
        of_data: bool = False,
    ) -> T:
        """Return what `work` gives on rank 0, which alone does it, on every rank.

        Parameters
        ----------
        work : callable
            What it gives can be pickled.
        what : str
            For the messages; the same on all ranks.
        patient : bool, default False
            Whether the others wait as long as it takes.
        of_data : bool, default False
            Whether a DataError is one of what is in the data, so that all raise the same.

        Returns
        -------
        object
            A copy of what `work` gave on rank 0.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `Ranks.sum`.
        """
        content = b""

        def on_first() -> None:
            nonlocal content
            if self.rank == 0:
                content = pickle.dumps(work())

        with self._exchange(what, on_first, patient=patient, of_data=of_data) as agree:
            agree()
            value: T = pickle.loads(self._comm.bcast(content, 0))
            return value

    def gathered(self, work: Callable[[], list[T]]) -> list[T]:
        """Return the items that `work` gives on every rank, in the order of the ranks.

        Parameters
        ----------
        work : callable ``() -> list``
            What it gives can be pickled.

        Returns
        -------
        list
            The same items on every rank.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `Ranks.sum`.
        """
        found: list[T] = []
        with self._exchange("what all ranks have found", lambda: found.extend(work())) as agree:
            agree()
            return [item for of_rank in self._comm.allgather(found) for item in of_rank]

    def combined(
        self, work: Callable[[], T], combine: Callable[[T, T], T], *, patient: bool = False
    ) -> T:
        """Return what `work` gives on every rank, combined two by two in any order.

        Parameters
        ----------
        work : callable ``() -> object``
            What it gives can be pickled.
        combine : callable ``(one, other) -> object``
            Makes one of two; which two, and in which order, makes no difference to the result.
        patient : bool, default False
            Whether the others wait for the last as long as it takes.

        Returns
        -------
        object
            The result, on every rank.

        Raises
        ------
        RankFailed, KeyboardInterrupt
            As `Ranks.sum`.
        """
        found: list[T] = []
        what = "what all ranks have counted"
        with self._exchange(what, lambda: found.append(work()), patient=patient) as agree:
            agree()
            value: T = self._comm.allreduce(found[0], combine)
            return value

    def to_first(self, work: Callable[[], T], what: str) -> list[T]:
        """Return on rank 0 what `work` gives on each rank.

        Parameters
        ----------
        work : callable ``() -> object``
            What it gives can be pickled.
        what : str
            For the messages; the same on all ranks.

        Returns
        -------
        list
            On rank 0 one item a rank, in their order; on others none.

        Raises
        ------
        DataError, RankFailed, KeyboardInterrupt
            As `Ranks.share`.
        """
        found: list[T] = []
        with self._exchange(what, lambda: found.append(work()), of_data=True) as agree:
            agree()
            return self._comm.gather(found[0], 0) or []
