"""One-hidden-layer networks by exact full-batch gradient descent, on NumPy or CuPy.

Start with `gdnet.equations`: four forward equations, six backward equations, one update.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gdnet._version import __version__ as __version__

if TYPE_CHECKING:
    from gdnet.activations import Activation
    from gdnet.backends import available_devices, get_backend
    from gdnet.checkpoint import Checkpoint
    from gdnet.data.source import ArraySource
    from gdnet.descent import Descent, Iteration, StopDescent, descend
    from gdnet.errors import (
        CheckpointError,
        DataError,
        DeviceUnavailable,
        Diverged,
        GdnetError,
        ModelFileError,
    )
    from gdnet.estimator import GDClassifier, load
    from gdnet.gradcheck import check_gradients
    from gdnet.gradient import FullBatch
    from gdnet.parameters import Gradients, Parameters, initialise

# Imported on first use, so that `import gdnet` is quick and `gdnet --version` needs nothing.
_HOME = {
    "Activation": "gdnet.activations",
    "ArraySource": "gdnet.data.source",
    "Checkpoint": "gdnet.checkpoint",
    "CheckpointError": "gdnet.errors",
    "DataError": "gdnet.errors",
    "Descent": "gdnet.descent",
    "DeviceUnavailable": "gdnet.errors",
    "Diverged": "gdnet.errors",
    "FullBatch": "gdnet.gradient",
    "GDClassifier": "gdnet.estimator",
    "GdnetError": "gdnet.errors",
    "Gradients": "gdnet.parameters",
    "Iteration": "gdnet.descent",
    "ModelFileError": "gdnet.errors",
    "Parameters": "gdnet.parameters",
    "StopDescent": "gdnet.descent",
    "available_devices": "gdnet.backends",
    "check_gradients": "gdnet.gradcheck",
    "descend": "gdnet.descent",
    "get_backend": "gdnet.backends",
    "initialise": "gdnet.parameters",
    "load": "gdnet.estimator",
}

__all__ = [
    "Activation",
    "ArraySource",
    "Checkpoint",
    "CheckpointError",
    "DataError",
    "Descent",
    "DeviceUnavailable",
    "Diverged",
    "FullBatch",
    "GDClassifier",
    "GdnetError",
    "Gradients",
    "Iteration",
    "ModelFileError",
    "Parameters",
    "StopDescent",
    "available_devices",
    "check_gradients",
    "descend",
    "get_backend",
    "initialise",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'gdnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
