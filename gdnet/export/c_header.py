"""A trained network as a C header: one function, and nothing but the C library.

C99 and C++11; ``-lm`` links what it calls of math.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet._version import __version__
from gdnet.atomic import check_writable, replacing
from gdnet.errors import DataError
from gdnet.export.centred import centred, default_dtype
from gdnet.model.model import Model

#: A1 of Z1, by the name of g1. $f ends the names of functions and numbers of float.
ACTIVATIONS = {
    "tanh": "tanh$f(Z)",
    "sigmoid": "1 / (1 + exp$f(-Z))",
    "relu": "Z > 0 ? Z : 0",
    "leaky_relu": "Z > 0 ? Z : 0.01$f * Z",
    "identity": "Z",
    "softplus": "(Z > 0 ? Z : 0) + log1p$f(exp$f(-fabs$f(Z)))",
    "gelu": "Z / (1 + exp$f(-1.5957691216057308$f * (Z + 0.044715$f * Z * Z * Z)))",
    "silu": "Z / (1 + exp$f(-Z))",
}
# A2 of Z2, by the kind of the model.
_OUTPUTS = {
    "binary": """\
    probabilities[0] = 1 / (1 + exp$f(Z2[0]));
    probabilities[1] = 1 / (1 + exp$f(-Z2[0]));
    return Z2[0] > 0;""",
    "multiclass": """\
    for (k = 1; k < $n2; k++)
        if (Z2[k] > Z2[label]) label = k;
    for (k = 0; k < $n2; k++) sum += probabilities[k] = exp$f(Z2[k] - Z2[label]);
    for (k = 0; k < $n2; k++) probabilities[k] /= sum;
    return label;""",
    "multilabel": """\
    for (k = 0; k < $n2; k++) probabilities[k] = 1 / (1 + exp$f(-Z2[k]));
    return 0;""",
    "regression": """\
    for (k = 0; k < $n2; k++) prediction[k] = Z2[k] + ${name}_b2[k];
    return 0;""",
}
_LOCALS = {"multiclass": "\n    int label = 0;\n    $real sum = 0;"}
# What is filled in, the name of what is returned, and both in words.
_RESULTS = {
    "binary": (
        *("probabilities", "label", "the probability of each class"),
        "the number of the class, 0 or 1",
    ),
    "multiclass": (
        *("probabilities", "label", "the probability of each class"),
        "the number of the class, from 0",
    ),
    "multilabel": (
        *("probabilities", "label", "the probability of each label"),
        "0; those above 0.5 are predicted",
    ),
    "regression": ("prediction", "status", "the prediction of each target", "0"),
}

_HEADER = Template("""\
/* $name: a network of one hidden layer, $n0-$n1-$n2, $activation; written by gdnet $version.
 *
 * Z1 = W1 (x - mean) + b1, A1 = $activation(Z1), Z2 = W2 A1 + b2, A2 = $output(Z2)
 *
 *     $real $result[${NAME}_OUTPUTS];
 *     int $returned = ${name}_predict(x, $result);
 */
#ifndef ${NAME}_H
#define ${NAME}_H

#include <math.h>

#define ${NAME}_FEATURES $n0
#define ${NAME}_OUTPUTS $columns
$texts
static const $real ${name}_mean[$n0] = $mean;
static const $real ${name}_W1[$n1][$n0] = $W1;
static const $real ${name}_b1[$n1] = $b1;
static const $real ${name}_W2[$n2][$n1] = $W2;
static const $real ${name}_b2[$n2] = $b2;
$rest
/* Takes raw features, fills in $filled, and returns $returns.
 * Where a feature is NaN or infinite it returns -1, and fills in NAN. */
static inline int ${name}_predict(const $real x[$n0], $real $result[$columns])
{
    $real z[$n0], Z2[$n2];
    int i, j, k, finite = 1;$locals
    for (j = 0; j < $n0; j++) {
        z[j] = x[j] - ${name}_mean[j];
        finite = finite && isfinite(z[j]);
    }
    if (!finite) {
        for (k = 0; k < $columns; k++) $result[k] = NAN;
        return -1;
    }
    for (k = 0; k < $n2; k++) Z2[k] = ${name}_$first[k];
    for (i = 0; i < $n1; i++) {
        $real Z = ${name}_b1[i], A;
        for (j = 0; j < $n0; j++) Z += ${name}_W1[i][j] * z[j];
        A = $g1;
        for (k = 0; k < $n2; k++) Z2[k] += ${name}_W2[k][i] * A;
    }
$g2
}

