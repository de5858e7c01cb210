"""A trained network as JSON, for programs that read nothing else.

docs/onnx.md has the schema.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.atomic import check_writable, replacing
from gdnet.export.centred import centred
from gdnet.model.model import Model

FORMAT, FORMAT_VERSION = "gdnet", 1


def to_json(model: Model, dtype: npt.DTypeLike | None = None) -> str:
    """Return a model as JSON text: ``Z1 = W1 (x - mean) + b1``, and so on as in the lecture.

    Parameters
    ----------
    model : Model
        A trained network with an activation of any name.
    dtype : float32 or float64, optional
        To which the numbers are rounded; None is the type of the model's parameters. b2 keeps its
        digits where numbers are predicted.

    Returns
    -------
    str
        One object, with a line for each key and for each row of W1 and W2.

    Raises
    ------
    DataError
        If the dtype is another, or cannot hold the numbers.
    """
    network = centred(model, dtype or model.parameters.W1.dtype)
    mean = np.zeros(model.shape[0]) if network.mean is None else network.mean
    W1, b1, W2, b2 = map(_numbers, network.parameters)
    if model.kind == "regression":
        # Of a mean of 1e6 float32 would keep one digit behind the point.
        either = model.parameters.b2, network.parameters.b2
        b2 = _numbers(max(either, key=lambda array: array.itemsize))
    entries: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": model.kind,
        "activation": model.activation,
        "output": model.output,
        "classes": model.classes,
        "feature_names": model.feature_names,
        "target_name": model.target_name,
        "mean": _numbers(mean),
        "W1": W1,
        "b1": [row[0] for row in b1],
        "W2": W2,
        "b2": [row[0] for row in b2],
    }
    if model.encoding is not None:
        entries["features"] = model.encoding.describe()
    lines = (f"{json.dumps(name)}: {_lines(value)}" for name, value in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def save_json(model: Model, path: str | Path, dtype: npt.DTypeLike | None = None) -> None:
    """Write a model as JSON; an existing file is replaced in one step.

    Parameters
    ----------
    model : Model
        A trained network with an activation of any name.
    path : str or Path
        What to write.
    dtype : float32 or float64, optional
        To which the numbers are rounded; None is the type of the model's parameters.

    Raises
    ------
    DataError
        As `to_json`, and if the file cannot be written there.
    """
    check_writable(path)
    content = to_json(model, dtype).encode()
    with replacing(path) as file:
        file.write(content)


def _numbers(array: npt.NDArray[Any]) -> list[Any]:
    """Return lists of the shortest numbers that are the array's in its dtype."""
    numbers: list[Any] = array.astype(str).astype(np.float64).tolist()
    return numbers


def _lines(value: object) -> str:
    if isinstance(value, list) and isinstance(value[0], list | dict):
        return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)
