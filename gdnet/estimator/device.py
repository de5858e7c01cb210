"""Where an estimator computes: its device, its threads, and the arrays it is given."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import Array, Namespace
from gdnet.backends import Backend, Choice, choose_backend, parse_device
from gdnet.backends.host import usable_cpus
from gdnet.data.device_arrays import Origin, origin_of, returned
from gdnet.errors import DataError


def device_to_fit_on(device: str, X: Any) -> str:
    """Return the device to train on: that of X if it is on one, or else the one asked for.

    Raises
    ------
    DataError
        If X is on another device than the one asked for.
    """
    where = origin_of(X).device
    kind, number = parse_device(device)
    if where is None:
        return device
    if kind == "cpu" or (number is not None and where != device):
        raise DataError(
            f"X is on {where}, and device={device!r} was asked for: move X there, or set "
            f"device={where!r}"
        )
    return where


def device_to_predict_on(device: str, X: Any) -> str:
    """Return the device to predict on: that of X if it is on one, or else the one asked for."""
    return origin_of(X).device or device


class OutputConverter(NamedTuple):
    """Called with a result, gives it back as an array of the library that X came from.

    Attributes
    ----------
    origin : Origin
        Where X came from.
    backend : Backend
        What computed the result.
    """

    origin: Origin
    backend: Backend

    @property
    def on_device(self) -> bool:
        """Return whether X and the result are on a device, as arrays of the backend."""
        return self.origin.device is not None

    @property
    def xp(self) -> Namespace:
        """Return the module that the arrays of the result belong to before they are answered."""
        return self.backend.xp if self.on_device else np

    def activate(self) -> AbstractContextManager[None]:
        """Return a context in which the result may be computed with."""
        return self.backend.activate() if self.on_device else nullcontext()

    def __call__(self, result: Array) -> Any:
        """Return the result to where X came from."""
        return returned(result, self.origin)


def threads_of(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` stands for, as in joblib.

    None is every CPU that the process may use, but no more than ``OMP_NUM_THREADS``, which joblib
    sets in its workers to their share. -1 is every CPU, -2 all but one.

    Raises
    ------
    DataError
        For 0.
    """
    if n_jobs is None:
        share = os.environ.get("OMP_NUM_THREADS", "")
        cpus = usable_cpus()
        return min(cpus, int(share)) if share.isdecimal() and int(share) > 0 else cpus
    if n_jobs == 0:
        raise DataError("n_jobs: expected a number of threads, or -1 for all, got 0")
    return n_jobs if n_jobs > 0 else max(1, usable_cpus() + 1 + n_jobs)


# What `choose` has returned in this process.
CHOICES: dict[tuple[str, int | None, str, str], Choice] = {}


def choose(
    device: str, n_jobs: int | None, matmul_precision: str, engine: str, *, again: bool = False
) -> Choice:
    """Return the backend for these parameters, the same one every time in a process.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        The device.
    n_jobs : int or None
        Number of CPU threads, see `threads_of`.
    matmul_precision : {"highest", "tf32"}
        Of matrix products in float32.
    engine : str
        How the gradient is computed.
    again : bool, default False
        Whether to probe CUDA again where "auto" has fallen back to the CPU: what it lacked, such as
        memory, may be there by now. A probe takes as long as a prediction for one row.

    Raises
    ------
    DataError
        For a setting that the device does not know.
    DeviceUnavailable
        If a CUDA device was asked for and cannot be used.
    """
    wanted = (device, n_jobs, matmul_precision, engine)
    earlier = CHOICES.get(wanted)
    if earlier and not (again and device == "auto" and earlier.backend.name == "cpu"):
        return earlier
    choice = choose_backend(
        device, threads=threads_of(n_jobs), precision=matmul_precision, engine=engine
    )
    if earlier and choice.backend.name == "cpu":
        choice = choice._replace(backend=earlier.backend)  # which has its threads already
    CHOICES[wanted] = choice
    return choice
