"""Arrays of other libraries: where they are, how they come in, and how results go back.

CuPy, PyTorch, JAX and others share memory through DLPack or ``__cuda_array_interface__``, so that
an array comes in and a result goes out without a copy. What is on a device stays there.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import Array, Namespace
from gdnet.backends import Backend, get_backend
from gdnet.errors import DataError

# DLDeviceType of dlpack.h: memory that the host reads, and memory of a CUDA device.
_HOST = (1, 3)  # plain, and pinned by CUDA
_CUDA = (2, 13)  # plain, and managed
# PyTorch's: a tensor may hold its negative or its conjugate and a note of that, of which DLPack
# knows nothing.
_RESOLVERS = ("resolve_neg", "resolve_conj")


class Origin(NamedTuple):
    """Where an array comes from.

    Attributes
    ----------
    device : str or None
        ``"cuda:0"``, ...; None if the host can read it.
    library : module or None
        Whose array it is; None for NumPy and for what is not an array, as lists and data frames.
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
    library = _library_of(values)
    if hasattr(values, "__dlpack_device__") and hasattr(library, "from_dlpack"):
        kind, number = map(int, values.__dlpack_device__())
        if kind not in _HOST + _CUDA:
            raise DataError(
                f"expected an array on the CPU or on CUDA, got a {type(values).__name__} on a "
                f"device of another kind (number {kind} of DLPack); move it to the CPU first"
            )
        return Origin(f"cuda:{number}" if kind in _CUDA else None, library)
    if hasattr(values, "__cuda_array_interface__"):
        return Origin("cuda:0", library)
    return Origin(None, None)


def on_host(name: str, values: Any) -> Any:
    """Return an array of another library as a NumPy array, and anything else as it is.

    Parameters
    ----------
    name : str
        What an error calls it.
    values : array or anything
        Copied only if it is on a device, has PyTorch's negative bit, or has a type that NumPy
        cannot compute with: bfloat16 becomes float32, which holds its numbers exactly.

    Raises
    ------
    DataError
        As `on_device`.
    """
    if isinstance(values, np.ndarray):
        return _as_float32(values) if _is_bfloat16(values) else values
    origin = origin_of(values)
    if origin.device is not None:
        backend = get_backend(origin.device)
        return backend.to_numpy(on_device(name, values, backend))
    return values if origin.library is None else _shared(name, values, np)


def on_device(name: str, values: Any, backend: Backend) -> Array:
    """Return an array that is on the device of the backend as one of ``backend.xp``.

    It is copied only if it is bfloat16, which becomes float32, or has PyTorch's negative bit.

    Raises
    ------
    DataError
        If its library does not give its memory away, or its type is none of NumPy's.
    """
    with backend.activate():
        if hasattr(values, "__dlpack__"):
            return _shared(name, values, backend.xp)
        return backend.asarray(values)


def returned(result: Array, origin: Origin) -> Any:
    """Return a result as an array of the library that an input came from, on the same device.

    Where that library cannot hold it, as text or long integers, the result stays as it is.
    """
    take = getattr(origin.library, "from_dlpack", None)
    if take is None or result.dtype.kind not in "biuf" or _library_of(result) is origin.library:
        return result
    back = take(result)
    # JAX has no long integers unless configured otherwise, and cuts them off.
    held = getattr(back.dtype, "itemsize", result.dtype.itemsize)
    if held < result.dtype.itemsize and result.dtype.kind in "iu" and len(result):
        ends = [(int(labels.min()), int(labels.max())) for labels in (back, result)]
        if ends[0] != ends[1]:
            return result
    return back


def _shared(name: str, values: Any, xp: Namespace) -> Array:
    for resolver in _RESOLVERS:
        if hasattr(values, resolver):
            values = getattr(values, resolver)()
    try:
        if _is_bfloat16(values):
            values = _as_float32(values)
        return xp.from_dlpack(values)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{name}: expected an array that can be shared through DLPack, got a "
            f"{type(values).__name__} of {getattr(values, 'dtype', 'unknown type')} that cannot "
            f"({error}); one of float32 or float64, detached from any graph, can"
        ) from None


def _is_bfloat16(values: Any) -> bool:
    # PyTorch calls it torch.bfloat16, ml_dtypes, CuPy and JAX bfloat16.
    return str(getattr(values, "dtype", "")).rpartition(".")[2] == "bfloat16"


def _as_float32(values: Any) -> Any:
    """Return an array of bfloat16, which NumPy does not take through DLPack, as float32."""
    convert = values.astype if hasattr(values, "astype") else values.to
    return convert(getattr(_library_of(values), "float32", np.float32))


def _library_of(values: Any) -> ModuleType | None:
    if hasattr(values, "__array_namespace__"):
        namespace: ModuleType = values.__array_namespace__()
        return namespace
    return sys.modules.get(type(values).__module__.partition(".")[0])
