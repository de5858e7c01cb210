"""The precision of CuPy's matrix products in float32, which CuPy keeps for the whole process."""

from __future__ import annotations

import threading
from types import ModuleType

import numpy as np

from gdnet.errors import DataError

# TF32 came with Ampere.
TF32_CAPABILITY = 80


class MatmulPrecision:
    """A precision that holds while at least one caller does; then comes back what was there before.

    CuPy has one setting for all threads, so two trainings of different precision cannot run in one
    process at the same time: the second is refused.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._precision = ""
        self._before: object = None

    def enter(self, cupy: ModuleType, precision: str) -> None:
        """Hold a precision; `leave` follows.

        Parameters
        ----------
        cupy : module
            CuPy.
        precision : {"highest", "tf32"}
            Of matrix products in float32.

        Raises
        ------
        DataError
            If another precision is held in this process.
        """
        with self._lock:
            if self._holders and precision != self._precision:
                raise DataError(
                    f"expected the precision {self._precision!r} of the work that is under way in "
                    f"this process, got {precision!r}: CuPy has one setting for all threads; wait, "
                    "or use two processes"
                )
            if not self._holders:
                self._before = cupy._core.get_compute_type(np.float32)
                types = cupy._core._routines_linalg
                # Also the highest is set: the environment may say CUPY_TF32=1.
                wanted = {"highest": types.COMPUTE_TYPE_DEFAULT, "tf32": types.COMPUTE_TYPE_TF32}
                cupy._core.set_compute_type(np.float32, wanted[precision])
                self._precision = precision
            self._holders += 1

    def leave(self, cupy: ModuleType) -> None:
        """Hold it no more."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
                cupy._core.set_compute_type(np.float32, self._before)


matmul_precision = MatmulPrecision()


def check_precision(precision: str, name: str, capability: str) -> None:
    """Check that a device has the precision.

    Parameters
    ----------
    precision : {"highest", "tf32"}
        Of matrix products in float32.
    name : str
        How messages call the device.
    capability : str
        Its compute capability, such as "75".

    Raises
    ------
    DataError
        For "tf32" on a device that does not have it.
    """
    if precision == "tf32" and int(capability) < TF32_CAPABILITY:
        raise DataError(
            f"precision 'tf32': {name} has compute capability {capability[:-1]}.{capability[-1]}, "
            "and TF32 needs 8.0 or later; choose 'highest'"
        )
