"""How much each column of a table matters to a model: what shuffling it costs.

L. Breiman, Random forests, Machine Learning 45 (2001), section 10; computed by scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Floats
from gdnet.errors import DataError


class Importance(NamedTuple):
    """What shuffling each column costs.

    Attributes
    ----------
    names : tuple of str
        The columns.
    mean, deviation : arrays of shape (n,)
        Of the fall of the score, over the repeats.
    score : float
        Of the model on the rows as they are: accuracy, or R^2 where numbers are predicted.
    rows, repeats, seed : int
        How many rows were shuffled, how often, and from which random numbers.
    """

    names: tuple[str, ...]
    mean: Floats
    deviation: Floats
    score: float
    rows: int
    repeats: int
    seed: int


class _Shuffled:
    """A fitted estimator whose rows are named by their places, column by column.

    So scikit-learn shuffles an array of places, whatever holds the columns.
    """

    def __init__(self, estimator: Any, X: Any) -> None:
        self._estimator, self._X = estimator, X

    def fit(self, places: Any, y: Any) -> _Shuffled:
        """Return self: it is fitted, but asked for this method."""
        del places, y
        return self

    def score(self, places: npt.NDArray[np.intp], y: Any) -> float:
        """Return the score of the rows that take each column from these places (m, n)."""
        if isinstance(self._X, np.ndarray):
            rows: Any = np.take_along_axis(self._X, places, axis=0)
        else:
            rows = self._X.from_arrays(
                [column.take(places[:, j]) for j, column in enumerate(self._X.columns)],
                self._X.column_names,
            )
        with warnings.catch_warnings():
            # The columns of an array are those of the fit, in their order.
            warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
            return float(self._estimator.score(rows, y))


def column_importance(
    estimator: Any, X: Any, y: Any, names: Sequence[str], *, repeats: int = 10, seed: int = 0
) -> Importance:
    """Return what shuffling each column costs a fitted estimator.

    Parameters
    ----------
    estimator : GDClassifier, GDRegressor or Pipeline
        Of scikit-learn's interface: ``estimator.score(X, y)`` is asked.
    X : array or pyarrow.Table of shape (m, n)
        The columns that it takes.
    y : array of shape (m,) or (m, k)
        Labels, or numbers.
    names : sequence of str
        Of the columns.
    repeats : int, default 10
        How often each is shuffled.
    seed : int, default 0
        Of the random numbers.

    Returns
    -------
    Importance
        Of each column, in the order of `names`.

    Raises
    ------
    DataError
        If scikit-learn is not installed.

    References
    ----------
    Breiman (2001), Random forests, Machine Learning 45, section 10; computed by
    `sklearn.inspection.permutation_importance`.
    """
    try:
        from sklearn.inspection import permutation_importance
    except ImportError:
        raise DataError(
            "importance needs scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    shuffled = _Shuffled(estimator, X)
    places = np.repeat(np.arange(len(y))[:, None], len(names), axis=1)
    found = permutation_importance(
        shuffled,
        places,
        y,
        scoring=lambda model, rows, labels: model.score(rows, labels),
        n_repeats=repeats,
        random_state=seed,
    )
    return Importance(
        tuple(names),
        found.importances_mean,
        found.importances_std,
        shuffled.score(places, y),
        len(y),
        repeats,
        seed,
    )


def sampled(
    blocks: Iterable[tuple[Any, npt.NDArray[Any]]], rows: int, seed: int
) -> tuple[Any, npt.NDArray[Any]]:
    """Return at most so many rows, drawn at random, in their order; memory is a few times those.

    Parameters
    ----------
    blocks : iterable of (array or pyarrow.Table of shape (b, n), array of shape (b,) or (b, k))
        The columns and the labels, some rows at a time.
    rows : int
        How many are drawn.
    seed : int
        Of the random numbers: the same rows are drawn whatever the blocks.

    Returns
    -------
    X : array or pyarrow.Table of shape (k, n)
        The columns of the rows drawn, k being at most `rows`.
    y : array of shape (k,) or (k, q)
        Their labels.
    """
    random = np.random.RandomState(seed)
    kept: list[tuple[Any, ...]] = []
    for X, y in blocks:
        kept.append((X, y, random.random_sample(len(y))))
        if sum(len(part[1]) for part in kept) > 2 * rows:
            kept = [_lowest(kept, rows)]
    X, y, _ = _lowest(kept, rows)
    return X, y


def _lowest(parts: list[tuple[Any, ...]], rows: int) -> tuple[Any, ...]:
    """Return the rows with the lowest random numbers, in their order."""
    X, y, drawn = (_joined(pieces) for pieces in zip(*parts, strict=True))
    places = np.sort(np.argsort(drawn, kind="stable")[:rows])
    return (X[places] if isinstance(X, np.ndarray) else X.take(places)), y[places], drawn[places]


def _joined(pieces: Sequence[Any]) -> Any:
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    import pyarrow as pa

    return pa.concat_tables(pieces)
