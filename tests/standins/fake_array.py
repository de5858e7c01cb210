"""The arrays of the stand-in for CuPy."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .fake_devices import Buffer

OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "and": "bitwise_and",
    "or": "bitwise_or",
}
COMPARISONS = {
    "gt": "greater",
    "ge": "greater_equal",
    "lt": "less",
    "le": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
}
REDUCTIONS_WITH_DTYPE = ("sum", "prod", "mean")
REDUCTIONS = ("max", "min", "all", "any")
SCALARS = (bool, int, float, complex, np.generic)


class ArrayType(type):
    """The name ``cupy.ndarray``: the type of every array, and a way to make one in given memory."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, ndarray)


def unsupported(value: object) -> TypeError:
    return TypeError(f"Unsupported type {type(value)}")


class ndarray:  # noqa: N801 - CuPy's name
    """An array of a fake device; `_a` is its data, as if out of the host's reach."""

    __module__ = "cupy"
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, cupy: Any, a: np.ndarray[Any, Any], buffer: Buffer, device: int) -> None:
        self._cupy, self._a, self._buffer, self._device = cupy, a, buffer, device

    def _view(self, a: Any) -> ndarray:
        return ndarray(self._cupy, np.asarray(a), self._buffer, self._device)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides", "flags"):
            return getattr(self._a, name)
        raise AttributeError(f"the stand-in for CuPy's ndarray has no attribute {name!r}")

    @property
    def T(self) -> ndarray:
        return self._view(self._a.T)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self._a.ctypes.data)

    @property
    def offset(self) -> int:
        """Where it begins in its memory, whose beginning is aligned on a GPU."""
        memory = self._a
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        return int(self._a.ctypes.data - memory.ctypes.data)

    @property
    def device(self) -> Any:
        return self._cupy.cuda.Device(self._device)

    def __dlpack__(self, **keywords: object) -> ndarray:
        return self  # in place of a capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._device

    def __len__(self) -> int:
        return len(self._a)

    def __array__(self, *args: object, **kwargs: object) -> None:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_function__(self, *args: object, **kwargs: object) -> None:
        raise TypeError("a function of NumPy was called with a CuPy array")

    def get(self, order: Any = "C", out: Any = None, blocking: bool = True) -> np.ndarray[Any, Any]:
        if out is None:
            self._read("get")
            return self._a.copy(order)
        if out.dtype != self._a.dtype:
            raise TypeError(f"expected out of {self._a.dtype}, got {out.dtype}")
        if out.shape != self._a.shape:
            raise ValueError(f"expected out of shape {self._a.shape}, got {out.shape}")
        if not out.flags.c_contiguous:
            raise RuntimeError("`out` cannot be specified when copying to non-contiguous ndarray")
        trace = self._cupy.trace
        if blocking:
            self._read("get")
        else:
            self._buffer.read()
            trace.bytes_to_host += self._a.nbytes
            if not self._cupy._machine.is_pinned(out.ctypes.data, out.nbytes):
                trace.hazards.append("a copy to memory that is not pinned")
        out[...] = self._a
        return out  # type: ignore[no-any-return]

    def _read(self, what: str) -> None:
        self._buffer.read()
        self._cupy.trace.syncs.append(what)
        self._cupy.trace.bytes_to_host += self._a.nbytes

    def set(self, arr: np.ndarray[Any, Any]) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self._a.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self._a.dtype} array")
        if arr.shape != self._a.shape:
            raise ValueError("Shape mismatch")
        if not (self._a.flags.c_contiguous or self._a.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        self._buffer.used()
        self._cupy.trace.bytes_to_device += arr.nbytes
        self._a[...] = arr

    def item(self) -> Any:
        if self._a.size != 1:
            raise TypeError("only size-1 arrays can be converted to Python scalars")
        self._read("item")
        return self._a.item()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def reshape(self, *shape: Any, order: Any = "C") -> ndarray:
        a = self._a.reshape(*shape, order=order)
        return self._view(a) if np.may_share_memory(a, self._a) else self._cupy.made("reshape", a)

    def copy(self, order: Any = "C") -> ndarray:
        # Also from another device: CuPy copies to the current one.
        return self._cupy.made("copy", self._a.copy(order))  # type: ignore[no-any-return]

    def astype(self, dtype: Any, order: Any = "K", copy: bool = True) -> ndarray:
        if not copy and self._a.dtype == dtype:
            return self
        self._cupy.check(self)
        return self._cupy.made("astype", self._a.astype(dtype, order))  # type: ignore[no-any-return]

    def argmax(self, axis: Any = None) -> ndarray:
        return self._cupy.made("argmax", self._a.argmax(axis))  # type: ignore[no-any-return]

    def fill(self, value: Any) -> None:
        self[...] = value

    def __getitem__(self, index: Any) -> ndarray:
        return self._view(self._a[basic_index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._cupy.launch("setitem")
        self._a[basic_index(index)] = self._cupy.operand(value)

    def __matmul__(self, other: Any) -> Any:
        return self._cupy.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._cupy.matmul(other, self)

    def __neg__(self) -> Any:
        return self._cupy.negative(self)

    def __abs__(self) -> Any:
        return self._cupy.absolute(self)

    def __invert__(self) -> Any:
        return self._cupy.invert(self)


def basic_index(index: Any) -> Any:
    for part in index if isinstance(index, tuple) else (index,):
        if not (part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer))):
            raise TypeError(f"the stand-in takes no {type(part).__name__} as an index")
    return index


def _add_methods() -> None:
    def binary(ufunc: str) -> Callable[..., Any]:
        return lambda self, other: getattr(self._cupy, ufunc)(self, other)

    def reflected(ufunc: str) -> Callable[..., Any]:
        return lambda self, other: getattr(self._cupy, ufunc)(other, self)

    def in_place(ufunc: str) -> Callable[..., Any]:
        return lambda self, other: getattr(self._cupy, ufunc)(self, other, out=self)

    def reduction(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: getattr(self._cupy, name)(self, *args, **kwargs)

    for operator, ufunc in OPERATORS.items():
        setattr(ndarray, f"__{operator}__", binary(ufunc))
        setattr(ndarray, f"__r{operator}__", reflected(ufunc))
        setattr(ndarray, f"__i{operator}__", in_place(ufunc))
    for operator, ufunc in COMPARISONS.items():
        setattr(ndarray, f"__{operator}__", binary(ufunc))
    for name in (*REDUCTIONS_WITH_DTYPE, *REDUCTIONS):
        setattr(ndarray, name, reduction(name))


_add_methods()
