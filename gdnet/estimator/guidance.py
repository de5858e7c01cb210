"""What an estimator says of its own accord, each time with the remedy.

The stack levels of the warnings lead to the line that called `fit`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gdnet.backends import Backend, Choice
from gdnet.data.labels.one_hot import ONE_HOT, looks_one_hot
from gdnet.data.labels.targets import EncodedTarget, label_rows
from gdnet.descent import Callback, DescentState, Next
from gdnet.descent.progress import progress_bar
from gdnet.errors import Diverged
from gdnet.training.examples import Examples

# The scale of the features is judged by about this many rows.
ROWS_LOOKED_AT = 1000
# Root mean squares above which, with the usual first weights, the hidden units are saturated.
LARGE_FEATURE = 30.0
# A larger target makes the weights of the output large, and with them the curvature of the cost.
LARGE_TARGET = 30.0
# From a column to another of so much smaller numbers, no learning rate suits both.
SPREAD = 1e4
# Without a terminal, a fit that shows its progress writes about so many lines.
LINES = 10


def hint_at_scale(
    clf: Any, examples: Examples, others: Examples | None, name: str | None, backend: Backend
) -> None:
    """Warn if features are so large, or of so different sizes, that the descent will be slow.

    Parameters
    ----------
    clf : GDClassifier or GDRegressor
        What is fitted.
    examples : Examples
        What is trained on.
    others : Examples or None
        What is validated on. If only these are badly scaled, a pipeline has left them as they were.
    name : str or None
        What the user calls the features of `others`: eval_set or X_val.
    backend : Backend
        Whose arrays the rows are, if not NumPy's.
    """
    found = _badly_scaled(examples, backend)
    if found:
        warnings.warn(
            f"the features are badly scaled: {found}. A descent is slow or diverges on such "
            f"data; standardise them: make_pipeline(StandardScaler(), {type(clf).__name__}())",
            UserWarning,
            stacklevel=4,
        )
        return
    found = None if others is None else _badly_scaled(others, backend)
    if found:
        warnings.warn(
            f"the features of {name} are badly scaled, and those of X are not: {found}. A pipeline "
            "transforms X alone: give what its earlier steps make of the others, or let it do that "
            "by X_val, y_val and Pipeline(..., transform_input=['X_val'])",
            UserWarning,
            stacklevel=4,
        )


def _badly_scaled(examples: Examples, backend: Backend) -> str | None:
    rows, _, weights, _ = examples
    step = -(-len(rows) // ROWS_LOOKED_AT)
    some = rows[::step]
    some = some if isinstance(some, np.ndarray) else backend.to_numpy(some)
    counted = np.ones(len(some), np.bool_) if weights is None else weights[::step] > 0
    if not counted.any():
        return None
    with np.errstate(over="ignore"):
        sizes = np.sqrt((some[counted].astype(np.float64) ** 2).mean(axis=0))
    largest = int(np.argmax(sizes))
    smallest = sizes[sizes > 0].min(initial=sizes[largest])
    if sizes[largest] <= LARGE_FEATURE and sizes[largest] <= SPREAD * smallest:
        return None
    return (
        f"the root mean square of feature {largest} is {sizes[largest]:.3g}, the smallest of all "
        f"{smallest:.3g}"
    )


def hint_at_target_scale(encoded: EncodedTarget) -> None:
    """Warn if numbers to be predicted are so large that a descent is slow or diverges."""
    if encoded.kind != "regression":
        return
    columns = label_rows(encoded.codes)
    with np.errstate(over="ignore"):
        sizes = np.sqrt((columns**2).mean(axis=1))
    largest = int(np.argmax(sizes))
    if sizes[largest] <= LARGE_TARGET:
        return
    which = f"column {largest} of y" if len(sizes) > 1 else "y"
    warnings.warn(
        f"the root mean square of {which} is {sizes[largest]:.3g}: a descent is slow or diverges "
        "on such numbers; standardise them: TransformedTargetRegressor(GDRegressor(), "
        "transformer=StandardScaler())",
        UserWarning,
        stacklevel=4,
    )


def hint_at_float64(backend: Backend, dtype: np.dtype[Any]) -> None:
    """Warn if the device computes float64 at a small part of its speed."""
    times = backend.float64_slowdown
    if dtype == np.float64 and times > 4:
        warnings.warn(
            f"{backend.name} computes float64 at 1/{times} of its float32 speed: set "
            "dtype='float32' unless you need the digits",
            UserWarning,
            stacklevel=4,
        )


def hint_at_one_hot(encoded: EncodedTarget) -> None:
    """Warn of exclusive classes that are given as several labels."""
    if encoded.kind == "multilabel" and looks_one_hot(encoded.codes):
        warnings.warn(ONE_HOT, UserWarning, stacklevel=4)


def warn_of_no_convergence(iterations: int, tol: float, solver: str) -> None:
    """Warn that `tol` was asked for and not reached."""
    faster = " or learning_rate, or set solver='lbfgs'" if solver == "gd" else ""
    warnings.warn(
        f"the cost was still falling by more than tol={tol:g} when max_iter={iterations} ended "
        f"the fit: raise max_iter{faster}, standardise the features, or set tol=0 to fit for "
        "exactly max_iter iterations",
        ConvergenceWarning,
        stacklevel=5,
    )


def warn_of_divergence(diverged: Diverged, *, best: bool) -> None:
    """Warn that the cost diverged, and say which parameters are kept."""
    which = "of the lowest validation cost" if best else f"before iteration {diverged.iteration}"
    warnings.warn(
        f"{diverged}. The parameters {which} are kept",
        ConvergenceWarning,
        stacklevel=5,
    )


def warn_of_interruption(iterations: int, of: int) -> None:
    """Warn that Ctrl-C ended the fit, and that the parameters so far are kept."""
    warnings.warn(
        f"the fit was interrupted after {iterations} of {of} iterations: the parameters so far are "
        "kept; fit with warm_start=True continues from them",
        UserWarning,
        stacklevel=5,
    )


@contextmanager
def progress(
    verbose: bool | int, choice: Choice, iterations: int, m: int
) -> Iterator[list[Callback]]:
    """Show on stderr how a fit goes, if asked to: a bar on a terminal, elsewhere some lines.

    Parameters
    ----------
    verbose : bool or int
        Whether to show anything.
    choice : Choice
        The device and why it is this one.
    iterations : int
        How many there are to make.
    m : int
        How many examples there are.
    """
    if not verbose:
        yield []
        return
    sys.stderr.write(f"gdnet: on {choice.backend.name} ({choice.brief_why})\n")
    with progress_bar(iterations, m) as bar:
        yield bar or [_lines(iterations)]


def _lines(iterations: int) -> Callback:
    every = max(1, iterations // LINES)

    def write(state: DescentState) -> Next:
        how = validation = ""
        if state.step is not None:
            how = f", {state.passes[-1]} passes, step {state.step:.3g}"
        if state.validation_cost is not None:
            validation = f", validation cost {state.validation_cost:.6f}"
        sys.stderr.write(
            f"gdnet: iteration {state.iteration - 1}, cost {state.cost:.6f}{validation}{how}, "
            f"{state.seconds[-1]:.1f} s\n"
        )
        return Next(iterations=every)

    return write
