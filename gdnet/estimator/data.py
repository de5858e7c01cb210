"""What a `GDClassifier` is given: checked, and cut into training and validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _check_sample_weight, validate_data

from gdnet._typing import Array
from gdnet.backends import Backend
from gdnet.class_weight import example_weights
from gdnet.data.device_arrays import on_device, on_host, origin_of
from gdnet.data.source import RowSource
from gdnet.data.split import rows_aside
from gdnet.data.targets import Encoded, label_rows
from gdnet.errors import DataError

Codes = np.ndarray[Any, Any]
Weights = npt.NDArray[np.float64]


class Examples(NamedTuple):
    """Examples in rows.

    Attributes
    ----------
    rows : array of shape (m, n0)
        Features; a NumPy array, or one of the backend.
    codes : array of shape (m,) or (m, k)
        Encoded labels.
    weights : array of shape (m,) or None
        Sample weights.
    """

    rows: Array
    codes: Codes
    weights: Weights | None


def checked_rows(
    estimator: Any, X: Any, backend: Backend, dtypes: Sequence[type], *, reset: bool
) -> Array:
    """Return X as C-ordered finite rows (m, n0), on its device if it is on one.

    Parameters
    ----------
    estimator : GDClassifier
        Learns the number and the names of the features, or compares them.
    X : array-like of shape (m, n0)
        What a user calls X.
    backend : Backend
        Of the device of X, if it is on one.
    dtypes : sequence of float32, float64
        What the result may be; X is converted to the first if it is none of them.
    reset : bool
        Whether the estimator learns.

    Raises
    ------
    DataError, ValueError, TypeError
        As scikit-learn's `validate_data`.
    """
    if hasattr(type(X), "toarray"):
        raise TypeError(
            f"X: expected dense data, got a sparse {type(X).__name__}; X.toarray() is dense, "
            "a ColumnTransformer gives dense data with sparse_threshold=0 and a OneHotEncoder with "
            "sparse_output=False"
        )
    where = origin_of(X).device
    if where is None:
        X = on_host("X", X)
        ready = _is_ready(X, dtypes)
        return validate_data(
            estimator, X, dtype=list(dtypes), order="C", reset=reset, skip_check_array=ready
        )
    if where != backend.name:
        raise DataError(f"X is on {where}, and expected on {backend.name}: move it there")
    with backend.activate():
        rows = on_device("X", X, backend)
        if rows.ndim != 2 or rows.dtype.kind not in "fiub" or 0 in rows.shape:
            raise DataError(
                "X: expected an array of real numbers of shape (n_samples, n_features) with "
                f"at least one of each, got {rows.dtype} of shape {rows.shape}; one feature is "
                "X.reshape(-1, 1), one sample X.reshape(1, -1)"
            )
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        dtype = rows.dtype if rows.dtype in dtypes else dtypes[0]
        rows = backend.xp.ascontiguousarray(rows, dtype)
        # A sum makes no array as large as X; only when it is not finite the numbers are looked at.
        if not math.isfinite(float(backend.xp.sum(rows, dtype=np.float64))):
            wrong = ~backend.xp.isfinite(rows)
            if bool(backend.xp.any(wrong)):
                raise DataError(
                    f"X contains NaN, infinity or a value too large for {np.dtype(dtype)}; "
                    "remove or fill in such samples"
                )
    return rows


def _is_ready(X: Any, dtypes: Sequence[type]) -> bool:
    """Return whether X is what scikit-learn's `check_array` would make of it.

    `check_array` takes half the time of a prediction for a few rows to find that out.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or 0 in X.shape:
        return False
    if X.dtype not in dtypes or not X.flags.c_contiguous:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum())


def checked_weights(sample_weight: Any, rows: Array) -> Weights | None:
    """Return sample weights as float64 (m,), or None where all count the same.

    Raises
    ------
    DataError, ValueError
        Unless there is one finite weight of at least 0 for each row.
    """
    if sample_weight is None:
        return None
    weights: Weights = _check_sample_weight(
        on_host("sample_weight", sample_weight),
        np.empty((len(rows), 0)),  # only its length is asked for
        dtype=np.float64,
        ensure_non_negative=True,
    )
    return weights


def set_aside(
    examples: Examples, encoded: Encoded, fraction: float, seed: int, backend: Backend
) -> tuple[Examples, Examples]:
    """Return the examples to train on and a random fraction to validate on, of each class alike.

    Both are copies. An example of weight 0 is in neither, as if it were not there. At least one
    example of each class is trained on.

    Raises
    ------
    DataError
        If the fraction leaves no example for one of the parts.
    """
    rows, codes, weights = examples
    usable = np.arange(len(codes)) if weights is None else np.flatnonzero(weights)
    strata = codes[usable] if encoded.classes is not None else None
    try:
        aside = rows_aside(len(usable), fraction, seed, strata)
    except DataError as error:
        raise DataError(f"validation_fraction: {error}, or an eval_set") from None

    def part(chosen: npt.NDArray[np.intp]) -> Examples:
        if isinstance(rows, np.ndarray):
            some: Array = rows[chosen]
        else:
            with backend.activate():
                some = backend.xp.take(rows, backend.asarray(chosen), axis=0)
        return Examples(some, codes[chosen], None if weights is None else weights[chosen])

    return part(usable[~aside]), part(usable[aside])


def source_of(examples: Examples, encoded: Encoded, of_classes: Weights | None) -> RowSource:
    """Return examples as the source of a `FullBatch`; weights of both kinds are multiplied.

    Raises
    ------
    DataError
        If all weights are 0.
    """
    rows, codes, weights = examples
    if of_classes is not None and (weights is not None or codes.ndim == 2):
        factor = example_weights(of_classes, codes)
        weights, of_classes = factor if weights is None else weights * factor, None
    return RowSource(
        rows,
        label_rows(codes),
        None if weights is None else weights.reshape(1, -1),
        class_weights=of_classes,
        n_classes=encoded.n_exclusive,
        on_device=not isinstance(rows, np.ndarray),
    )
