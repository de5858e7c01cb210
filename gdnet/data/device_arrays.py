"""Arrays of other libraries: where they are, how they come in, and how results go back.

CuPy, PyTorch, JAX and others share memory through DLPack or ``__cuda_array_interface__``, so that
an array comes in and a result goes out without a copy.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import Array
from gdnet.backends import get_backend
from gdnet.errors import DataError

# DLDeviceType of dlpack.h: memory that the host reads, and memory of a CUDA device.
_HOST = (1, 3)  # plain, and pinned by CUDA
_CUDA = (2, 13)  # plain, and managed


class Origin(NamedTuple):
    """Where an array comes from.

    Attributes
    ----------
    device : str or None
        ``"cuda:0"``, ...; None if the host can read it.
    library : module or None
        Whose array it is; None for NumPy and for what is no array, as lists and data frames.
    """

    device: str | None
    library: ModuleType | None


def origin_of(values: Any) -> Origin:
    """Tell where an array comes from, without a look at its numbers.

    Raises
    ------
    DataError
        If it is on a device that is neither the CPU nor CUDA.
    """
    if isinstance(values, np.ndarray | np.generic):
        return Origin(None, None)
    if hasattr(values, "__dlpack_device__"):
        kind, number = map(int, values.__dlpack_device__())
        if kind not in _HOST + _CUDA:
            raise DataError(
                f"expected an array on the CPU or on CUDA, got a {type(values).__name__} on a "
                f"device of another kind (number {kind} of DLPack); move it to the CPU first"
            )
        return Origin(f"cuda:{number}" if kind in _CUDA else None, _library_of(values))
    if hasattr(values, "__cuda_array_interface__"):
        return Origin("cuda:0", _library_of(values))
    return Origin(None, None)


def on_host(name: str, values: Any) -> Any:
    """Return an array of another library as a NumPy array, and anything else as it is.

    Parameters
    ----------
    name : str
        What an error calls it.
    values : array or anything
        Copied only if it is on a device.

    Raises
    ------
    DataError
        If its library does not give its memory away, or its type is none of NumPy's.
    """
    origin = origin_of(values)
    if origin.library is None:
        return values
    if origin.device is not None:
        backend = get_backend(origin.device)
        return backend.to_numpy(backend.asarray(values))
    try:
        return np.from_dlpack(values)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{name}: expected numbers that NumPy can read, got a {type(values).__name__} of "
            f"{getattr(values, 'dtype', 'unknown type')} that it cannot ({error})"
        ) from None


def returned(result: Array, origin: Origin) -> Any:
    """Return a result as an array of the library that an input came from, on the same device.

    Where that library cannot hold it, as text, the result stays as it is.
    """
    take = getattr(origin.library, "from_dlpack", None)
    if take is None or result.dtype.kind not in "biuf" or _library_of(result) is origin.library:
        return result
    return take(result)


def _library_of(values: Any) -> ModuleType | None:
    if hasattr(values, "__array_namespace__"):
        namespace: ModuleType = values.__array_namespace__()
        return namespace
    return sys.modules.get(type(values).__module__.partition(".")[0])
