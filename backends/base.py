"""The contract of a backend: all that `gdnet` may know about where it computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

#: The engines of each kind of device, by name: how the gradient of a block is computed.
ENGINES = {"cpu": ("reference", "compiled"), "cuda": ("reference", "cublas_fused", "fused")}


class Block(NamedTuple):
    """Some examples as columns: X (n0, b), labels (rows, b), weights (1, b) or None."""

    X: Any
    labels: Any
    weights: Any


class Grid(Protocol):
    """The examples cut into blocks; `columns` is the width of all but maybe the last."""

    columns: int

    def __len__(self) -> int:
        """Return the number of blocks."""

    def bounds(self, i: int) -> tuple[int, int]:
        """Return where block i begins and where it ends (exclusive)."""


class BlockGradient:
    """Gradient and cost of one block of examples: the reference, for a backend to improve on.

    Parameters
    ----------
    reference : callable ``(parameters, X, Y, m, weights) -> ((dW1, db1, dW2, db2), J)``, or None
        What the block contributes to both, from `gdnet.equations`; None where no gradient is asked
        for.

    Attributes
    ----------
    name : str
        That of the engine.
    arithmetic : int
        Version of its arithmetic: another one gives other last digits.
    has_step : bool
        Whether there is a `step`.
    forward : bool
        Whether there are `cost` and `outputs`: the forward pass alone, by the same arithmetic.
    """

    name = "reference"
    arithmetic = 1
    has_step = False
    forward = False

    def __init__(self, reference: Callable[..., Any] | None) -> None:
        self._reference: Any = reference

    def partial_sums(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any
    ) -> tuple[Any, ...]:
        """Return the arrays to be added up over the blocks; who adds may write to them."""
        gradients, J = self._reference(parameters, X, Y, m, weights)
        return (*gradients, J)

    def unpack(self, sums: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return dW1, db1, dW2, db2 and J from the sums over all blocks."""
        return sums

    def single_block(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any
    ) -> tuple[Any, Any]:
        """Return (dW1, db1, dW2, db2) and J of a block that holds all examples."""
        found: tuple[Any, Any] = self._reference(parameters, X, Y, m, weights)
        return found

    def step(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any, alpha: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return J and W1, b1, W2, b2 after one update with a block that holds all examples."""
        raise NotImplementedError

    def descends(self, columns: int) -> bool:
        """Return whether there is a `descend` for a block of so many examples."""
        del columns
        return False

    def descend(
        self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any, alpha: Any, k: int
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the costs (k,) before each of k updates, and W1, b1, W2, b2 after them.

        Bitwise identical to k calls of `step`.
        """
        raise NotImplementedError

    def cost(self, parameters: Any, X: Any, Y: Any, m: Any, weights: Any) -> Any:
        """Return what a block contributes to J."""
        raise NotImplementedError

    def outputs(self, parameters: Any, X: Any) -> Any:
        """Return Z2 (n2, b) of a block; that of an example does not depend on the others."""
        raise NotImplementedError


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
    engine : str
        The engine that was asked for, or "auto".
    stacks_products : bool
        Whether ``xp`` computes a stack of matrix products one by one, so that each has the bits
        that it has alone.
    """

    name: str
    xp: ModuleType
    asynchronous: bool
    precision: str = "highest"
    engine: str = "auto"
    stacks_products: bool = False

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

    def gathered_on_host(self, arrays: Sequence[Any]) -> np.ndarray[Any, Any]:
        """Return the numbers of arrays of one dtype one after the other, in C order, on the host.

        They are valid until the calling thread asks for others.
        """
        return np.concatenate([np.ravel(self.to_numpy(a)) for a in arrays])

    @abstractmethod
    def activate(self) -> AbstractContextManager[None]:
        """Return a context in which this backend computes; may be nested and shared by threads."""

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all queued work is done."""

    @abstractmethod
    def memory(self) -> Memory:
        """Return what is used of the memory that this backend computes in."""

    def free_cached_memory(self) -> None:
        """Give memory that is kept for use to come back to the system; by default there is none."""
        return

    @abstractmethod
    def peak_memory(self, work: Callable[[], object]) -> int | None:
        """Call `work`, and return how many bytes more were in use at its peak than before it."""

    def identifier(self) -> str:
        """Return what tells the device from all others of the machine."""
        return self.name

    @abstractmethod
    def describe(self) -> str:
        """Return hardware and library versions in one line."""

    def describe_arithmetic(self) -> str:
        """Return what the bits of a result depend on, in one line: `describe` but for threads."""
        return self.describe()

    @abstractmethod
    def block_columns(self, m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return the default width of a block, from the shapes and the size of a number alone.

        `m` is the number of examples; the width may exceed it.
        """

    def product_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        """Return how many examples each matrix product of a prediction has, zeros filling up.

        It is a power of two, from the shapes and the size of a number alone: one example takes as
        long as so many.
        """
        del n0, n1, n2, itemsize
        return 64

    @abstractmethod
    def loader(
        self,
        read: Callable[[int, int], Block],
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
            Whether the X that is read is an array of the backend already, in `dtype` and with each
            example contiguous.

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
        engine: str,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> BlockGradient:
        """Return how to compute the gradient of a block: as the reference does, or faster.

        Parameters
        ----------
        reference : callable
            See `BlockGradient`.
        engine : str
            The name of one of the backend's engines, or "auto" for its choice.
        g1, g2 : str
            Names of the hidden and output activations.
        shape : tuple of int
            (n0, n1, n2).
        dtype : float32 or float64
            The dtype of every array.

        Raises
        ------
        DataError
            If the engine is not made for such a network; the message says for which.
        """
        del engine, g1, g2, shape, dtype
        return BlockGradient(reference)

    def row_kernel(
        self, *, g1: str, g2: str, shape: tuple[int, int, int], dtype: npt.DTypeLike
    ) -> Callable[[Any, Any], Any] | None:
        """Return ``(parameters, X) -> Z2`` where an example's Z2 depends on no other example.

        X (n0, b) has each example contiguous. None, the default, where there is no such function
        for the network: matrix products then need a care of their own.
        """
        del g1, g2, shape, dtype
        return None
