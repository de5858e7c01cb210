"""A trained network as one file: safetensors, with everything else as JSON in its metadata.

The arrays are W1, b1, W2, b2. Nothing in the file is executed when it is loaded, and any
safetensors reader can open it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gdnet.activations import ACTIVATIONS, OUTPUTS
from gdnet.atomic import replacing
from gdnet.data.encoding.encoding import Encoding
from gdnet.data.encoding.from_json import encoding_from_json
from gdnet.data.labels.targets import output_of
from gdnet.errors import DataError, ModelFileError
from gdnet.parameters import Parameters, check_shapes

FORMAT_VERSION = 1
KINDS = ("binary", "multiclass", "multilabel", "regression")
_METADATA_KEY = "gdnet"
_NOT_IN_0_1_0 = ("spellings", "mean", "encoding")


@dataclass(frozen=True)
class Model:
    """A trained network that takes raw features, and how it came to be.

    Attributes
    ----------
    parameters : Parameters
        NumPy arrays W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1), of one dtype. Where the
        features were standardised, mean and scale are folded into W1 and b1, in float64.
    activation, output : str
        Names of g1 and g2.
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs mean.
    classes : tuple or None
        The labels in the order of their codes; None for multi-label and regression.
    feature_names : tuple of str or None
        The columns that the model takes, in order; None if they have no names.
    target_name : str or None
        What it predicts.
    spellings : tuple of str or None
        How false and true are spelled, where the classes are booleans that were text.
    mean : tuple of float or None
        The mean of each feature, where they were standardised: near it a graph in float32 keeps
        its digits, see `gdnet.export.centred`. `parameters` take raw features all the same.
    settings : dict
        What it was trained with.
    training : dict
        How the training went: iterations, cost, ... No time and no number of threads: the same
        training gives the same file.
    versions : dict
        Of gdnet and of the libraries it computed with.
    encoding : Encoding or None
        How its features are made of the columns of a table, where they are not just these.
    """

    parameters: Parameters
    activation: str
    output: str
    kind: str
    classes: tuple[Any, ...] | None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    spellings: tuple[str, str] | None = None
    mean: tuple[float, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    encoding: Encoding | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (n0, n1, n2)."""
        n1, n0 = self.parameters.W1.shape
        return n0, n1, self.parameters.W2.shape[0]

    def check_classifies(self, what: str) -> None:
        """Check that the model predicts classes or labels.

        Parameters
        ----------
        what : str
            What needs such a model; the message begins with it.

        Raises
        ------
        DataError
            For a model that predicts numbers.
        """
        if self.kind == "regression":
            raise DataError(
                f"{what}: expected a model of classes or labels, got one that predicts numbers"
            )

    def check_predicts_numbers(self, what: str) -> None:
        """Check that the model predicts numbers.

        Parameters
        ----------
        what : str
            What needs such a model; the message begins with it.

        Raises
        ------
        DataError
            For a model that predicts classes or labels.
        """
        if self.kind != "regression":
            raise DataError(
                f"{what}: expected a model that predicts numbers, got a {self.kind} model"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the classes as they were spelled in the data; none where `classes` is None."""
        if self.spellings is not None and self.classes is not None:
            return tuple(self.spellings[bool(label)] for label in self.classes)
        return tuple(str(label) for label in self.classes or ())

    @property
    def trained_in(self) -> str:
        """Return the dtype that it was trained in, which is what it has seen of the numbers.

        A standardised model is saved in float64, but rows that were rounded to float32 in training
        are not other rows for it afterwards.
        """
        dtype = self.settings.get("dtype")
        if dtype in ("float32", "float64"):
            return str(dtype)
        return str(self.parameters.W1.dtype)


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
    problem = _problem(header, parameters)
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


def _read(path: Path) -> tuple[dict[str, np.ndarray[Any, Any]], str | None]:
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


def _problem(header: dict[str, Any], parameters: Parameters) -> str | None:
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


def _as_tuple(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)
