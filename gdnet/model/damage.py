"""What is wrong with the description of a model in a file that may be damaged."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.activations import ACTIVATIONS, OUTPUTS
from gdnet.data.labels.targets import output_of
from gdnet.errors import DataError
from gdnet.model.model import KINDS, Model
from gdnet.parameters import Parameters, check_shapes

_NOT_IN_0_1_0 = ("spellings", "mean", "encoding")


def problem_of(header: dict[str, Any], parameters: Parameters[HostArray]) -> str | None:
    """Return what is wrong with a model, or None."""
    dtypes = {str(array.dtype) for array in parameters}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"}:
        return f"expected arrays of float32 or of float64, got {sorted(dtypes)}"
    fields = {f.name for f in dataclasses.fields(Model)} - {"parameters", *_NOT_IN_0_1_0}
    missing = sorted(name for name in fields if name not in header)
    if missing:
        return f"its description lacks {', '.join(missing)}"
    shape = header.get("shape")
    if not (
        isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and n > 0 for n in shape)
    ):
        return f"expected a shape of three numbers, got {shape!r}"
    n0, n1, n2 = shape
    try:
        check_shapes(parameters, n0, n2)
    except DataError as error:
        return str(error)
    if parameters.W1.shape[0] != n1:
        return f"expected {n1} hidden units, got {parameters.W1.shape[0]}"
    if not all(np.isfinite(array).all() for array in parameters):
        return "a parameter is NaN or infinite"
    for name, allowed in (("activation", ACTIVATIONS), ("output", OUTPUTS), ("kind", KINDS)):
        if not isinstance(header.get(name), str) or header[name] not in allowed:
            return f"unknown {name} {header.get(name)!r}"
    for name in ("settings", "training", "versions"):
        if not isinstance(header.get(name), dict):
            return f"its {name} entry is not readable"
    if not isinstance(header.get("target_name"), str | None):
        return f"expected a name or none as target name, got {header['target_name']!r}"
    mean = header.get("mean")
    if mean is not None and not (
        isinstance(mean, list)
        and len(mean) == n0
        and all(type(number) is float and math.isfinite(number) for number in mean)
    ):
        return f"expected the means of {n0} features, each a finite number, or none"
    return _names_problem(header, n0, n2)


def _names_problem(header: dict[str, Any], n0: int, n2: int) -> str | None:
    names, kind = header.get("feature_names"), header["kind"]
    if names is not None and not (
        isinstance(names, list) and len(names) == n0 and all(isinstance(n, str) for n in names)
    ):
        return f"expected {n0} feature names or none"
    problem = _classes_problem(header, n2)
    if problem is None and header["output"] != output_of(kind):
        return f"output {header['output']} does not belong to a {kind} model"
    return problem


def _classes_problem(header: dict[str, Any], n2: int) -> str | None:
    classes, spellings, kind = (header.get(key) for key in ("classes", "spellings", "kind"))
    if kind in ("multilabel", "regression"):
        name = "multi-label" if kind == "multilabel" else kind
        found = (classes, spellings) == (None, None)
        return None if found else f"expected no classes for a {name} model"
    count = 2 if kind == "binary" else n2
    labels = (str, int, float, bool)
    if not (
        isinstance(classes, list)
        and len(classes) == count
        and all(isinstance(label, labels) for label in classes)
        and len(set(classes)) == count
    ):
        return f"expected {count} different classes"
    if spellings is not None and not (
        isinstance(spellings, list)
        and len(spellings) == 2
        and all(isinstance(spelling, str) for spelling in spellings)
        and all(isinstance(label, bool) for label in classes)
    ):
        return "expected two spellings of boolean classes, or none"
    if kind == "binary" and n2 != 1:
        return f"expected 1 output for two classes, got {n2}"
    return None
