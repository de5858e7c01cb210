"""Rows of a file that several ranks train on: each reads, checks and keeps its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.arrays.collected_rows import RowCollector, RowsInFile, RowsInMemory
from gdnet.data.arrays.npy_file import allocate
from gdnet.data.columns.arrow_file import ArrowFile
from gdnet.data.columns.blocks import all_finite, bad_cells, blocks, selected_batches
from gdnet.data.columns.row_ranges import RowsOfFile
from gdnet.data.columns.selection import Selection
from gdnet.data.labels.target_pieces import target_pieces
from gdnet.data.moments import Run
from gdnet.data.opening import changed
from gdnet.data.rows import CHECKED_AT_A_TIME
from gdnet.data.storage import WORTH_A_WORD, fits_in_memory, folder_for, say_in_memory
from gdnet.phases import Done, Phases
from gdnet.ranks.communicator import Ranks

if TYPE_CHECKING:
    from gdnet.data.scaling import Scaling


logger = logging.getLogger(__name__)

# After so many parts the ranks hear of each other.
PARTS_AT_A_TIME = 16


class Kept(NamedTuple):
    """Consecutive rows of the file that are kept.

    Attributes
    ----------
    start, stop : int
        The first of them, and the one after the last.
    rows : array or RowFile of shape (stop - start, n0)
        The rows.
    """

    start: int
    stop: int
    rows: Any


class SharedRows:
    """Stands in for the array of all rows (m, n0), wherever slices of it are all that is needed.

    A rank has read its own share, in a pass over the groups that hold it. Others that it is
    asked for, such as those of a block that reaches beyond its share, are read when they are needed
    and kept as well. Several threads may read at the same time.

    Parameters
    ----------
    file : ArrowFile
        What is read; it must stay as it is.
    selection : Selection
        Which columns; its target is not looked at.
    dtype : float32 or float64
        Of the rows; every number must be finite in it.
    ranks : int
        How many share it.
    """

    ndim = 2
    fresh = False
    shared = True

    def __init__(
        self, file: ArrowFile, selection: Selection, dtype: npt.DTypeLike, ranks: int
    ) -> None:
        self._file, self._ranks = file, ranks
        self._selection = selection._replace(target=None, targets=(), continuous=False)
        self.shape = file.most_rows, len(selection.features)
        self.dtype = np.dtype(dtype)
        self.temporary = False
        self._height = max(1, CHECKED_AT_A_TIME // self.shape[1])
        self._kept: list[Kept] = []
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._scaling: Scaling | None = None

    def __len__(self) -> int:
        """Return m."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> HostArray:
        """Return some rows: a view where they are in memory in one piece."""
        lo, hi, step = rows.indices(len(self))
        if step != 1:
            raise IndexError("rows are read one after the other: expected a step of 1")
        parts = list(self._parts(lo, hi))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.empty((0, self.shape[1]), self.dtype), *parts])

    def first_of_column(self, j: int, rows: int) -> HostArray:
        """Return the first numbers of one column, as a new array; they are not kept."""
        features = (self._selection.features[j],)
        one = self._selection._replace(features=features)
        part: Any = RowsOfFile(self._file, range(rows))
        X, _ = next(blocks(part, one, self.dtype, rows))
        return X[:, 0].copy()

    def standardise(self, scaling: Scaling, run: Run, done: Done) -> bool:
        """Standardise the rows that are kept where they are, and others as they are read.

        Returns
        -------
        bool
            Whether that could be done: they are all in memory.
        """
        if not all(isinstance(kept.rows, np.ndarray) for kept in self._kept):
            return False
        for kept in self._kept:
            scaling.apply_in_place(kept.rows, run=run, done=done)
        self._scaling = scaling
        return True

    def read_share(self, ranks: Ranks, phases: Phases) -> None:
        """Read this rank's share of all rows; all ranks do, and raise the same for bad cells."""
        m, n0 = self.shape
        share, itemsize = -(-m // ranks.size), self.dtype.itemsize
        size, on_machine = share * n0 * itemsize, ranks.machine().size
        # Asked of all before any of them reads: the memory that is free is for all of a machine.
        fits = all(ranks.gathered(lambda: [fits_in_memory(size * on_machine)]))
        own = ranks.own(m)
        largest = self._file.largest_group
        if largest > share and size >= WORTH_A_WORD:
            logger.info(
                "%s: has row groups of up to %s rows, and a rank reads %s of all: it decodes, and "
                "drops, those before them in a group; smaller groups are quicker (in pyarrow "
                "row_group_size)",
                self._file.path.name, f"{largest:,}", f"{share:,}",
            )  # fmt: skip
        with phases("reading", m) as done:
            part: Any = RowsOfFile(self._file, own)
            stream = blocks(part, self._selection, self.dtype, self._height, done=done)
            keeping: list[RowCollector] = []

            def read(some: range) -> None:
                if not keeping:
                    keeping.append(self._keeping(len(own), fits=fits, of_all=True))
                for rows, _ in islice(stream, len(some)):
                    keeping[0].append(rows)

            ranks.share(
                read,
                -(-share // self._height) * ranks.size,
                PARTS_AT_A_TIME,
                "the reading of the rows",
            )

            def finish(_: range) -> None:
                if len(own):
                    self._kept = [Kept(own.start, own.stop, keeping[0].finish(len(own)))]

            ranks.share(finish, ranks.size, 1, "the end of reading")

    def _parts(self, lo: int, hi: int) -> Iterator[HostArray]:
        while lo < hi:
            kept = self._kept_at(lo) or self._keep(lo, hi)
            end = min(hi, kept.stop)
            yield kept.rows[lo - kept.start : end - kept.start]
            lo = end

    def _kept_at(self, row: int) -> Kept | None:
        return next((kept for kept in self._kept if kept.start <= row < kept.stop), None)

    def _keep(self, lo: int, hi: int) -> Kept:
        """Read rows from `lo` on, at least up to `hi` or to the next that are kept."""
        with self._lock:
            kept = self._kept_at(lo)
            if kept is not None:  # another thread has read it
                return kept
            stop = min(max(hi, lo + self._height), len(self))
            stop = min([stop, *(each.start for each in self._kept if each.start > lo)])
            size = (stop - lo) * self.shape[1] * self.dtype.itemsize
            keeping = self._keeping(stop - lo, fits=fits_in_memory(size), of_all=False)
            part: Any = RowsOfFile(self._file, range(lo, stop))
            for rows, _ in blocks(part, self._selection, self.dtype, self._height):
                if self._scaling is not None:
                    rows = self._scaling.applied(rows, may_write=True)
                keeping.append(rows)
            if self._stamp_now() != self._stamp:
                raise changed(self._file.path)
            kept = Kept(lo, stop, keeping.finish(stop - lo))
            self._kept = [*self._kept, kept]
            return kept

    def _stamp_now(self) -> list[tuple[int, int]]:
        found = [path.stat() for path in self._file.files]
        return [(each.st_size, each.st_mtime_ns) for each in found]

    def _keeping(self, rows: int, *, fits: bool, of_all: bool) -> RowCollector:
        """Return where rows are kept, and of a share say so."""
        path, n0 = self._file.path, self.shape[1]
        size, ranks = rows * n0 * self.dtype.itemsize, self._ranks if of_all else 1
        if fits:
            if of_all:
                say_in_memory(path, size, ranks)
            return RowsInMemory(path, allocate(path, (rows, n0), self.dtype))
        self.temporary = True
        return RowsInFile(path, folder_for(path, size, exact=True, ranks=ranks))


def read_shared(
    file: ArrowFile,
    selection: Selection,
    dtype: npt.DTypeLike,
    phases: Phases,
    ranks: Ranks,
) -> tuple[SharedRows, Any]:
    """Return the rows of a file, of which each rank has its own, and the target of all.

    Parameters
    ----------
    file : ArrowFile
        What is read.
    selection : Selection
        Which columns.
    dtype : float32 or float64
        Of the rows; every number must be finite in it.
    phases : callable
        Shows how far the reading is.
    ranks : Ranks
        Which share the rows; all call this.

    Returns
    -------
    SharedRows
        Of shape (m, n0).
    LabelPieces or NumberPieces
        The target of all rows; empty if none is selected.

    Raises
    ------
    DataError
        As `gdnet.data.columns.blocks.blocks`, the same on all ranks; and if there is no
        room for the rows.
    """
    X = SharedRows(file, selection, dtype, ranks.size)
    X.read_share(ranks, phases)
    numbers = selection.numeric_target
    pieces = target_pieces(file.most_rows, continuous=numbers)
    if selection.target is not None:
        of_target = selection._replace(features=(), texts=frozenset())
        for batch in selected_batches(file, of_target):
            if numbers and not all(map(all_finite, batch.columns)):
                raise bad_cells(file, selection, dtype, "")
            pieces.append(batch if selection.several else batch.column(0))
    return X, pieces
