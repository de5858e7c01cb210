"""Standardising features, and folding it into the first layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import HostArray
from gdnet.data.columns.named import ignoring
from gdnet.data.moments import Run, moments, one_by_one, part_height, pieces
from gdnet.data.rows import RowReader
from gdnet.errors import DataError
from gdnet.parameters import Parameters
from gdnet.phases import Done, unseen
from gdnet.ranks.communicator import Ranks

# A feature that is rounded by more of its deviation than this is worth a word.
MAX_ROUNDING = 1e-2
# So many numbers are standardised in one loop.
NUMBERS_IN_A_ROW = 1024
# A message names so many features.
MAX_NAMED = 20
# A smaller one has lost digits to underflow.
MIN_VARIANCE = 1e-290


class Scaling(NamedTuple):
    """The map z = (x - mean) / scale, feature by feature.

    Attributes
    ----------
    mean, scale : arrays of shape (n0,)
        Of the dtype that is computed in, so that the same numbers are subtracted everywhere.
    rounded : tuple of int
        Features that are so large compared with their deviation that the dtype keeps few
        digits of what varies in them: times in seconds since 1970 in float32.
    """

    mean: HostArray
    scale: HostArray
    rounded: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        rows: RowReader,
        dtype: npt.DTypeLike,
        names: Sequence[str] | None = None,
        *,
        what: str = "feature",
        run: Run = one_by_one,
        done: Done = unseen,
        ranks: Ranks | None = None,
    ) -> Scaling:
        """Measure mean and standard deviation of rows (m, n0), in one pass in float64.

        A feature that is constant has a scale of 1, or of a billionth of it if that is more. The
        result is bitwise identical for any number of threads and ranks.

        Parameters
        ----------
        rows : array or `RowReader` of shape (m, n0)
            The features.
        dtype : float32 or float64
            What is computed in.
        names : sequence of str, optional
            Of the features, for messages.
        what : str, default "feature"
            What a message calls a column.
        run : callable ``(task, count) -> None``, optional
            Calls ``task(i)`` for each i in ``range(count)``, as `gdnet.backends.Backend.run`.
        done : callable, optional
            Called with a number of rows as they are measured.
        ranks : Ranks, optional
            Which share the rows; each has all of them, and reads its own.

        Raises
        ------
        DataError
            If features are so large, or so small, that their variance cannot be held; it names all.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            count, mean, squares, varies = moments(rows, dtype, run, done, ranks)
            scale = np.sqrt(squares / count)
        with np.errstate(over="ignore"):
            mean, scale = mean.astype(dtype), scale.astype(dtype)
        large = ~(np.isfinite(mean) & np.isfinite(scale))
        if large.any():
            problem = f"too large to be standardised in {np.dtype(dtype).name}"
            raise _unusable(large, names, problem, what)
        small = varies & (squares / count < MIN_VARIANCE)
        if small.any():
            raise _unusable(small, names, "of too small a spread to be standardised", what)
        rounding = np.abs(mean) * np.finfo(scale.dtype).eps / 2
        rounded = np.flatnonzero(varies & (rounding > MAX_ROUNDING * scale))
        # The rounded mean may leave a constant feature a scale of some rounding errors.
        tiny = np.abs(mean) * np.finfo(scale.dtype).eps
        # Folded, a constant of 1e30 that is scaled by 1 would cancel all digits of the others.
        scale[scale <= tiny] = np.maximum(1, np.abs(mean[scale <= tiny]) * 1e-9)
        return cls(mean, scale, tuple(rounded.tolist()))

    def applied(self, rows: HostArray, *, may_write: bool = False) -> HostArray:
        """Return standardised rows in the dtype of mean and scale; new unless `may_write`."""
        standardised = rows.astype(self.mean.dtype, copy=not may_write)
        self._standardise(standardised)
        return standardised

    def apply_in_place(
        self, rows: HostArray, *, run: Run = one_by_one, done: Done = unseen
    ) -> None:
        """Standardise rows of the dtype of mean and scale where they are; see `of`."""
        height = part_height(rows)

        def task(i: int) -> None:
            part = rows[i * height : (i + 1) * height]
            for piece in pieces(part):
                self._standardise(piece)
            done(len(part))

        run(task, -(-len(rows) // height))

    def _standardise(self, rows: HostArray) -> None:
        n0 = rows.shape[1]
        # NumPy is slow on short rows: as many as make a long one are taken together.
        together = max(1, NUMBERS_IN_A_ROW // n0) if rows.flags.c_contiguous else 1
        whole = len(rows) // together * together
        for some, times in ((rows[:whole].reshape(-1, together * n0), together), (rows[whole:], 1)):
            some -= np.tile(self.mean, times)
            some /= np.tile(self.scale, times)

    def folded(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        """Return parameters in float64 that give for x what `parameters` give for z."""
        W1, b1, W2, b2 = (np.asarray(p, np.float64) for p in parameters)
        W1 = W1 / self.scale.astype(np.float64)
        return Parameters(W1, b1 - self._at_mean(W1), W2, b2)

    def unfolded(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        """Return parameters in float64 that give for z what `parameters` give for x."""
        W1, b1, W2, b2 = (np.asarray(p, np.float64) for p in parameters)
        b1 = b1 + self._at_mean(W1)
        return Parameters(W1 * self.scale.astype(np.float64), b1, W2, b2)

    def folded_output(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        """Return parameters in float64 that give y where `parameters` give (y - mean) / scale.

        Of an identity output: mean and scale are of the targets, (n2,).
        """
        W1, b1, W2, b2 = (np.asarray(p, np.float64) for p in parameters)
        mean, scale = (np.asarray(a, np.float64).reshape(-1, 1) for a in self[:2])
        return Parameters(W1, b1, W2 * scale, b2 * scale + mean)

    def unfolded_output(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        """Return parameters in float64 that give (y - mean) / scale where `parameters` give y."""
        W1, b1, W2, b2 = (np.asarray(p, np.float64) for p in parameters)
        mean, scale = (np.asarray(a, np.float64).reshape(-1, 1) for a in self[:2])
        return Parameters(W1, b1, W2 / scale, (b2 - mean) / scale)

    def _at_mean(self, W1: HostArray) -> HostArray:
        """Return W1 times the mean, (n1, 1); the bits of a matrix product are the processor's."""
        product: HostArray = W1 * self.mean.astype(np.float64)
        return np.add.reduce(product, axis=1, keepdims=True)


def _unusable(
    which: npt.NDArray[np.bool_], names: Sequence[str] | None, problem: str, what: str
) -> DataError:
    """Return the error that names all features that have a problem."""
    features = np.flatnonzero(which).tolist()
    listed = ", ".join(repr(names[j]) if names else str(j) for j in features[:MAX_NAMED])
    more = f" and {len(features) - MAX_NAMED} more" if len(features) > MAX_NAMED else ""
    noun, verb, them = what, "is", "it"
    if len(features) > 1:
        noun, verb, them = f"{what}s", "are", "them"
    where = "" if names else " (counted from 0)"
    if what != "feature":  # which cannot be left out
        return DataError(f"{noun} {listed}{more}{where} {verb} {problem}; rescale {them}")
    option = f": {ignoring(names[j] for j in features)}" if names else ""
    return DataError(
        f"{noun} {listed}{more}{where} {verb} {problem}; rescale {them}, or leave {them} "
        f"out{option}"
    )
