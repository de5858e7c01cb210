"""What the comparison runs on: networks, numbers of examples, and the ratios to reach."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.problems import Problem, Shape, lab, load, name_of, problem

QUICK_EXAMPLES, QUICK_ITERATIONS = 2_000, 20
# A candidate on whole arrays has about so many of n1 x m at a time, and the data twice.
WORK_ARRAYS = 6
COPIES_OF_DATA = 2


class Case(NamedTuple):
    """A network and data.

    Attributes
    ----------
    shape : (n0, n1, n2)
        Widths of the layers; n2 > 1 is a softmax.
    m : int
        Number of examples; the lecture's lab where it is 400.
    dtype : str
        float32 or float64.
    iterations : int
        Of one turn.
    target : float
        How many times faster than the fastest other gdnet is to be.
    folder : Path, optional
        Where the data lie in files; else they are drawn.
    """

    shape: Shape
    m: int
    dtype: str
    iterations: int
    target: float
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Shape and m, as text: 28-128-1, m = 200 000."""
        return f"{name_of(self.shape)}, m = {self.m:_}".replace("_", " ")

    @property
    def is_lab(self) -> bool:
        """Whether this is the lecture's lab."""
        return self.shape == (2, 4, 1) and self.m == 400

    @property
    def flops(self) -> tuple[int, int]:
        """Operations of the matrix products of an iteration: of the hidden layer, of the output."""
        n0, n1, n2 = self.shape
        return 2 * 2 * self.m * n0 * n1, 3 * 2 * self.m * n1 * n2

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.dtype).itemsize

    @property
    def data_bytes(self) -> int:
        """Size of inputs and labels."""
        return self.m * (self.shape[0] * self.itemsize + 1)

    def bytes_needed(self, candidates: int) -> int:
        """Return about how much memory all candidates together need; one computes at a time."""
        work = WORK_ARRAYS * self.shape[1] * self.m * self.itemsize
        return candidates * COPIES_OF_DATA * self.data_bytes + work

    def problem(self) -> Problem:
        """Return the data and the start; the same numbers in every process."""
        if self.is_lab:
            return lab(self.dtype)
        if self.folder is not None:
            return load(self.shape, self.folder)
        return problem(self.shape, self.m, self.dtype)


# Shape, m, iterations of a turn, target in float32.
_ALL: tuple[tuple[Shape, int, int, float], ...] = (
    ((2, 4, 1), 400, 500, 2.2),
    ((30, 16, 1), 569, 500, 1.7),
    ((2, 16, 1), 1_000_000, 3, 1.8),
    ((33, 16, 1), 262_000, 6, 1.8),
    ((28, 128, 1), 200_000, 3, 1.6),
    ((28, 128, 1), 2_000_000, 1, 1.6),
    ((64, 64, 10), 100_000, 3, 1.0),
    ((784, 256, 1), 60_000, 2, 1.0),
    ((784, 256, 10), 60_000, 2, 1.0),
)

# The same for a GPU, which is for larger ones.
_ON_CUDA: tuple[tuple[Shape, int, int, float], ...] = (
    ((2, 4, 1), 400, 1024, 1.0),
    ((28, 128, 1), 11_000_000, 5, 3.0),
    ((2, 4, 1), 11_000_000, 50, 4.0),
    ((784, 256, 10), 1_000_000, 5, 1.0),
    ((784, 2048, 10), 250_000, 3, 1.0),
)

NAMES = tuple(dict.fromkeys(name_of(shape) for shape, *_ in _ALL + _ON_CUDA))


def cases(
    dtype: str, only: list[str] | None = None, *, quick: bool = False, device: str = "cpu"
) -> list[Case]:
    """Return the cases in one dtype; `quick` ones have few examples, each shape once.

    `only` has shapes, as in 2-4-1, or shapes with a number of examples, as in 2-4-1:400.
    """
    chosen: dict[tuple[Shape, int], Case] = {}
    for shape, m, iterations, target in _ALL if device == "cpu" else _ON_CUDA:
        if only and not {name_of(shape), f"{name_of(shape)}:{m}"} & set(only):
            continue
        if quick:
            m, iterations = min(m, QUICK_EXAMPLES), QUICK_ITERATIONS
        chosen.setdefault(
            (shape, m), Case(shape, m, dtype, iterations, target if dtype == "float32" else 1.0)
        )
    return list(chosen.values())
