"""The rows and weights that an estimator is given: checked, and as arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, validate_data

from gdnet._typing import Array, Floats
from gdnet.backends import Backend
from gdnet.data.device_arrays import on_device, on_host, origin_of
from gdnet.errors import DataError


def checked_rows(
    estimator: Any, X: Any, backend: Backend, dtypes: Sequence[type], *, reset: bool
) -> Array:
    """Return X as C-ordered finite rows (m, n0), on its device if it is on one.

    Parameters
    ----------
    estimator : GDClassifier or GDRegressor
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
        rows: Array = validate_data(
            estimator, X, dtype=list(dtypes), order="C", reset=reset, skip_check_array=ready
        )
        return rows
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
            wrong = backend.xp.invert(backend.xp.isfinite(rows))
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


def checked_weights(sample_weight: Any, rows: Array) -> Floats | None:
    """Return sample weights as float64 (m,), or None where all count the same.

    Raises
    ------
    DataError, ValueError
        Unless there is one finite weight of at least 0 for each row.
    """
    if sample_weight is None:
        return None
    weights: Floats = _check_sample_weight(
        on_host("sample_weight", sample_weight),
        np.empty((len(rows), 0)),  # only its length is asked for
        dtype=np.float64,
        ensure_non_negative=True,
    )
    return weights
