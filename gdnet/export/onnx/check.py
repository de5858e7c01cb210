"""What runtimes make of an exported file compared with what gdnet predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.backends import get_backend
from gdnet.export.onnx.runtimes import RUNTIMES, Run, Runtime
from gdnet.export.onnx.spread import Spread
from gdnet.model.model import Model
from gdnet.model.prediction import class_probabilities, predict_outputs, predicted_codes

#: Probabilities that differ by more, or numbers by more of their spread, are another prediction,
#: not rounding.
MAX_DIFFERENCE = 1e-3
# A default that costs more than this, where another setting does not, is named.
_WORTH_A_WORD = 1e-5


@dataclass
class Comparison:
    """How far a runtime is from gdnet.

    Attributes
    ----------
    runtime : Runtime
        The runtime.
    rows : int
        How many rows it has predicted.
    difference : float
        The largest difference of its probabilities from gdnet's; of predicted numbers in standard
        deviations of gdnet's predictions, of the target that differs most.
    other_labels : int
        Rows that got another label.
    allowed : float
        What may be rounding: `MAX_DIFFERENCE`, or of numbers two steps of float32 if that is more.
    problem : str or None
        Why it did not run the file.
    by_column : array of shape (columns,)
        The largest difference of each column of the output, in its own unit.
    """

    runtime: Runtime
    rows: int = 0
    difference: float = 0.0
    other_labels: int = 0
    allowed: float = MAX_DIFFERENCE
    problem: str | None = None
    by_column: HostArray = field(default_factory=lambda: np.zeros(1), repr=False)

    @property
    def is_wrong(self) -> bool:
        """Whether its predictions are others than gdnet's, or not numbers."""
        return self.problem is None and not self.difference <= self.allowed


def compare(
    path: str | Path,
    model: Model,
    blocks: Iterable[HostArray],
    labels: str | None = None,
    runtimes: Sequence[Runtime] | None = None,
) -> list[Comparison]:
    """Run an exported file by every runtime that is installed.

    Parameters
    ----------
    path : str or Path
        The file of ONNX.
    model : Model
        What it was made of.
    blocks : iterable of arrays of shape (b, n0)
        Rows; runtimes get them in float32.
    labels : {"text", "codes", "none"} or None
        As the file was made, see `gdnet.export.onnx.to_onnx`.
    runtimes : sequence of Runtime, optional
        Which to try; None is all that are known.

    Returns
    -------
    list of Comparison
        One for each that is installed; what one raises is in `Comparison.problem`.

    Raises
    ------
    DataError
        If a block has no rows, or the model's activation is not one of gdnet's own.
    """
    found = [Comparison(runtime) for runtime in runtimes or RUNTIMES if runtime.installed]
    running = [(each, _loaded(each, str(path))) for each in found]
    spread = Spread(model.parameters.b2) if model.kind == "regression" else None
    for rows in blocks:
        expected, values = _predicted(model, rows, labels)
        if spread is not None:
            spread.add(values)
        X = np.ascontiguousarray(rows, np.float32)
        for comparison, run in running:
            if run is not None and comparison.problem is None:
                _add(comparison, run, X, expected, values)
    for comparison in found:
        _measure(comparison, spread)
    return found


def made_up_rows(model: Model, m: int = 1000) -> HostArray:
    """Return made-up rows, about as far from the mean as those of a training.

    Parameters
    ----------
    model : Model
        Whose features they are; where its file does not have their mean, it is taken for 0.
    m : int, default 1000
        How many.

    Returns
    -------
    float32 array of shape (m, n0)
        The same ones at each call.
    """
    W1, n0 = model.parameters.W1.astype(np.float64), model.shape[0]
    # Weights that were drawn for features of deviation 1 are about 1 / sqrt(n0).
    size = np.sqrt(n0 * np.square(W1).mean(axis=0))
    deviation = 1 / np.where(size > 0, size, 1)
    rows: HostArray = np.random.default_rng(0).standard_normal((m, n0)) * deviation
    return (rows + (model.mean or 0.0)).astype(np.float32)


def at_their_best(comparisons: Sequence[Comparison]) -> dict[str, Comparison]:
    """Return, for each runtime that ran the file, the comparison with the smallest difference.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Maybe several of a runtime, with different settings.

    Returns
    -------
    dict of str to Comparison
        By the name of the runtime.
    """
    best: dict[str, Comparison] = {}
    for each in comparisons:
        if each.problem is None:
            known = best.setdefault(each.runtime.name, each)
            # Not <, to be left by a NaN.
            if not known.difference <= each.difference:
                best[each.runtime.name] = each
    return best


def cures(comparisons: Sequence[Comparison]) -> list[str]:
    """Return what to set in runtimes whose default has cost digits.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What `compare` returned.

    Returns
    -------
    list of str
        A sentence each.
    """
    best = at_their_best(comparisons)
    return [
        f"{each.runtime.name}: {each.runtime.cure}"
        for each in comparisons
        if each.runtime.cure
        and each.problem is None
        and not each.difference <= max(_WORTH_A_WORD, 10 * best[each.runtime.name].difference)
    ]


def _loaded(comparison: Comparison, path: str) -> Run | None:
    try:
        return comparison.runtime.load(path)
    except Exception as error:
        comparison.problem = _first_line(error)
        return None


def _add(
    comparison: Comparison, run: Run, X: HostArray, expected: HostArray | None, values: HostArray
) -> None:
    other = np.zeros((len(X), 1), bool)
    try:
        *labels, found = (np.asarray(output) for output in run(X))
        if expected is not None:
            got = _labels_of(found, expected) if not labels else labels[0].reshape(expected.shape)
            other = got != expected
        difference = np.abs(found.reshape(values.shape) - values).max(axis=0)
    except Exception as error:
        comparison.problem = _first_line(error)
        return
    comparison.rows += len(X)
    comparison.by_column = np.maximum(comparison.by_column, difference)  # keeps a NaN
    comparison.other_labels += int(other.reshape(len(X), -1).any(axis=1).sum())


def _measure(comparison: Comparison, spread: Spread | None) -> None:
    """Set `difference` and `allowed`, of the column that is closest to what is wrong, or past."""
    differences = comparison.by_column
    allowed = np.full(differences.shape, MAX_DIFFERENCE)
    if spread is not None:
        units = spread.units()
        differences = differences / units
        allowed = np.maximum(MAX_DIFFERENCE, spread.rounding() / units)
    k = int((differences / allowed).argmax())  # of a NaN, if there is one
    comparison.difference, comparison.allowed = float(differences[k]), float(allowed[k])


def _predicted(
    model: Model, rows: HostArray, labels: str | None
) -> tuple[HostArray | None, HostArray]:
    """Return labels, of a model that has them, and probabilities or numbers (b, columns)."""
    outputs = predict_outputs(model, rows, get_backend("cpu"))
    if model.kind == "regression":
        return None, outputs.A2
    codes = predicted_codes(outputs.Z2, model.kind)
    return _labels(model, codes, labels), class_probabilities(outputs, model.kind, np)


def _labels(model: Model, codes: HostArray, labels: str | None) -> HostArray:
    if model.classes is None or labels in ("codes", "none"):
        return codes
    names: Any = model.class_names if labels == "text" else model.classes
    found: HostArray = np.array(names)[codes]
    return found


def _labels_of(probabilities: HostArray, expected: HostArray) -> HostArray:
    """Return the codes of probabilities, of a file without labels."""
    found: HostArray = (
        probabilities.argmax(axis=1) if expected.ndim == 1 else (probabilities > 0.5).astype(int)
    )
    return found


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
