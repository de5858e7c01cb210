"""What the parameters of `GDClassifier` and `GDRegressor` may be."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from gdnet.activations import ACTIVATIONS, Activation
from gdnet.backends import ENGINES
from gdnet.training.options import OPTIONS, SOLVERS, Limits

DTYPES = {"float32", "float64"}


def _interval(limits: Limits) -> Interval:
    """Return the limits of a number as scikit-learn has them; too large ones are NumPy's error."""
    closed = "neither" if limits.above else "left"
    return Interval(Integral if limits.whole else Real, limits.low, limits.below, closed=closed)


#: Read by scikit-learn's `validate_params`: what each parameter that both have may be.
PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    **{
        option.estimator: [_interval(option.limits)]
        for option in OPTIONS.values()
        if option.estimator is not None and option.limits is not None
    },
    "activation": [StrOptions(set(ACTIVATIONS)), Activation],
    "n_iter_no_change": [StrOptions({"auto"}), _interval(OPTIONS["patience"].limits or Limits())],
    "solver": [StrOptions(set(SOLVERS))],
    "nesterov": ["boolean"],
    "init_scale": [StrOptions({"auto"}), _interval(Limits(0))],
    "random_state": ["random_state"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "device": [str],
    "dtype": [
        StrOptions({"auto", *DTYPES}),
        Options(type, {np.float32, np.float64}),
        Options(np.dtype, {np.dtype(name) for name in DTYPES}),
    ],
    "block_size": [StrOptions({"auto"}), _interval(Limits(1, whole=True))],
    "n_jobs": [Integral, None],
    "matmul_precision": [StrOptions({"highest", "tf32"})],
    "engine": [StrOptions({"auto", *(name for names in ENGINES.values() for name in names)})],
    "verbose": ["verbose"],
}


CLASSIFIER_CONSTRAINTS = PARAMETER_CONSTRAINTS | {
    "class_weight": [StrOptions({"balanced"}), dict, None],
}


def dtypes_of(dtype: Any) -> Sequence[type]:
    """Return what rows may be computed in: the first is what other types are converted to."""
    if isinstance(dtype, str) and dtype == "auto":
        return (np.float64, np.float32)
    return (np.dtype(dtype).type,)
