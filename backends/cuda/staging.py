"""Copies of blocks to the device through a few small pinned buffers, filled by reader threads."""

from __future__ import annotations

import queue
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.backends.blocks import Block, ReadBlock
from gdnet.backends.cuda.device import Device, DeviceMemory, Event, Stream
from gdnet.backends.host import usable_cpus

# Small enough that some wait in line while others are filled, and large enough that the bus, at
# 50 GB/s, is busy for longer (0.3 ms) than it takes to queue a copy.
PIECE_BYTES = 2**24
MAX_PIECES = 8
# One core fills pinned memory at about 10 GB/s, and the bus takes five times that.
MAX_READERS = 8
ALIGNMENT = 256


class Layout(NamedTuple):
    """How the columns of a block lie in one stretch of memory: X as rows, labels, weights.

    Attributes
    ----------
    n0 : int
        Number of input features.
    dtype : dtype
        Of X and weights.
    label_rows : int
        Rows of labels: n2 or 1.
    label_dtype : dtype
        Of the labels.
    weighted : bool
        Whether there are weights.
    """

    n0: int
    dtype: np.dtype[Any]
    label_rows: int
    label_dtype: np.dtype[Any]
    weighted: bool

    @classmethod
    def of(cls, example: Block[HostArray], dtype: npt.DTypeLike) -> Layout:
        """Return the layout for blocks like this one, to compute with in `dtype`."""
        X, labels, weights = example
        dtype, of_labels = np.dtype(dtype), labels.dtype.newbyteorder("=")
        if of_labels.kind == "f" and of_labels.itemsize > dtype.itemsize:
            of_labels = dtype  # numbers to be predicted, which become this on the device anyway
        return cls(X.shape[0], dtype, labels.shape[0], of_labels, weights is not None)

    def offsets(self, columns: int) -> tuple[int, int, int]:
        """Return where labels and weights begin, and how many bytes there are in all."""
        labels = _aligned(columns * self.n0 * self.dtype.itemsize)
        weights = _aligned(labels + columns * self.label_rows * self.label_dtype.itemsize)
        return labels, weights, weights + columns * self.dtype.itemsize * self.weighted

    def nbytes(self, columns: int) -> int:
        """Return the size of so many columns."""
        return self.offsets(columns)[2]

    def on_device(self, cupy: ModuleType, memory: DeviceMemory, columns: int) -> Block:
        """Return the arrays of a block in the memory of a device, X in F order."""
        labels, weights, _ = self.offsets(columns)
        return Block(
            cupy.ndarray((columns, self.n0), self.dtype, memory).T,
            cupy.ndarray((self.label_rows, columns), self.label_dtype, memory + labels),
            cupy.ndarray((1, columns), self.dtype, memory + weights) if self.weighted else None,
        )

    def columns_in(self, nbytes: int) -> int:
        """Return how many columns fit into so many bytes; at least 1."""
        column = self.nbytes(1) - 2 * ALIGNMENT + self.n0 * self.dtype.itemsize
        return max(1, (nbytes - 2 * ALIGNMENT) // max(column, 1))


class Arrival(NamedTuple):
    """A block on its way to the device.

    Attributes
    ----------
    block : Block
        Arrays of the device, not yet to be read.
    reads : list of Future
        The reading of its pieces on the host.
    stream : cupy.cuda.Stream
        The stream of its copies.
    """

    block: Block
    reads: list[Future[None]]
    stream: Stream


class _Piece:
    """Pinned memory for some columns, and the event after the last copy from it."""

    def __init__(self, cupy: ModuleType, layout: Layout, columns: int) -> None:
        self._layout = layout
        size = layout.nbytes(columns)
        # Not from CuPy's pool, which would round up to powers of two and keep what it has.
        pinned = cupy.cuda.PinnedMemoryPointer(cupy.cuda.PinnedMemory(size), 0)
        self._bytes = np.ndarray((size,), np.uint8, buffer=pinned)
        # Blocking: the readers wait asleep.
        self.copied: Event = cupy.cuda.Event(block=True, disable_timing=True)

    def fill(self, block: Block[HostArray]) -> Block[HostArray]:
        """Return the numbers of a block of the host in this memory, X as rows."""
        layout, columns = self._layout, block.X.shape[1]
        labels_at, weights_at, end = layout.offsets(columns)
        X = self._bytes[: columns * layout.n0 * layout.dtype.itemsize].view(layout.dtype)
        X = X.reshape(columns, layout.n0)
        labels = self._bytes[labels_at:][
            : columns * layout.label_rows * layout.label_dtype.itemsize
        ]
        labels = labels.view(layout.label_dtype).reshape(layout.label_rows, columns)
        np.copyto(X, block.X.T, casting="same_kind")
        np.copyto(labels, block.labels)
        weights = None
        if block.weights is not None:
            weights = self._bytes[weights_at:end].view(layout.dtype).reshape(1, columns)
            np.copyto(weights, block.weights, casting="same_kind")
        return Block(X, labels, weights)


class Stager:
    """Reads blocks on the host and copies them, on streams of their own, to the device.

    Parameters
    ----------
    backend : CudaBackend
        The device.
    read : callable ``(lo, hi) -> Block``
        Gives examples on the host; called from several threads at a time.
    layout : Layout
        Of the blocks.
    columns : int
        The widest block.
    streams : int
        How many blocks may be on their way at a time.
    """

    def __init__(
        self,
        backend: Device,
        read: ReadBlock,
        layout: Layout,
        columns: int,
        streams: int,
    ) -> None:
        self._backend, self._read, self._layout = backend, read, layout
        cupy = backend.xp
        self._piece_columns = min(columns, layout.columns_in(PIECE_BYTES))
        count = min(MAX_PIECES, -(-columns // self._piece_columns))
        self._pieces: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        for _ in range(count):
            self._pieces.put(_Piece(cupy, layout, self._piece_columns))
        self._readers = ThreadPoolExecutor(min(count, MAX_READERS, usable_cpus()), "gdnet-read")
        # A stream for each block on its way: its copies wait for the memory that they go to, which
        # must not hold up those of the block before.
        self._streams: list[Stream] = [cupy.cuda.Stream(non_blocking=True) for _ in range(streams)]

    def send(self, memory: DeviceMemory, lo: int, hi: int) -> Arrival:
        """Begin to copy examples lo to hi to memory of the device, after what is queued there."""
        cupy = self._backend.xp
        stream = self._streams.pop(0)
        self._streams.append(stream)
        # The memory may be that of an earlier block or of a freed array, with which kernels that
        # are only queued have yet to compute.
        free: Event = cupy.cuda.Event(disable_timing=True)
        free.record()
        stream.wait_event(free)
        step = self._piece_columns
        reads = [
            self._readers.submit(self._copy, memory, lo, hi, at, min(at + step, hi), stream)
            for at in range(lo, hi, step)
        ]
        return Arrival(self._layout.on_device(cupy, memory, hi - lo), reads, stream)

    def arrive(self, arrival: Arrival) -> Block:
        """Return a block with which the current stream computes as soon as it is there."""
        for read in arrival.reads:
            read.result()
        cupy = self._backend.xp
        there: Event = cupy.cuda.Event(disable_timing=True)
        there.record(arrival.stream)
        cupy.cuda.get_current_stream().wait_event(there)
        return arrival.block

    def close(self) -> None:
        """Wait until nothing is copied any more, and give the pinned memory back."""
        self._readers.shutdown(wait=True, cancel_futures=True)
        with self._backend.device():
            for stream in self._streams:
                stream.synchronize()

    def _copy(
        self, memory: DeviceMemory, lo: int, hi: int, begin: int, end: int, stream: Stream
    ) -> None:
        """Read examples begin to end, of a block from lo to hi, and queue their copies."""
        with self._backend.device():
            piece = self._pieces.get()
            try:
                piece.copied.synchronize()
                X, labels, weights = piece.fill(self._read(begin, end))
                labels_at, weights_at, _ = self._layout.offsets(hi - lo)
                at = begin - lo
                _queue_copy(memory + at * X[0].nbytes, X, stream)
                for r, row in enumerate(labels):
                    offset = labels_at + (r * (hi - lo) + at) * labels.itemsize
                    _queue_copy(memory + offset, row, stream)
                if weights is not None:
                    _queue_copy(memory + (weights_at + at * weights.itemsize), weights, stream)
                piece.copied.record(stream)
            finally:
                self._pieces.put(piece)


def _queue_copy(memory: DeviceMemory, pinned: HostArray, stream: Stream) -> None:
    memory.copy_from_host_async(pinned.ctypes.data, pinned.nbytes, stream)


def _aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
