"""Examples in blocks on a backend, for a network: all that a forward pass needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array
from gdnet.activations import OUTPUTS, Activation, Output, get_activation, get_output
from gdnet.backends import Backend, Block
from gdnet.blocks import BlockGrid
from gdnet.data.source import Source, as_Y
from gdnet.errors import DataError
from gdnet.parameters import Parameters, check_shapes


class BlockedExamples:
    """The examples of a source, cut into blocks that a backend computes with.

    Parameters
    ----------
    source : Source
        The examples.
    backend : Backend
        Where to compute.
    n1 : int
        Number of hidden units, at least 1.
    activation : str or Activation, default "tanh"
        The hidden activation g1.
    output : str or Output, default "sigmoid"
        The output activation g2.
    dtype : float32 or float64, default float32
        What to compute in.
    block_columns : int, optional
        Examples a block; None is the backend's choice from the shapes and the dtype.

    Attributes
    ----------
    source : Source
        The examples.
    backend : Backend
        Where to compute.
    dtype : numpy.dtype
        What to compute in.
    shape : tuple of int
        (n0, n1, n2).
    g1 : Activation
        The hidden activation, safe to compute with.
    g2 : Output
        The output activation.
    grid : BlockGrid
        The blocks.

    Raises
    ------
    DataError
        For an unknown activation or output, another dtype, fewer than 1 hidden unit or example a
        block, a softmax of fewer than 2 outputs, or of labels that do not exclude each other,
        labels for an identity output, and numbers to be predicted for another one or too large for
        the dtype.
    """

    def __init__(
        self,
        source: Source,
        backend: Backend,
        *,
        n1: int,
        activation: str | Activation = "tanh",
        output: str | Output = "sigmoid",
        dtype: npt.DTypeLike = np.float32,
        block_columns: int | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise DataError(f"expected dtype float32 or float64, got {self.dtype}")
        if n1 < 1:
            raise DataError(f"expected at least 1 hidden unit, got {n1}")
        self.source = source
        self.backend = backend
        self.shape = (source.n0, n1, source.n2)
        self.g1 = get_activation(activation)
        self.g2 = get_output(output)
        if self.g2.name in OUTPUTS:
            _check_continuous(source, self.g2.name, self.dtype)
        if self.g2.name == "softmax":
            _check_exclusive(source)
        if block_columns is None:
            block_columns = backend.block_columns(source.m, *self.shape, self.dtype.itemsize)
        self.grid = BlockGrid(source.m, block_columns)
        # As the lecture's lab is: then nothing stands between the loop and the equations.
        self._alone = len(self.grid) == 1
        with backend.activate():
            self._classes = backend.asarray(np.arange(source.n2).reshape(-1, 1))
            self._load = self._loader()
        self._kept: tuple[Array, Array, Array | None] | None = None
        self._scalars: dict[float, Array] = {}

    def release(self) -> None:
        """Give back the memory of the device; blocks are loaded again when they are needed."""
        self._kept = None
        with self.backend.activate():
            self._load = self._loader()
        self.backend.free_cached_memory()

    def place(self, parameters: Parameters) -> Parameters:
        """Return the parameters on the backend, in the dtype.

        Parameters
        ----------
        parameters : Parameters
            Arrays of NumPy or of the backend, W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1).

        Returns
        -------
        gdnet.parameters.Parameters
            Arrays of the backend; those that fit already are not copied.

        Raises
        ------
        DataError
            If a shape differs.
        """
        n0, n1, n2 = self.shape
        check_shapes(parameters, n0, n2)
        if parameters.W1.shape[0] != n1:
            raise DataError(f"W1: expected {n1} hidden units, got {parameters.W1.shape[0]}")
        return Parameters(*(self.backend.asarray(p, self.dtype) for p in parameters))

    def scalar(self, value: float) -> Array:
        """Return a number as a 0-d array of the backend, in the dtype; it is kept there.

        Parameters
        ----------
        value : float
            The number.

        Returns
        -------
        0-d array
            The same one for the same number.
        """
        if value not in self._scalars:
            self._scalars[value] = self.backend.asarray(np.array(value), self.dtype)
        return self._scalars[value]

    def examples(self, i: int) -> tuple[Array, Array, Array | None]:
        """Return the examples of block i, on the backend.

        Parameters
        ----------
        i : int
            The number of the block, from 0.

        Returns
        -------
        X : array of shape (n0, b)
            Inputs, one example a column, each contiguous.
        Y : array of shape (n2, b)
            Labels 0 or 1, or numbers to be predicted, in the dtype.
        weights : array of shape (1, b), or None
            Weight of each example, in the dtype; None is 1 each.
        """
        return self._only() if self._alone else self._placed(i)

    def examples_as_read(self, i: int) -> tuple[Array, Array]:
        """Return the examples of block i for a function of `Backend.row_kernel`.

        Parameters
        ----------
        i : int
            The number of the block, from 0.

        Returns
        -------
        X : array of shape (n0, b)
            Inputs as the source has them, in its type.
        Y : array of shape (n2, b)
            As of `examples`.
        """
        X, labels, _ = self.source.read(*self.grid.bounds(i))
        return X, self._Y(labels)

    def _only(self) -> tuple[Array, Array, Array | None]:
        if self._kept is None:
            self._kept = self._placed(0)
        return self._kept

    def _placed(self, i: int) -> tuple[Array, Array, Array | None]:
        X, labels, weights = self._load(i)
        return X, self._Y(labels), weights

    def _Y(self, labels: Array) -> Array:
        xp = self.backend.xp
        return as_Y(labels, self._classes, getattr(xp, self.dtype.name), xp)

    def _loader(self) -> Callable[[int], Block]:
        source = self.source
        return self.backend.loader(
            source.read, self.grid, self.dtype, self.shape, on_device=source.on_device
        )


def _check_continuous(source: Source, output: str, dtype: np.dtype[Any]) -> None:
    """Raise unless numbers to be predicted go with an identity output, and fit into the dtype."""
    if source.continuous != (output == "identity"):
        labels, numbers = "labels", "numbers to be predicted"
        expected, got, cure = numbers, labels, "a source with continuous=True"
        if source.continuous:
            expected, got, cure = labels, numbers, "output='identity'"
        raise DataError(f"Y: expected {expected} for the output {output}, got {got}; choose {cure}")
    if not source.continuous:
        return
    largest = max(-float(source.labels.min()), float(source.labels.max()))
    if largest > float(np.finfo(dtype).max):
        raise DataError(
            f"Y: expected numbers that {dtype} can hold, got one of size {largest:g}; rescale them"
        )


def _check_exclusive(source: Source) -> None:
    """Raise unless every example is of exactly one class."""
    if source.n2 < 2:
        raise DataError("expected at least 2 classes for a softmax output, got 1 output")
    if len(source.labels) == 1:
        return
    classes = source.labels.sum(axis=0)
    if (classes != 1).any():
        example = int(np.argmax(classes != 1))
        raise DataError(
            f"Y: expected exactly one 1 in each column for a softmax output, got "
            f"{classes[example]} in example {example} (counted from 0); for labels that do not "
            "exclude each other choose the output sigmoid"
        )
