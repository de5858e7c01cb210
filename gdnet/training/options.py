"""The hyper-parameters of a training: names, defaults and limits, for every front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NamedTuple

from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.descent import Solver

# What NumPy takes as a seed, and as the length of an array whatever the other one.
MAX_SEED = 2**32 - 1
MAX_UNITS = 2**31 - 1


class Limits(NamedTuple):
    """What a number may be.

    Attributes
    ----------
    low : float
        At least this.
    above : bool
        Above `low`, and not equal to it.
    high : int or None
        At most this.
    below : float or None
        Below this.
    whole : bool
        A whole number.
    """

    low: float = 0
    above: bool = False
    high: int | None = None
    below: float | None = None
    whole: bool = False


class Option(NamedTuple):
    """A hyper-parameter.

    Attributes
    ----------
    estimator : str or None
        Its name in `GDClassifier`, if it has one there.
    limits : Limits or None
        Of a number, what it may be.
    """

    estimator: str | None = None
    limits: Limits | None = None


@dataclass(frozen=True)
class Settings:
    """What a training needs to know besides the data and the device; see `gdnet train --help`.

    The defaults are those of the command line.

    Attributes
    ----------
    hidden : int
        Hidden units n1.
    activation : str
        The hidden activation g1.
    solver : {"gd", "lbfgs"}
        How the parameters are changed.
    learning_rate : float
        The lecture's alpha; not read by "lbfgs".
    momentum : float
        Of "gd": the part of the velocity that stays.
    nesterov : bool
        Whether momentum looks ahead.
    iterations : int
        Most updates to make.
    tol : float
        The fraction of the cost by which it has to fall; 0 makes all iterations.
    patience : int or "auto"
        Over how many iterations.
    l2 : float
        The factor of ``(|W1|^2 + |W2|^2) / 2m`` in the cost.
    init_scale : float or "auto"
        Factor of the standard normal first weights.
    seed : int or None
        Of the first weights, and of what is held out.
    dtype : {"float32", "float64"}
        What is computed in.
    block_size : int or None
        Examples a block; None is the backend's choice.
    class_weight : "balanced", dict or None
        Weight of each class in the cost.
    standardize : bool
        Whether features, and numbers to be predicted, get mean 0 and deviation 1.
    validation_fraction : float or None
        What is held out for validation.
    early_stopping : bool
        Whether the validation cost ends the training, and the best parameters are kept.
    init : str or None
        The file of the model to start from.
    task : {"auto", "classification", "regression"}
        What is predicted.
    """

    hidden: int = 32
    activation: str = "tanh"
    solver: str = "gd"
    learning_rate: float = 0.5
    momentum: float = 0.0
    nesterov: bool = False
    iterations: int = 1000
    tol: float = 0.0
    patience: int | str = "auto"
    l2: float = 0.0
    init_scale: float | str = "auto"
    seed: int | None = 0
    dtype: str = "float32"
    block_size: int | None = None
    class_weight: str | Mapping[Any, float] | None = None
    standardize: bool = True
    validation_fraction: float | None = None
    early_stopping: bool = False
    init: str | None = None
    task: str = "auto"

    @property
    def patience_in_iterations(self) -> int:
        """What "auto" is: L-BFGS often leaves a high validation cost, if it is given time."""
        if isinstance(self.patience, int):
            return self.patience
        return 50 if self.solver == "lbfgs" and self.early_stopping else 10

    def fingerprint(self) -> dict[str, Any]:
        """Return what else must be the same for a checkpoint of the run to be resumed."""
        # More iterations may be made; of the blocks the size counts that they really have, of a
        # model to start from its parameters, and of the solver what it says itself.
        free = ("iterations", "block_size", "init", "task", "solver", *SOLVER_OPTIONS)
        settings = {k: v for k, v in asdict(self).items() if k not in free}
        if isinstance(settings["class_weight"], Mapping):  # JSON knows no other keys than text
            settings["class_weight"] = repr(settings["class_weight"])
        return settings


#: The learning rate where numbers are predicted and none is given: the cost is up to four times as
#: curved as that of a sigmoid.
REGRESSION_LEARNING_RATE = 0.1

#: What is predicted: with "auto" classes, unless the target looks as if it were a quantity.
TASKS = ("auto", "classification", "regression")


class SolverOption(NamedTuple):
    """How the parameters may be changed.

    Attributes
    ----------
    made_by : str
        ``"module:callable"`` that makes a `gdnet.Solver` of `Settings`, imported when a training
        begins: the command line names the solvers before there is NumPy.
    about : str
        What it is, for the help of the command line.
    reads : tuple of str
        Those of `SOLVER_OPTIONS` that it reads.
    """

    made_by: str
    about: str
    reads: tuple[str, ...] = ()


#: What only some solvers read.
SOLVER_OPTIONS = ("learning_rate", "momentum", "nesterov")

#: By name. CONTRIBUTING.md has the recipe for another one.
SOLVERS = {
    "gd": SolverOption(
        "gdnet.descent.solvers:GradientDescent.of_settings",
        "gradient descent, the update of the lecture",
        SOLVER_OPTIONS,
    ),
    "lbfgs": SolverOption(
        "gdnet.descent.solvers:LBFGS.of_settings",
        "L-BFGS on the same gradient, which needs no learning rate and about a tenth of the "
        "iterations",
    ),
}


def solver_of(settings: Settings) -> Solver:
    """Return the solver of the name in settings, made of them.

    Raises
    ------
    DataError
        If there is none of that name.
    """
    if settings.solver not in SOLVERS:
        raise DataError(f"solver: expected one of {', '.join(SOLVERS)}, got {settings.solver!r}")
    solver: Solver = resolve_name(SOLVERS[settings.solver].made_by)(settings)
    return solver


#: By their names in `Settings` and in model files; with ``-`` for ``_`` those of the command line.
OPTIONS = {
    "hidden": Option("n_hidden", Limits(1, high=MAX_UNITS, whole=True)),
    "activation": Option("activation"),
    "solver": Option("solver"),
    "learning_rate": Option("learning_rate", Limits(0, above=True)),
    "momentum": Option("momentum", Limits(0, below=1)),
    "nesterov": Option("nesterov"),
    "iterations": Option("max_iter", Limits(1, whole=True)),
    "tol": Option("tol", Limits(0, below=1)),
    "patience": Option("n_iter_no_change", Limits(1, whole=True)),
    "l2": Option("l2", Limits(0)),
    "init_scale": Option("init_scale", Limits(0)),
    "seed": Option("random_state", Limits(0, high=MAX_SEED, whole=True)),
    "dtype": Option(),
    "block_size": Option(None, Limits(1, whole=True)),
    "class_weight": Option("class_weight"),
    "standardize": Option(),
    "early_stopping": Option("early_stopping"),
}
