"""The contract of a backend: all that `gdnet` may know about where it computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, HostArray, Namespace

from .blocks import Block, Grid, ReadBlock
from .engines import HasEngines


class Memory(NamedTuple):
    """Memory in bytes; None where it is not known.

    Attributes
    ----------
    used, peak : int or None
        Now and at most so far: by the process on the CPU, by its arrays on a GPU.
    total : int or None
        All there is, of the machine or of the GPU.
    """

    used: int | None
    peak: int | None
    total: int | None


class Backend(HasEngines, ABC):
    """An array module and what the array module cannot express.

    A backend wraps no array function. Code that computes takes `xp` and calls it; code that moves
    data calls `asarray`, `loader` and `to_numpy`, and nothing else crosses between host and device.

    Attributes
    ----------
    name : str
        ``"cpu"`` or ``"cuda:0"``, ...
    xp : module
        `numpy` or `cupy`, unmodified.
    asynchronous : bool
        Whether work is only queued when a call returns, so that reading a number waits for it.
    precision : {"highest", "tf32"}
        Of matrix products in float32.
    stacks_products : bool
        Whether ``xp`` computes a stack of matrix products one by one, so that each has the bits
        that it has alone.
    """

    name: str
    xp: Namespace
    asynchronous: bool
    precision: str = "highest"
    stacks_products: bool = False

    @property
    def float64_slowdown(self) -> int:
        """Return how many times slower float64 is than float32; 2 is natural."""
        return 2

    @abstractmethod
    def asarray(self, a: object, dtype: npt.DTypeLike | None = None) -> Array:
        """Return `a` as an array of `xp`, without a copy where it already is one: the way in.

        Parameters
        ----------
        a : array-like
            On the host, or an array of `xp`.
        dtype : dtype, optional
            Type of the result; None keeps that of `a`.

        Returns
        -------
        array
            On the device.
        """

    @abstractmethod
    def to_numpy(self, a: Array) -> HostArray:
        """Return `a` as a NumPy array on the host; waits for the device: the way out.

        Parameters
        ----------
        a : array of `xp`
            Of any shape and dtype.

        Returns
        -------
        ndarray
            Of the same shape and dtype; maybe `a` itself.
        """

    def gathered_on_host(self, arrays: Sequence[Array]) -> HostArray:
        """Return the numbers of several arrays one after the other, on the host.

        Parameters
        ----------
        arrays : sequence of arrays
            Of `xp` and of one dtype, of any shapes.

        Returns
        -------
        ndarray of shape (numbers,)
            Those of each array in C order. Valid until the calling thread asks for others.
        """
        return np.concatenate([np.ravel(self.to_numpy(a)) for a in arrays])

    @abstractmethod
    def activate(self) -> AbstractContextManager[None]:
        """Return a context in which this backend computes.

        Returns
        -------
        context manager
            Without a value. May be nested, and entered by several threads at a time.
        """

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all queued work is done."""

    @abstractmethod
    def memory(self) -> Memory:
        """Return what is used of the memory that this backend computes in.

        Returns
        -------
        Memory
            In bytes.
        """

    def free_cached_memory(self) -> None:
        """Give memory that is kept for later use back to the system; by default there is none."""
        return

    @abstractmethod
    def peak_memory(self, work: Callable[[], object]) -> int | None:
        """Call `work`, and return how much more memory was in use at its peak than before it.

        Parameters
        ----------
        work : callable ``() -> object``
            What is measured.

        Returns
        -------
        int or None
            Bytes; None where they cannot be measured.
        """

    def identifier(self) -> str:
        """Return what tells the device from all others of the machine.

        Returns
        -------
        str
            The name by default.
        """
        return self.name

    @abstractmethod
    def describe(self) -> str:
        """Return hardware and library versions in one line.

        Returns
        -------
        str
            For people.
        """

    def describe_arithmetic(self) -> str:
        """Return what the bits of a result depend on, in one line.

        Returns
        -------
        str
            What `describe` returns, but for the number of threads.
        """
        return self.describe()

    @abstractmethod
    def block_columns(self, m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return the default width of a block, from the shapes and the size of a number alone.

        Parameters
        ----------
        m : int
            Number of examples.
        n0, n1, n2 : int
            Number of input features, hidden units and outputs.
        itemsize : int
            Bytes of a number: 4 or 8.

        Returns
        -------
        int
            Examples a block, at least 1; may exceed `m`.
        """

    def product_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return how many examples each matrix product of a prediction has, zeros filling up.

        From the shapes and the size of a number alone. One example takes as long as so many.

        Parameters
        ----------
        n0, n1, n2 : int
            Number of input features, hidden units and outputs.
        itemsize : int
            Bytes of a number: 4 or 8.

        Returns
        -------
        int
            A power of two, 64 by default.
        """
        del n0, n1, n2, itemsize
        return 64

    @abstractmethod
    def loader(
        self,
        read: ReadBlock,
        grid: Grid,
        dtype: npt.DTypeLike,
        shape: tuple[int, int, int],
        *,
        on_device: bool = False,
    ) -> Callable[[int], Block]:
        """Return a function that gives block i, ready to compute with.

        Parameters
        ----------
        read : callable ``(lo, hi) -> Block``
            Gives examples lo to hi (exclusive) on the host, in any layout and dtype; called again
            in every pass, maybe from several threads at a time.
        grid : Grid
            The blocks.
        dtype : float32 or float64
            The dtype to compute in.
        shape : tuple of int
            (n0, n1, n2): what will be computed with a block needs memory too.
        on_device : bool, default False
            Whether the X that is read is an array of the backend already, for once not of the
            host, in `dtype` and with each example contiguous.

        Returns
        -------
        callable ``i -> Block``
            X in `dtype` with each example contiguous, labels as they came, each row contiguous,
            weights in `dtype`. The block is valid until the calling thread asks for the next one.
        """

    @abstractmethod
    def run(self, task: Callable[[int], None], count: int) -> None:
        """Call ``task(i)`` once for each i in ``range(count)``, in any order, and wait for all.

        Parameters
        ----------
        task : callable ``(i) -> None``
            Computes block i.
        count : int
            Number of blocks.
        """
