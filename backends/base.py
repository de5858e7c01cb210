"""The contract of a backend: all that `gdnet` may know about where it computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Block(NamedTuple):
    """Some examples as columns: X (n0, b), labels (rows, b), weights (1, b) or None."""

    X: Any
    labels: Any
    weights: Any


class Memory(NamedTuple):
    """Bytes of memory; None where it is not known.

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


class Backend(ABC):
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
    """

    name: str
    xp: ModuleType
    asynchronous: bool
    precision: str = "highest"

    @property
    def float64_slowdown(self) -> int:
        """Return how many times slower float64 is than float32; 2 is natural."""
        return 2

    @abstractmethod
    def asarray(self, a: Any, dtype: npt.DTypeLike | None = None) -> Any:
        """Return `a` as an array of `xp`, without a copy where it already is one: the way in."""

    @abstractmethod
    def to_numpy(self, a: Any) -> np.ndarray[Any, Any]:
        """Return `a` as a NumPy array on the host; waits for the device: the way out."""

    @abstractmethod
    def activate(self) -> AbstractContextManager[None]:
        """Return a context in which this backend computes; may be nested and shared by threads."""

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all queued work is done."""

    @abstractmethod
    def memory(self) -> Memory:
        """Return what is used of the memory that this backend computes in."""

    @abstractmethod
    def peak_memory(self, work: Callable[[], object]) -> int | None:
        """Call `work`, and return how many bytes more were in use at its peak than before it."""

    @abstractmethod
    def describe(self) -> str:
        """Return hardware and library versions in one line."""

    @abstractmethod
    def block_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return the default width of a block, from the shapes and the size of a number alone."""

    @abstractmethod
    def loader(
        self, read: Callable[[int], Block], count: int, dtype: npt.DTypeLike
    ) -> Callable[[int], Block]:
        """Return a function that gives block i, ready to compute with.

        Parameters
        ----------
        read : callable ``i -> Block``
            Gives block i on the host, in any layout and dtype; called again in every pass.
        count : int
            The number of blocks.
        dtype : float32 or float64
            The dtype to compute in.

        Returns
        -------
        callable ``i -> Block``
            X in `dtype` with each example contiguous, labels as they came, each row contiguous,
            weights in `dtype`. The block is valid until the calling thread asks for the next one.
        """

    @abstractmethod
    def run(self, task: Callable[[int], None], count: int) -> None:
        """Call ``task(i)`` once for each i in ``range(count)``, in any order, and wait for all."""

    def block_gradient(
        self,
        reference: Callable[..., Any],
        *,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> Callable[..., Any]:
        """Return a function with the signature and the result of `reference`, maybe a faster one.

        Parameters
        ----------
        reference : callable
            Gradient and cost of one block from `gdnet.equations`, see `gdnet.gradient`.
        g1, g2 : str
            Names of the hidden and output activations.
        shape : tuple of int
            (n0, n1, n2).
        dtype : float32 or float64
            The dtype of every array.

        Returns
        -------
        callable
            `reference` itself, unless a backend knows something better for these shapes.
        """
        del g1, g2, shape, dtype
        return reference
