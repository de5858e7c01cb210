"""The networks and the data that every benchmark here works on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.backends import Backend
from gdnet.data.source import ArraySource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise

Shape = tuple[int, int, int]

#: (n0, n1, n2): the lecture's lab, a wider one, HIGGS, MNIST.
SHAPES: tuple[Shape, ...] = ((2, 4, 1), (2, 16, 1), (28, 128, 1), (784, 256, 10))


class Problem(NamedTuple):
    """A network, where it starts, and what it learns.

    Attributes
    ----------
    shape : (n0, n1, n2)
        Width of the input, the hidden layer and the output.
    rows : array of shape (m, n0)
        Inputs, one example a row, row-major.
    labels : array of shape (m,), uint8
        0 and 1, or class numbers where n2 > 1.
    parameters : Parameters
        The start.
    learning_rate : float
        One that the descent stands.
    """

    shape: Shape
    rows: npt.NDArray[Any]
    labels: npt.NDArray[np.uint8]
    parameters: Parameters[HostArray]
    learning_rate: float

    @property
    def m(self) -> int:
        """Number of examples."""
        return len(self.labels)

    @property
    def output(self) -> str:
        """The output activation: softmax where there are classes."""
        return "softmax" if self.shape[2] > 1 else "sigmoid"

    @property
    def data_bytes(self) -> int:
        """Size of inputs and labels."""
        return self.rows.nbytes + self.labels.nbytes

    def full_batch(self, backend: Backend, dtype: npt.DTypeLike | None = None) -> FullBatch:
        """Return gdnet's gradient with every setting at its default, in the dtype of the rows."""
        _, n1, n2 = self.shape
        source = ArraySource(self.rows.T, self.labels[None, :], n_classes=n2 if n2 > 1 else None)
        return FullBatch(source, backend, n1=n1, output=self.output, dtype=dtype or self.rows.dtype)

    def Y(self) -> npt.NDArray[Any]:
        """Return the labels as the (n2, m) matrix of 0 and 1, in the dtype of the rows."""
        n2 = self.shape[2]
        Y = self.labels if n2 == 1 else self.labels == np.arange(n2, dtype=np.uint8)[:, None]
        return np.atleast_2d(Y).astype(self.rows.dtype)


def name_of(shape: Shape) -> str:
    """Return a shape as it is written in text: 28-128-1."""
    return "-".join(map(str, shape))


def problem(shape: Shape, m: int, dtype: npt.DTypeLike = np.float32) -> Problem:
    """Return seeded normal inputs with labels that a network of this shape can learn.

    With one output the label says whether the first two features have the same sign, which no
    linear model can learn; with n2 > 1 it is the largest of the first n2 features.
    """
    n0, _, n2 = shape
    dtype = np.dtype(dtype)
    random = np.random.default_rng(1)
    if dtype == np.float32:
        rows: npt.NDArray[Any] = random.standard_normal((m, n0), np.float32)
    else:
        rows = random.standard_normal((m, n0))
    labels = rows[:, 0] * rows[:, 1] > 0 if n2 == 1 else np.argmax(rows[:, :n2], axis=1)
    return _to_learn(shape, rows, labels.astype(np.uint8))


def save(made: Problem, folder: Path) -> None:
    """Write the data to files, so that other processes need not draw them again."""
    np.save(folder / "rows.npy", made.rows)
    np.save(folder / "labels.npy", made.labels)


def load(shape: Shape, folder: Path) -> Problem:
    """Return the problem whose data `save` has written; they stay in the files."""
    rows, labels = (np.load(folder / f"{name}.npy", mmap_mode="c") for name in ("rows", "labels"))
    return _to_learn(shape, rows, labels)


def _to_learn(shape: Shape, rows: npt.NDArray[Any], labels: npt.NDArray[np.uint8]) -> Problem:
    start = initialise(*shape, random_state=0, dtype=rows.dtype)
    return Problem(shape, rows, labels, start, learning_rate=0.5)


def lab(dtype: npt.DTypeLike = np.float32) -> Problem:
    """Return the lecture's lab: 400 points of a flower, a 2-4-1 network, learning rate 1.2."""
    random = np.random.RandomState(1)  # the lab is defined on this stream
    petals, labels = [], []
    for j in (0, 1):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, 200) + random.randn(200) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(200) * 0.2
        petals.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
        labels.append(np.full(200, j, np.uint8))
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01, dtype=dtype)
    rows = np.concatenate(petals).astype(dtype)
    return Problem((2, 4, 1), rows, np.concatenate(labels), start, learning_rate=1.2)
