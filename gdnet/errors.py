"""What can go wrong, and what the caller may catch."""

from __future__ import annotations

from typing import Any


class GdnetError(Exception):
    """Base of every error that gdnet raises on purpose."""


class DataError(GdnetError, ValueError):
    """Data, labels, weights, parameters or settings that do not fit."""


class DeviceUnavailable(GdnetError, RuntimeError):  # noqa: N818 - a public name without "Error"
    """The device that was asked for cannot be used.

    Parameters
    ----------
    reason : str
        The code of the cause.
    message : str
        What was found, and what to do.

    Attributes
    ----------
    reason : str
        A short code, one for each cause: ``"no-cupy"``, ``"broken-cupy"``, ``"old-cupy"``,
        ``"no-driver"``, ``"old-driver"``, ``"no-device"``, ``"bad-index"``, ``"no-compiler"``,
        ``"no-headers"``, ``"no-cublas"``, ``"no-kernel"``, ``"no-memory"``, ``"cuda-error"``,
        ``"wrong-result"``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Diverged(GdnetError, ArithmeticError):  # noqa: N818 - a public name without "Error"
    """The cost left the finite numbers or grew out of all bounds.

    Parameters
    ----------
    message : str
        What has happened, and what to do.
    iteration : int
        The iteration, counted from 0, from which on no cost was sound.
    cost : float
        That cost.
    last_good : DescentResult or None
        The run up to the last parameters whose cost was sound.

    Attributes
    ----------
    iteration : int
        The iteration, counted from 0, from which on no cost was sound.
    cost : float
        That cost.
    last_good : gdnet.descent.state.DescentResult or None
        The run up to the last parameters whose cost was sound; None if even the first was not.
    """

    def __init__(self, message: str, iteration: int, cost: float, last_good: Any) -> None:
        super().__init__(message)
        self.iteration = iteration
        self.cost = cost
        self.last_good = last_good


class RankFailed(GdnetError, RuntimeError):  # noqa: N818 - a public name without "Error"
    """Another rank of MPI has failed, or does something else than this one.

    Parameters
    ----------
    message : str
        Which rank has failed, and why.
    kind : str, optional
        The name of the exception that ended it.

    Attributes
    ----------
    kind : str or None
        The name of the exception that ended it; None if none is known.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind


class ModelFileError(GdnetError, ValueError):
    """A model file that is damaged, foreign, or of another format version."""


class CheckpointError(GdnetError, ValueError):
    """A checkpoint that is damaged, foreign, of another run, or in use by another process."""
