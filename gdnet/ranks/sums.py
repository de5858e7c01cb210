"""The sum of the nodes of a tree that several ranks hold, added up in the order of one process.

Each rank adds up a part of every node, and sends its part of the sum to all: what travels is little
more than the sum itself. Arrays of a device come to the host in one piece, and MPI sees those of
the host alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import Array, HostArray
from gdnet.backends import Backend
from gdnet.blocks import TreeSum
from gdnet.ranks.mpi import Communicator


class OnHost(NamedTuple):
    """The nodes of a rank on the host.

    Attributes
    ----------
    shapes, dtypes : list or None
        Of the arrays of a node; None where there is no node.
    rows : dict of dtype to array of shape (nodes, numbers)
        The numbers of a dtype, those of a node one after the other.
    """

    shapes: list[tuple[int, ...]] | None
    dtypes: list[np.dtype[Any]] | None
    rows: dict[np.dtype[Any], HostArray]


def on_host(nodes: Sequence[tuple[Array, ...]], backend: Backend) -> OnHost:
    """Return nodes, arrays of a backend each, on the host; waits for a device."""
    if not nodes:
        return OnHost(None, None, {})
    dtypes = [np.dtype(array.dtype) for array in nodes[0]]
    rows = {}
    for dtype in dict.fromkeys(dtypes):  # there is one, but a backend may have sums of several
        which = [i for i, each in enumerate(dtypes) if each == dtype]
        of_dtype = [node[i] for node in nodes for i in which]
        found = backend.gathered_on_host(of_dtype).reshape(len(nodes), -1)
        rows[dtype] = found if len(set(dtypes)) == 1 else found.copy()  # the next overwrites it
    return OnHost([array.shape for array in nodes[0]], dtypes, rows)


class NodeSums:
    """Sums of what the ranks of a communicator of MPI hold; each rank has one.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Whose ranks.
    """

    def __init__(self, comm: Communicator) -> None:
        self._comm = comm
        self._rank, self._size = comm.Get_rank(), comm.Get_size()

    def total(self, nodes: OnHost, count: int, backend: Backend) -> tuple[Array, ...]:
        """Return the sum over so many blocks, as arrays of the backend.

        Parameters
        ----------
        nodes : OnHost
            What this rank's blocks have come to, by level and index; it may have none.
        count : int
            Number of all blocks.
        backend : Backend
            Which is to have the sum.
        """
        shapes, dtypes, of_dtype = nodes
        if count < self._size:  # some have no block, and do not know what a sum looks like
            owner = next(r for r in range(self._size) if blocks_of(r, self._size, count))
            shapes, dtypes = self._comm.bcast((shapes, dtypes), owner)
        assert shapes is not None
        assert dtypes is not None
        found: dict[int, Array] = {}
        for dtype in dict.fromkeys(dtypes):
            which = [i for i, each in enumerate(dtypes) if each == dtype]
            sizes = [math.prod(shapes[i]) for i in which]
            rows = of_dtype.get(dtype, np.empty((0, sum(sizes)), dtype))
            parts = np.split(self._folded(rows, count), np.cumsum(sizes)[:-1])
            for i, part in zip(which, parts, strict=True):
                found[i] = backend.asarray(part.reshape(shapes[i]))
        return tuple(found[i] for i in range(len(shapes)))

    def _folded(self, rows: HostArray, count: int) -> HostArray:
        """Return the sum of the nodes of all ranks; those of this one are the rows."""
        length, size = rows.shape[1], self._size
        cuts = [length * rank // size for rank in range(size + 1)]
        widths = [hi - lo for lo, hi in pairwise(cuts)]
        mine = widths[self._rank]
        nodes = [_nodes_of(rank, size, count) for rank in range(size)]
        sent = np.concatenate([rows[:, lo:hi].ravel() for lo, hi in pairwise(cuts)])
        counts = [len(of_rank) * mine for of_rank in nodes]
        received = np.empty(sum(counts), rows.dtype)
        whole = np.empty(length, rows.dtype)
        self._comm.Alltoallv([sent, [len(rows) * width for width in widths]], [received, counts])
        total: TreeSum[HostArray] = TreeSum(count)
        parts = iter(received.reshape(sum(map(len, nodes)), mine))
        for of_rank in nodes:
            for level, index in of_rank:
                total.add(index, (next(parts),), level)
        self._comm.Allgatherv(total.total()[0], [whole, widths])
        return whole


def blocks_of(rank: int, size: int, count: int) -> range:
    """Return which of so many blocks are a rank's."""
    return range(count * rank // size, count * (rank + 1) // size)


@functools.lru_cache(maxsize=4096)
def _nodes_of(rank: int, size: int, count: int) -> tuple[tuple[int, int], ...]:
    """Return the nodes of the tree that a rank is left with, by level and index."""
    total: TreeSum = TreeSum(count)
    for i in blocks_of(rank, size, count):
        total.add(i, ())
    return tuple(sorted(total.nodes()))
