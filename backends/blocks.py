"""Blocks of examples, as they come to a backend: some columns, and where the others are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeAlias

from gdnet._typing import HostArray, SomeArray_co


class Block(NamedTuple, Generic[SomeArray_co]):
    """Some examples as columns.

    Attributes
    ----------
    X : array of shape (n0, b)
        Inputs.
    labels : array of shape (n2, b) or (1, b)
        0 and 1 or numbers to be predicted, one row an output; or one row of class numbers.
    weights : array of shape (1, b), or None
        Weight of each example; None is 1 each.
    """

    X: SomeArray_co
    labels: SomeArray_co
    weights: SomeArray_co | None


#: Gives the examples from one number to another (exclusive), on the host.
ReadBlock: TypeAlias = Callable[[int, int], Block[HostArray]]


class Grid(Protocol):
    """The examples cut into blocks.

    Attributes
    ----------
    columns : int
        The width of all blocks but maybe the last, which may be narrower.
    """

    columns: int

    def __len__(self) -> int:
        """Return the number of blocks."""

    def bounds(self, i: int) -> tuple[int, int]:
        """Return where block i begins and where it ends.

        Parameters
        ----------
        i : int
            The number of the block, from 0.

        Returns
        -------
        lo : int
            The first of its examples.
        hi : int
            The one after its last.
        """
