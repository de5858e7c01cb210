"""The source of a training: blocks of examples by index range, readable again and again."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, HostArray, Namespace
from gdnet.backends import Block
from gdnet.data.array_checks import checked_inputs, checked_labels, checked_weights
from gdnet.data.rows import CHECKED_AT_A_TIME, RowReader


class Source(Protocol):
    """Where examples come from; every iteration passes over it.

    Attributes
    ----------
    n0, n2, m : int
        Number of input features, outputs and examples.
    total_weight : float
        The m of the equations: the number of examples, or the sum of their weights.
    labels : array of shape (n2, m) or (1, m)
        The labels of all examples, on the host: 0 and 1, class numbers, or numbers to be predicted.
    continuous : bool
        Whether they are numbers to be predicted.
    on_device : bool
        Whether X is an array of the backend already: in the dtype to compute in, each example
        contiguous.
    """

    n0: int
    n2: int
    m: int
    total_weight: float
    labels: HostArray
    continuous: bool
    on_device: bool

    def read(self, lo: int, hi: int) -> Block[HostArray]:
        """Return examples lo to hi on the host, as columns.

        Parameters
        ----------
        lo, hi : int
            The first example, and the one after the last.

        Returns
        -------
        Block
            X (n0, hi - lo), labels (n2, hi - lo) or (1, hi - lo), and weights (1, hi - lo) or None.
        """


class Transform(Protocol):
    """What is done to rows of features before they are computed with."""

    def applied(
        self, rows: np.ndarray[Any, Any], *, may_write: bool = False
    ) -> np.ndarray[Any, Any]:
        """Return the transformed rows.

        Parameters
        ----------
        rows : array of shape (b, n0)
            Features, one example a row.
        may_write : bool, default False
            Whether `rows` may be written to.

        Returns
        -------
        array of shape (b, n0)
            A new array, or `rows` if it may be written to.
        """


class RowSource:
    """Examples as rows, in memory or not; nothing is copied.

    Parameters
    ----------
    rows : array or `RowReader` of shape (m, n0)
        Inputs, one example a row; float32, float64 or integers, finite.
    Y : array of shape (n2, m), or (1, m) with `n_classes`
        Labels 0 or 1, one row an output; with `n_classes` one row of class numbers
        0 ... n_classes - 1, which stand for n_classes rows of 0 and 1. Any number type.
    weights : array of shape (1, m), optional
        Weight of each example: finite, not negative, not all zero.
    class_weights : array of shape (classes,), optional
        Instead of `weights`: the weight of each example by its class, or by its label 0 or 1.
    n_classes : int, optional
        Number of exclusive classes, at least 2, for a softmax output.
    continuous : bool, default False
        Whether Y has numbers to be predicted, for the output "identity": any that are finite.
    transform : Transform, optional
        Applied to each block as it is read.
    on_device : bool, default False
        Whether the rows are an array of the backend that will compute with them; they are not
        checked then, and have to be in C order and in the dtype that is computed in.

    Raises
    ------
    DataError
        For labels or weights that are not as above; the message has what was expected, what was
        found and where.
    """

    def __init__(
        self,
        rows: RowReader,
        Y: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        class_weights: npt.NDArray[np.floating[Any]] | None = None,
        n_classes: int | None = None,
        continuous: bool = False,
        transform: Transform | None = None,
        on_device: bool = False,
    ) -> None:
        self._rows = rows
        self.on_device, self.continuous = on_device, continuous
        self._fresh = getattr(rows, "fresh", False)
        # Whether other ranks have most of the rows.
        self.shared = getattr(rows, "shared", False)
        self.m, self.n0 = rows.shape
        self.labels = checked_labels(Y, self.m, n_classes, continuous=continuous)
        self.n2 = self.labels.shape[0] if n_classes is None else n_classes
        self._weights = None if weights is None else checked_weights(weights, self.m)
        self._class_weights = class_weights
        self._transform = transform
        self.total_weight = self._total_weight()

    def read(self, lo: int, hi: int) -> Block[HostArray]:
        """Return examples lo to hi as columns: views of what is in memory.

        Parameters
        ----------
        lo, hi : int
            The first example, and the one after the last.

        Returns
        -------
        Block
            X (n0, hi - lo), each example contiguous, labels (n2, hi - lo) or (1, hi - lo), and
            weights (1, hi - lo) or None.
        """
        rows, labels, weights = self._rows[lo:hi], self.labels[:, lo:hi], None
        if self._weights is not None:
            weights = self._weights[:, lo:hi]
        elif self._class_weights is not None:
            weights = self._class_weights[labels]
        if self._transform is not None:
            rows = self._transform.applied(rows, may_write=self._fresh)
        # The one place where rows become columns: a view in which each example is contiguous.
        return Block(rows.T, labels, weights)

    def _total_weight(self) -> float:
        if self._weights is not None:
            try:
                return math.fsum(self._weights.ravel())
            except OverflowError:
                return math.inf
        if self._class_weights is not None:
            counts = count_codes(self.labels[0], len(self._class_weights))
            return float((counts * self._class_weights).sum())
        return float(self.m)


class ArraySource(RowSource):
    """Examples as the columns of an array, as in the lecture; nothing is copied.

    Parameters
    ----------
    X : array of shape (n0, m)
        Inputs, one example a column; float32, float64 or integers. The transpose ``rows.T`` of a
        row-major array (m, n0) is best: each example is contiguous.
    Y : array of shape (n2, m), or (1, m) with `n_classes`
        As in `RowSource`.
    weights : array of shape (1, m), optional
        Weight of each example: finite, not negative, not all zero.
    n_classes : int, optional
        Number of exclusive classes, for a softmax output.
    continuous : bool, default False
        Whether Y has numbers to be predicted, for the output "identity".

    Raises
    ------
    DataError
        For a shape, type or value that is not as above; the message has what was expected, what
        was found and where.
    """

    def __init__(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        n_classes: int | None = None,
        continuous: bool = False,
    ) -> None:
        super().__init__(
            checked_inputs(X).T, Y, weights, n_classes=n_classes, continuous=continuous
        )


def count_codes(
    codes: np.ndarray[Any, Any], n_classes: int, weights: npt.NDArray[np.float64] | None = None
) -> np.ndarray[Any, Any]:
    """Return how many examples each class has.

    Parameters
    ----------
    codes : int array of shape (m,)
        Class numbers 0 ... n_classes - 1.
    n_classes : int
        Number of classes.
    weights : array of shape (m,), optional
        Weight of each example.

    Returns
    -------
    array of shape (n_classes,)
        The numbers of examples, or with `weights` the sums of those.
    """
    if weights is not None:
        return np.bincount(codes, weights, n_classes)
    counts = np.zeros(n_classes, np.intp)
    for lo in range(0, len(codes), CHECKED_AT_A_TIME):  # NumPy makes 8 bytes of each code
        counts += np.bincount(codes[lo : lo + CHECKED_AT_A_TIME], minlength=n_classes)
    return counts


def as_Y(labels: Array, classes: Array, dtype: Any, xp: Namespace) -> Array:
    """Return Y (n2, b) from the labels of a block: 0 and 1, or the numbers to be predicted.

    Parameters
    ----------
    labels : array of shape (n2, b), or (1, b) with n2 > 1
        0 and 1, numbers to be predicted, or class numbers.
    classes : array of shape (n2, 1)
        0, 1, ... n2 - 1.
    dtype : dtype of xp
        Type of Y.
    xp : module
        The array module that owns `labels` and `classes`.

    Returns
    -------
    array of shape (n2, b)
        A new array of `xp`, of that dtype.
    """
    return xp.astype(labels if labels.shape[0] == classes.shape[0] else labels == classes, dtype)
