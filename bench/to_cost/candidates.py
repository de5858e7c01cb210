"""Who takes part: a method of a library, with the settings that it may choose from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench.to_cost.clock import Clock
from bench.to_cost.tables import Task
from gdnet._typing import HostArray
from gdnet.parameters import Parameters

#: Learning rate and the like, by name; what has none is empty.
Setting = dict[str, Any]
#: Runs from a start with a setting and a seed of the batches, until the clock raises or it ends.
Run = Callable[[Parameters[HostArray], Setting, int, Clock], None]


class Candidate(NamedTuple):
    """A method with the data in place.

    Attributes
    ----------
    settings : sequence of Setting
        The grid, the likeliest first.
    run : Run
        Starts the clock when all is in place, and lets it tick.
    about : str
        Version and threads.
    """

    settings: Sequence[Setting]
    run: Run
    about: str


REFERENCE = "gdnet lbfgs"
#: Where each is made, ``maker(task) -> Candidate``. The reference comes first.
MAKERS = {
    REFERENCE: "bench.to_cost.gdnet_methods:lbfgs",
    "gdnet momentum": "bench.to_cost.gdnet_methods:momentum",
    "gdnet gd": "bench.to_cost.gdnet_methods:gradient_descent",
    "scikit-learn lbfgs": "bench.to_cost.sklearn_methods:lbfgs",
    "scikit-learn adam": "bench.to_cost.sklearn_methods:adam",
    "scikit-learn sgd": "bench.to_cost.sklearn_methods:sgd",
    "PyTorch adam": "bench.to_cost.torch_methods:adam",
    "PyTorch lbfgs": "bench.to_cost.torch_methods:lbfgs",
    "optax adam": "bench.to_cost.optax_methods:adam",
    "optax lbfgs": "bench.to_cost.optax_methods:lbfgs",
}
#: More of them with ``--device cuda``.
MAKERS_ON_CUDA = {"gdnet lbfgs, CUDA": "bench.to_cost.gdnet_methods:lbfgs_on_cuda"}


def make(name: str, task: Task) -> Candidate:
    """Return a candidate.

    Raises
    ------
    ModuleNotFoundError
        If its library is not installed.
    """
    module, _, function = (MAKERS | MAKERS_ON_CUDA)[name].partition(":")
    candidate: Candidate = getattr(importlib.import_module(module), function)(task)
    return candidate


def grid(**values: Sequence[Any]) -> list[Setting]:
    """Return every combination, the first values first; equal ones once."""
    settings: list[Setting] = [{}]
    for name, several in values.items():
        settings = [s | {name: value} for s in settings for value in dict.fromkeys(several)]
    return settings


def in_words(setting: Setting) -> str:
    """Return a setting as it is written in text."""
    return ", ".join(f"{name} {value}" for name, value in setting.items())
