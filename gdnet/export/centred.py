"""The parameters that a file for other programs has: for features less their mean.

In float32 ``W1 x + b1`` of raw features loses what their mean is larger than their deviation. The
same Z1 is ``W1 (x - mean) + (b1 + W1 mean)``, of which float32 loses nothing.

Where numbers are predicted, b2 may be large compared with what the hidden units add to it: it is
added last, once, and the digits of it that float32 does not hold are added before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.errors import DataError
from gdnet.model.model import Model
from gdnet.parameters import Parameters

Numbers = npt.NDArray[np.floating[Any]]

# Rounding of a feature that moves Z1 by more is worth a word.
_MAX_SHIFT = 1e-3
# A message names so many features.
_MAX_NAMED = 20
_REMEDY = "subtract a constant, then train"
# Steps of predictions that are more of what varies in them are, too.
_MAX_STEP = 1e-2
# Powers of two within which a scale and its inverse are normal numbers of float32.
_MAX_EXPONENT = 120


class Centred(NamedTuple):
    """A network whose first layer takes ``(x - mean) * inverse_scale``.

    Attributes
    ----------
    mean : array of shape (n0,) or None
        What is subtracted first; None where that would change nothing.
    inverse_scale : array of shape (n0,) or None
        Powers of two, by which a product is exact; None where they are all the same.
    parameters : Parameters
        The rest, in the lecture's shapes.
    b2_rest : array of shape (n2, 1)
        What b2 has lost to its dtype. Of numbers to be predicted
        ``Z2 = (W2 A1 + b2_rest) + b2`` in this order keeps what the dtype can hold.
    """

    mean: Numbers | None
    inverse_scale: Numbers | None
    parameters: Parameters[Numbers]
    b2_rest: Numbers


def centred(model: Model, dtype: npt.DTypeLike, *, even: bool = False) -> Centred:
    """Return a model in the form that keeps its digits in float32.

    Parameters
    ----------
    model : Model
        Takes raw features.
    dtype : float32 or float64
        Of the arrays that are returned.
    even : bool, default False
        Whether features are divided by powers of two, so that the largest weight of each is between
        0.5 and 1: integers of 8 bits have one scale for all features.

    Raises
    ------
    DataError
        If the dtype is another, or cannot hold the numbers.
    """
    dtype = np.dtype(dtype)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DataError(f"expected dtype float32 or float64, got {dtype}")
    W1, b1, W2, b2 = model.parameters
    mean = inverse_scale = None
    if model.mean is not None:
        W1, b1 = W1.astype(np.float64), b1.astype(np.float64)
        mean = _held(np.array(model.mean), dtype)
        b1 = b1 + np.add.reduce(W1 * mean.astype(np.float64), axis=1, keepdims=True)
        _, exponents = np.frexp(np.abs(W1).max(axis=0))
        if even and (exponents != exponents[0]).any():
            exponents = np.clip(exponents, -_MAX_EXPONENT, _MAX_EXPONENT)
            inverse_scale = np.ldexp(1.0, exponents).astype(dtype)
            W1 = np.ldexp(W1, -exponents)
        if not mean.any():
            mean = None
    parameters = Parameters(*(_held(p, dtype) for p in (W1, b1, W2, b2)))
    b2_rest = (b2.astype(np.float64) - parameters.b2.astype(np.float64)).astype(dtype)
    return Centred(mean, inverse_scale, parameters, b2_rest)


def default_dtype(model: Model) -> str:
    """Return what exported files compute in by default.

    It is float32, but for a model in float64 without the mean that float32 needs.
    """
    return str(model.parameters.W1.dtype) if model.mean is None else "float32"


def rounding_notes(model: Model) -> list[str]:
    """Return in words which features and targets have few digits in float32.

    It is what rounding near the mean makes of a hidden unit's Z1 that counts; and of predictions a
    step of float32 compared with what varies in them, W2 times activations of about 1.
    """
    notes = []
    if model.mean is not None and model.trained_in != "float32":
        rounding = np.abs(model.mean) * np.finfo(np.float32).eps / 2
        shift = np.abs(model.parameters.W1).max(axis=0) * rounding
        found = np.flatnonzero(shift > _MAX_SHIFT).tolist()
        if found:
            which = _listed(found, model.feature_names, "features")
            notes.append(f"rows in float32 have few digits of {which}; {_REMEDY}")
    if model.kind == "regression":
        _, _, W2, b2 = model.parameters
        steps = np.spacing(np.abs(b2[:, 0]).astype(np.float32)).astype(np.float64)
        varies = np.sqrt(np.square(W2, dtype=np.float64).sum(axis=1))
        found = np.flatnonzero(steps > _MAX_STEP * varies).tolist()
        if found:
            names = (model.target_name or "the target",) if len(steps) == 1 else None
            which = _listed(found, names, "targets")
            step = f"steps of {steps[found].max():.1g}"
            notes.append(f"predictions in float32 have few digits of {which}: {step}; {_REMEDY}")
    return notes


def _listed(found: list[int], names: Sequence[str] | None, what: str) -> str:
    shown = ", ".join(repr(names[j]) if names else str(j) for j in found[:_MAX_NAMED])
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return f"{'' if names else f'{what} (counted from 0) '}{shown}{more}"


def _held(array: Numbers, dtype: np.dtype[Any]) -> Numbers:
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    if not np.isfinite(converted).all():
        raise DataError(f"expected parameters that {dtype} can hold, got larger ones")
    return converted
