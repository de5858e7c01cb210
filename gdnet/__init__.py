"""One-hidden-layer networks by exact full-batch gradient descent, on NumPy or CuPy.

Start with `gdnet.equations`: four forward equations, six backward equations, one update.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gdnet._version import __version__ as __version__

if TYPE_CHECKING:
    from gdnet.activations import Activation as Activation
    from gdnet.backends import available_devices as available_devices
    from gdnet.backends import get_backend as get_backend
    from gdnet.checkpoint.checkpoint import Checkpoint as Checkpoint
    from gdnet.data.source import ArraySource as ArraySource
    from gdnet.descent import LBFGS as LBFGS
    from gdnet.descent import DescentResult as DescentResult
    from gdnet.descent import DescentState as DescentState
    from gdnet.descent import GradientDescent as GradientDescent
    from gdnet.descent import Momentum as Momentum
    from gdnet.descent import Next as Next
    from gdnet.descent import Solver as Solver
    from gdnet.descent import SolverState as SolverState
    from gdnet.descent import Step as Step
    from gdnet.descent import StopDescent as StopDescent
    from gdnet.descent import TimeLimit as TimeLimit
    from gdnet.descent import descend as descend
    from gdnet.descent.early_stopping import EarlyStopping as EarlyStopping
    from gdnet.errors import CheckpointError as CheckpointError
    from gdnet.errors import DataError as DataError
    from gdnet.errors import DeviceUnavailable as DeviceUnavailable
    from gdnet.errors import Diverged as Diverged
    from gdnet.errors import GdnetError as GdnetError
    from gdnet.errors import ModelFileError as ModelFileError
    from gdnet.errors import RankFailed as RankFailed
    from gdnet.estimator import GDClassifier as GDClassifier
    from gdnet.estimator import GDRegressor as GDRegressor
    from gdnet.estimator import TableEncoder as TableEncoder
    from gdnet.estimator import load as load
    from gdnet.gradcheck import check_gradients as check_gradients
    from gdnet.objective.full_batch import FullBatch as FullBatch
    from gdnet.parameters import Gradients as Gradients
    from gdnet.parameters import Parameters as Parameters
    from gdnet.parameters import initialise as initialise
    from gdnet.ranks.communicator import Ranks as Ranks

# Imported on first use, so that `import gdnet` is quick and `gdnet --version` needs nothing.
_HOME = {
    "Activation": "gdnet.activations",
    "ArraySource": "gdnet.data.source",
    "Checkpoint": "gdnet.checkpoint.checkpoint",
    "CheckpointError": "gdnet.errors",
    "DataError": "gdnet.errors",
    "DescentResult": "gdnet.descent",
    "DescentState": "gdnet.descent",
    "DeviceUnavailable": "gdnet.errors",
    "Diverged": "gdnet.errors",
    "EarlyStopping": "gdnet.descent.early_stopping",
    "FullBatch": "gdnet.objective.full_batch",
    "GDClassifier": "gdnet.estimator",
    "GDRegressor": "gdnet.estimator",
    "GdnetError": "gdnet.errors",
    "GradientDescent": "gdnet.descent",
    "Gradients": "gdnet.parameters",
    "LBFGS": "gdnet.descent",
    "ModelFileError": "gdnet.errors",
    "Momentum": "gdnet.descent",
    "Next": "gdnet.descent",
    "Parameters": "gdnet.parameters",
    "RankFailed": "gdnet.errors",
    "Ranks": "gdnet.ranks.communicator",
    "Solver": "gdnet.descent",
    "SolverState": "gdnet.descent",
    "Step": "gdnet.descent",
    "StopDescent": "gdnet.descent",
    "TableEncoder": "gdnet.estimator",
    "TimeLimit": "gdnet.descent",
    "available_devices": "gdnet.backends",
    "check_gradients": "gdnet.gradcheck",
    "descend": "gdnet.descent",
    "get_backend": "gdnet.backends",
    "initialise": "gdnet.parameters",
    "load": "gdnet.estimator",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'gdnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
