"""What the parameters of `GDClassifier` may be."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from gdnet.activations import ACTIVATIONS, Activation

DTYPES = {"float32", "float64"}

#: Read by scikit-learn's `validate_params`: what each parameter of `GDClassifier` may be.
PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_hidden": [Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, 1, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "l2": [Interval(Real, 0, None, closed="left")],
    "init_scale": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    "random_state": ["random_state"],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "device": [str],
    "dtype": [
        StrOptions({"auto", *DTYPES}),
        Options(type, {np.float32, np.float64}),
        Options(np.dtype, {np.dtype(name) for name in DTYPES}),
    ],
    "block_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "n_jobs": [Integral, None],
    "matmul_precision": [StrOptions({"highest", "tf32"})],
    "fused": [StrOptions({"auto", "never", "always"})],
    "verbose": ["verbose"],
}


def dtypes_of(dtype: Any) -> Sequence[type]:
    """Return what rows may be computed in: the first is what other types are converted to."""
    if isinstance(dtype, str) and dtype == "auto":
        return (np.float64, np.float32)
    return (np.dtype(dtype).type,)
