"""The source of a training: blocks of examples by index range, readable again and again."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, Namespace
from gdnet.backends import Block
from gdnet.errors import DataError

# Checks look at this many numbers at a time, so that they need no memory to speak of.
CHECKED_AT_A_TIME = 2**20


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
    labels: np.ndarray[Any, Any]
    continuous: bool
    on_device: bool

    def read(self, lo: int, hi: int) -> Block:
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


class RowReader(Protocol):
    """Rows of features (m, n0): an array, or a file that is read as it is needed.

    Slices of rows are all that is asked of it. Where an attribute `fresh` is true, each slice is
    a new array, which may be written to.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (m, n0)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of the numbers."""

    def __len__(self) -> int:
        """Return m."""

    def __getitem__(self, rows: slice, /) -> np.ndarray[Any, Any]:
        """Return some rows (b, n0)."""


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
        Y: Array,
        weights: Array | None = None,
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
        if continuous and n_classes is not None:
            raise DataError("Y: expected n_classes or continuous, got both")
        self.labels = _checked_labels(Y, self.m, n_classes, continuous=continuous)
        self.n2 = self.labels.shape[0] if n_classes is None else n_classes
        self._weights = None if weights is None else _checked_weights(weights, self.m)
        self._class_weights = class_weights
        self._transform = transform
        self.total_weight = self._total_weight()

    def read(self, lo: int, hi: int) -> Block:
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
        X: Array,
        Y: Array,
        weights: Array | None = None,
        *,
        n_classes: int | None = None,
        continuous: bool = False,
    ) -> None:
        super().__init__(
            _checked_inputs(X).T, Y, weights, n_classes=n_classes, continuous=continuous
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


def _checked_inputs(values: npt.ArrayLike) -> np.ndarray[Any, Any]:
    X = _as_array("X", values)
    if X.ndim != 2:
        raise DataError(
            f"X: expected an array of shape (n0, m), one example a column, got shape {X.shape}"
        )
    n0, m = X.shape
    if n0 < 1 or m < 1:
        raise DataError(f"X: expected at least 1 feature and 1 example, got shape {X.shape}")
    _check_real("X", X)
    place = first_not_finite(X.T)
    if place is not None:
        example, feature = place
        raise DataError(
            f"X: expected finite numbers, got {X[feature, example]} in example {example}, "
            f"feature {feature} (counted from 0); remove or fill in such examples"
        )
    return X


def _checked_labels(
    labels: npt.ArrayLike, m: int, n_classes: int | None, *, continuous: bool
) -> np.ndarray[Any, Any]:
    Y = _as_array("Y", labels)
    if Y.ndim != 2:
        hint = "; no rank-1 arrays: give it as a row, Y.reshape(1, -1)" if Y.ndim == 1 else ""
        raise DataError(f"Y: expected an array of shape (n2, {m}), got shape {Y.shape}{hint}")
    if Y.shape[1] != m or Y.shape[0] < 1:
        raise DataError(
            f"Y: expected one column for each of the {m} examples of X, got shape {Y.shape}"
        )
    _check_real("Y", Y)
    if continuous:
        place = first_not_finite(Y.T)
        if place is not None:
            raise DataError(
                f"Y: expected finite numbers, got {Y[place[::-1]]} in example {place[0]} (counted "
                "from 0); remove such examples"
            )
        return Y if Y.dtype.kind == "f" else Y.astype(np.float64)
    if n_classes is None:
        highest, allowed = 1, "0 or 1"
        hint = (
            "; for numbered classes give n_classes, and choose the output softmax; for numbers to "
            "be predicted give continuous=True, and choose the output identity"
        )
    else:
        if n_classes < 2 or Y.shape[0] != 1:
            raise DataError(
                "Y: with n_classes expected one row (1, m) of class numbers and at least 2 "
                f"classes, got shape {Y.shape} and n_classes={n_classes}"
            )
        highest, allowed, hint = n_classes - 1, f"class numbers 0 to {n_classes - 1}", ""
    for lo in range(0, m, CHECKED_AT_A_TIME):
        part = Y[:, lo : lo + CHECKED_AT_A_TIME]
        wrong = ~((part >= 0) & (part <= highest) & (part == np.floor(part)))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DataError(
                f"Y: expected labels {allowed}, got {part[row, column]} in example "
                f"{lo + column} (counted from 0){hint}"
            )
    return Y if Y.dtype.kind in "iu" else Y.astype(np.min_scalar_type(highest))


def _checked_weights(values: npt.ArrayLike, m: int) -> np.ndarray[Any, Any]:
    weights = _as_array("weights", values)
    if weights.shape != (1, m):
        raise DataError(f"weights: expected shape (1, {m}), got {weights.shape}")
    _check_real("weights", weights)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        example = int(np.argmax(wrong))
        raise DataError(
            f"weights: expected finite numbers of at least 0, got {weights[0, example]} "
            f"for example {example} (counted from 0)"
        )
    if not weights.any():
        raise DataError("weights: expected at least one above 0, got all zero")
    return weights


def _as_array(name: str, values: npt.ArrayLike) -> np.ndarray[Any, Any]:
    """Return a plain array: a matrix would multiply where arrays are multiplied by elements."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name}: expected every number to be there, got a masked array")
    return np.asarray(values)


def _check_real(name: str, array: np.ndarray[Any, Any]) -> None:
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:  # long double is for no GPU
        raise DataError(f"{name}: expected real numbers, got dtype {array.dtype}")


def first_not_finite(rows: RowReader) -> tuple[int, int] | None:
    """Return where the first NaN or infinite number is.

    Parameters
    ----------
    rows : array or RowReader of shape (m, n0)
        Numbers of any type; memory does not grow with m.

    Returns
    -------
    tuple of int, or None
        Its row and its column, both from 0; None if all numbers are finite.
    """
    if rows.dtype.kind != "f":
        return None
    height = max(1, CHECKED_AT_A_TIME // rows.shape[1])
    for lo in range(0, len(rows), height):
        finite = np.isfinite(rows[lo : lo + height])
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            return lo + int(row), int(column)
    return None
