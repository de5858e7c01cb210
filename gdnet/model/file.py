"""A trained network as one file: safetensors, with everything else as JSON in its metadata.

The arrays are W1, b1, W2, b2. Nothing in the file is executed when it is loaded, and any
safetensors reader can open it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gdnet._typing import HostArray
from gdnet.activations import ACTIVATIONS
from gdnet.atomic import replacing
from gdnet.data.encoding.from_json import encoding_from_json
from gdnet.errors import DataError, ModelFileError
from gdnet.model.damage import problem_of
from gdnet.model.model import Model
from gdnet.parameters import Parameters

FORMAT_VERSION = 1
_METADATA_KEY = "gdnet"


def save_model(model: Model, path: str | Path) -> None:
    """Write a model file; an existing one is replaced in one step.

    Parameters
    ----------
    model : Model
        What to write.
    path : str or Path
        The file, with any extension.

    Raises
    ------
    DataError
        If the file cannot be written there, or the activation is not one of gdnet's own, which
        alone can be named in a file.
    """
    if model.activation not in ACTIVATIONS:
        raise DataError(
            f"expected one of the activations {', '.join(ACTIVATIONS)} to save a model, got "
            f"{model.activation!r}: a file cannot hold a function; save the parameters yourself"
        )
    # safetensors writes the memory of an array in F order as if it were in C order.
    arrays = {
        name: np.ascontiguousarray(array)
        for name, array in zip(Parameters._fields, model.parameters, strict=True)
    }
    header = {
        "format_version": FORMAT_VERSION,
        "shape": model.shape,
        **{
            f.name: getattr(model, f.name)
            for f in dataclasses.fields(model)
            if f.name not in ("parameters", "encoding")
        },
    }
    if model.encoding is not None:
        header["encoding"] = model.encoding.to_json()
    content = safetensors.numpy.save(arrays, {_METADATA_KEY: json.dumps(header)})
    with replacing(path) as file:
        file.write(content)


def load_model(path: str | Path) -> Model:
    """Read a model file and check all of it.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Model
        Its parameters are NumPy arrays of the dtype that was saved.

    Raises
    ------
    ModelFileError
        If there is no such file, or it cannot be read, is damaged, not a gdnet model, or of another
        version.
    """
    arrays, text = _read(Path(path))
    if text is None:
        raise ModelFileError(
            f"{path}: expected a model that gdnet has saved, got another safetensors file; "
            "a checkpoint becomes a model by gdnet train with --checkpoint and --resume"
        )
    header = _header(path, text)
    expected = set(Parameters._fields)
    if set(arrays) != expected:
        raise ModelFileError(
            f"{path}: expected the arrays {sorted(expected)}, got {sorted(arrays)}"
        )
    parameters = Parameters(**arrays)
    problem = problem_of(header, parameters)
    encoding = None
    if problem is None and header.get("encoding") is not None:
        try:
            encoding = encoding_from_json(header["encoding"])
        except ValueError as error:
            problem = str(error)
        else:
            if list(encoding.feature_names) != header["feature_names"]:
                problem = "its features are not those that its encoding makes of columns"
    if problem:
        raise ModelFileError(f"{path}: the model file is damaged: {problem}")
    return Model(
        parameters,
        activation=header["activation"],
        output=header["output"],
        kind=header["kind"],
        classes=_as_tuple(header["classes"]),
        feature_names=_as_tuple(header["feature_names"]),
        target_name=header["target_name"],
        spellings=_as_tuple(header.get("spellings")),
        mean=_as_tuple(header.get("mean")),
        settings=header["settings"],
        training=header["training"],
        versions=header["versions"],
        encoding=encoding,
    )


def _read(path: Path) -> tuple[dict[str, HostArray], str | None]:
    try:
        if not path.is_file():
            what = "does not exist"
            if path.exists():
                what = "is a folder" if path.is_dir() else "is not a regular file"
            raise ModelFileError(f"{path}: expected a model file, but it {what}")
        # safetensors calls any file that it cannot open missing.
        path.open("rb").close()
        with safetensors.safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            if _METADATA_KEY not in metadata:
                return {}, None
            names = list(file.keys())[: len(Parameters._fields) + 1]
            return {name: file.get_tensor(name) for name in names}, metadata[_METADATA_KEY]
    except ModelFileError:
        raise
    except (SafetensorError, ValueError, TypeError) as error:
        raise ModelFileError(
            f"{path}: expected a gdnet model file, got something else or a damaged one ({error})"
        ) from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from None


def _header(path: str | Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("format_version"), int):
        raise ModelFileError(f"{path}: the model file is damaged: its description is not readable")
    version = header["format_version"]
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path}: expected model format version {FORMAT_VERSION}, got {version}; "
            f"{'update gdnet' if version > FORMAT_VERSION else 'train the model again'}"
        )
    return header


def _as_tuple(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)