#endif
""")


def c_name(text: str) -> str:
    """Return a text as a name of C.

    Parameters
    ----------
    text : str
        Any text, such as the name of a file.

    Returns
    -------
    str
        With ``_`` for what C does not take in a name, and ``model_`` before a digit at its
        beginning.
    """
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"model_{name}" if name[:1].isdigit() else name


def to_c_header(model: Model, name: str, dtype: npt.DTypeLike | None = None) -> str:
    """Return a model as a C header.

    Parameters
    ----------
    model : Model
        A trained network.
    name : str
        With what the names in the header begin; what C does not take in one becomes ``_``.
    dtype : float32 or float64, optional
        What it computes in, and what it takes; None as for `gdnet.export.onnx.to_onnx`.

    Returns
    -------
    str
        C99 that is C++11, too, in ASCII.

    Raises
    ------
    DataError
        If the activation is not one of gdnet's own, or the parameters do not fit into the dtype.
    """
    if model.activation not in ACTIVATIONS:
        raise DataError(
            f"expected one of the activations {', '.join(ACTIVATIONS)} for C, got "
            f"{model.activation!r}, which has no formula there"
        )
    network = centred(model, dtype or default_dtype(model))
    n0, n1, n2 = model.shape
    name = c_name(name)
    W1, b1, W2, b2 = network.parameters
    is_float = W1.dtype == np.float32
    f = "f" if is_float else ""
    result, returned, filled_in, returns = _RESULTS[model.kind]
    shape = {"n0": n0, "n1": n1, "n2": n2, "f": f, "real": "float" if is_float else "double"}
    first, rest = "b2", ""
    if model.kind == "regression":  # b2 is added last, see gdnet.export.centred
        first = "b2_rest"
        numbers = _array(network.b2_rest[:, 0], f)
        rest = f"static const {shape['real']} {name}_b2_rest[{n2}] = {numbers};\n"

    def filled(text: str) -> str:
        return Template(text).substitute(shape, name=name)

    mean = np.zeros(n0) if network.mean is None else network.mean
    return _HEADER.substitute(
        shape,
        name=name,
        NAME=name.upper(),
        version=__version__,
        activation=model.activation,
        output=model.output,
        columns=2 if model.kind == "binary" else n2,
        first=first,
        rest=rest,
        result=result,
        returned=returned,
        filled=filled_in,
        texts=_texts(name, "features", model.feature_names)
        + _texts(name, "classes", model.class_names),
        mean=_array(mean, f),
        W1=_array(W1, f),
        b1=_array(b1[:, 0], f),
        W2=_array(W2, f),
        b2=_array(b2[:, 0], f),
        g1=filled(ACTIVATIONS[model.activation]),
        g2=filled(_OUTPUTS[model.kind]),
        locals=filled(_LOCALS.get(model.kind, "")),
        returns=returns,
    )


def save_c_header(model: Model, path: str | Path, dtype: npt.DTypeLike | None = None) -> None:
    """Write a model as a C header; an existing file is replaced in one step.

    Parameters
    ----------
    model : Model
        A trained network.
    path : str or Path
        What to write; its name without the extension is that of the model.
    dtype : float32 or float64, optional
        What it computes in, and what it takes; None as for `gdnet.export.onnx.to_onnx`.

    Raises
    ------
    DataError
        As `to_c_header`, and if the file cannot be written there.
    """
    check_writable(path)
    content = to_c_header(model, Path(path).stem, dtype).encode("ascii")
    with replacing(path) as file:
        file.write(content)


def _array(array: npt.NDArray[Any], f: str) -> str:
    """Return the initialiser of an array, with the shortest numbers that are its in its dtype."""
    if array.ndim == 2:
        return "{\n    " + ",\n    ".join(_array(row, f) for row in array) + "\n}"
    return "{" + ", ".join(f"{number}{f}" for number in array.astype(str)) + "}"


def _texts(name: str, what: str, texts: Iterable[str] | None) -> str:
    literals = [_literal(text) for text in texts or ()]
    if not literals:
        return ""
    listed = ", ".join(literals)
    return f"static const char *const {name}_{what}[{len(literals)}] = {{{listed}}};\n"


def _literal(text: str) -> str:
    """Return a string of C: UTF-8, everything but plain characters as three octal digits."""
    plain = b" !#$%&'()*+,-./:;<=>@[]^_`{|}~"
    content = "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in plain else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{content}"'
