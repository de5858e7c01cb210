"""Blocks on the device: kept there while its memory lasts, the others copied in every pass."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gdnet.backends.base import Backend
from gdnet.backends.blocks import Block, Grid, ReadBlock
from gdnet.backends.cuda.device import Device, DeviceMemory
from gdnet.backends.cuda.memory import bytes_for_data, spread
from gdnet.backends.cuda.probe import is_out_of_memory
from gdnet.backends.cuda.staging import Arrival, Layout, Stager

logger = logging.getLogger(__name__)

# Memory for blocks that are not kept: one is computed with while two are on their way.
SLOTS = 3


class Loader:
    """Gives the blocks of a pass one after the other, and copies the next ones meanwhile.

    Which blocks are kept decides nothing but the time that a pass takes.

    Parameters
    ----------
    backend : CudaBackend
        The device.
    read : callable ``(lo, hi) -> Block``
        Gives examples lo to hi (exclusive) on the host.
    grid : Grid
        The blocks.
    dtype : float32 or float64
        The dtype to compute in.
    work_array_bytes : int
        The size of an array (n1, block).
    """

    _stager: Stager | None = None

    def __init__(
        self,
        backend: Device,
        read: ReadBlock,
        grid: Grid,
        dtype: npt.DTypeLike,
        work_array_bytes: int,
    ) -> None:
        self._backend, self._read, self._grid, self._dtype = backend, read, grid, dtype
        self._work_array_bytes = work_array_bytes
        self._layout: Layout | None = None
        self._to_keep: set[int] = set()
        self._resident: dict[int, Block] = {}
        # With the slot, None if it is to be kept.
        self._coming: dict[int, tuple[Arrival, DeviceMemory | None]] = {}
        self._free_slots: list[DeviceMemory] = []
        self._slot_in_use: DeviceMemory | None = None
        self._slots, self._most_slots = 0, min(SLOTS, len(grid))
        self._said_short = False

    def load(self, i: int) -> Block:
        """Return block i on the device; it is valid until the next call."""
        with self._backend.device():
            if self._slot_in_use is not None:
                self._free_slots.append(self._slot_in_use)
                self._slot_in_use = None
            block = self._resident.get(i) or self._arrived(i)
            if len(self._resident) == len(self._grid):
                self._close_stager()
            else:
                self._look_ahead(i)
            return block

    def make_room(self) -> bool:
        """Give up some memory, for which the coming passes copy more; return whether there was any.

        Fewer blocks are kept, then none; then no block is copied ahead of its time.
        """
        if len(self._grid) == 1 or not (self._resident or self._most_slots > 1):
            return False
        if self._resident:
            i, _ = self._resident.popitem()
            self._to_keep.discard(i)
        else:
            self._recall()
            self._free_slots.clear()
            self._most_slots = 1
            self._slots = int(self._slot_in_use is not None)
        if not self._said_short:
            self._said_short = True
            logger.info(
                "%s is short of memory: fewer blocks stay there, the others are copied in every "
                "pass",
                self._backend.name,
            )
        return True

    def _arrived(self, i: int) -> Block:
        if i not in self._coming:
            self._send(i, needed=True)
        assert self._stager is not None
        arrival, slot = self._coming[i]
        try:
            block = self._stager.arrive(arrival)
        except BaseException:
            self._recall()
            raise
        del self._coming[i]
        if slot is None:
            self._resident[i] = block
        self._slot_in_use = slot
        return block

    def _look_ahead(self, i: int) -> None:
        """Send the next blocks on their way, at the end of a pass those of the next one."""
        count = len(self._grid)
        for ahead in range(1, min(self._most_slots, count)):
            j = (i + ahead) % count
            if j not in self._resident and j not in self._coming and not self._send(j):
                return

    def _send(self, i: int, *, needed: bool = False) -> bool:
        """Begin to copy block i; return whether there was memory for it."""
        if self._layout is None:
            self._plan()
        assert self._layout is not None
        lo, hi = self._grid.bounds(i)
        memory = slot = None
        if i in self._to_keep:
            memory = self._allocated(self._layout.nbytes(hi - lo), needed=False)
            if memory is None:
                self._to_keep.discard(i)
        if memory is None:
            memory = slot = self._slot(needed=needed)
            if memory is None:
                return False
        if self._stager is None:
            self._stager = Stager(
                self._backend, self._read, self._layout, self._grid.columns, self._most_slots
            )
        self._coming[i] = self._stager.send(memory, lo, hi), slot
        return True

    def _slot(self, *, needed: bool) -> DeviceMemory | None:
        if self._free_slots:
            return self._free_slots.pop()
        if self._slots >= self._most_slots and not needed:
            return None
        assert self._layout is not None
        slot = self._allocated(self._layout.nbytes(self._grid.columns), needed=needed)
        if slot is None:
            self._most_slots = max(1, self._slots)
        else:
            self._slots += 1
        return slot

    def _allocated(self, nbytes: int, *, needed: bool) -> DeviceMemory | None:
        """Return memory of the device; None if there is none and it is not needed."""
        while True:
            try:
                memory: DeviceMemory = self._backend.xp.cuda.alloc(nbytes)
                return memory
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if not needed:
                    return None
                if not self._backend.make_room():
                    raise

    def _plan(self) -> None:
        """Decide which blocks to keep."""
        count, columns = len(self._grid), self._grid.columns
        self._layout = Layout.of(self._read(0, 1), self._dtype)
        free = 0
        if self._backend.keeps_blocks:
            free = bytes_for_data(self._backend.xp, self._backend.device(), self._work_array_bytes)
        lo, hi = self._grid.bounds(count - 1)
        full = self._layout.nbytes(columns)
        if count == 1 or (count - 1) * full + self._layout.nbytes(hi - lo) <= free:
            self._to_keep = set(range(count))
            return
        kept = min(max(free // full - self._most_slots, 0), count - 1)
        self._to_keep = spread(count, kept)
        logger.info(
            "%s has memory for %d of %d blocks; the others are copied in every pass",
            self._backend.name,
            kept,
            count,
        )

    def _recall(self) -> None:
        """Wait for what is on its way, and forget it."""
        self._close_stager()
        self._coming.clear()

    def _close_stager(self) -> None:
        if self._stager is not None:
            self._stager.close()
            self._stager = None

    def __del__(self) -> None:
        """Wait for copies that are under way: their memory is about to be used for other things."""
        if not sys.is_finalizing():  # when Python ends, CUDA may have gone before
            self._close_stager()


def resident_blocks(
    backend: Backend, read: ReadBlock, grid: Grid, dtype: npt.DTypeLike
) -> Callable[[int], Block]:
    """Return the blocks of an X that is on the device: views of it, with labels copied once."""
    loaded: dict[int, Block] = {}

    def load(i: int) -> Block:
        if i not in loaded:
            block = read(*grid.bounds(i))
            weights = None
            if block.weights is not None:
                weights = backend.asarray(np.ascontiguousarray(block.weights, dtype))
            labels = backend.asarray(np.ascontiguousarray(block.labels))
            loaded[i] = Block(block.X, labels, weights)
        return loaded[i]

    return load
