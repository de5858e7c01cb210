"""A strict stand-in for CuPy 14.2 on NumPy, so that code for a GPU is tested where there is none.

It has the names, keywords and types of CuPy that gdnet uses and no others, and is loud or counts
where CuPy differs from NumPy: no implicit conversion to the host, no NumPy operands, results in C
order, 0-d results of reductions, arrays that belong to a device, and what an operation costs.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from . import fake_cuda, fake_kernels
from .fake_array import REDUCTIONS, REDUCTIONS_WITH_DTYPE, SCALARS, ArrayType, ndarray, unsupported
from .fake_devices import Buffer, Machine, PinnedPool, Pool, Trace, memories
from .fake_names import NUMPY_NAMES, UFUNCS

# cuBLAS has kernels for operands that are aligned so, and others, with other bits, for the rest.
MATMUL_ALIGNMENT = 16


class FakeCupy(ModuleType):
    """The module. Beside CuPy's names it has `trace`, `faults`, `wrong` and a few helpers.

    Attributes
    ----------
    trace : Trace
        What the devices were made to do.
    faults : dict
        Exceptions to raise: by the count of "devices", by every "kernel", by every "matmul".
    wrong : set of str
        Names of operations that compute wrong numbers.
    multiprocessors : int
        What each device has.
    """

    def __init__(self, machine: Machine, faults: dict[str, Exception]) -> None:
        super().__init__("cupy")
        self.__dict__["ndarray"] = ArrayType("ndarray", (), {"__new__": self._in_memory})
        self.trace: Trace = machine.trace
        self.faults = faults
        self.wrong: set[str] = set()
        self.multiprocessors = 132
        self._machine = machine
        self._pool = Pool(machine)
        self._core = fake_cuda.make_core(machine)
        for name in UFUNCS:
            setattr(self, name, self._ufunc(name))
        for name in REDUCTIONS_WITH_DTYPE:
            setattr(self, name, self._reduction_with_dtype(name))
        for name in REDUCTIONS:
            setattr(self, name, self._reduction(name))
        for name in NUMPY_NAMES:
            setattr(self, name, getattr(np, name))

    def launch(self, name: str) -> None:
        self._machine.kernel(name, self.faults, "matmul" if name == "matmul" else "kernel")

    def new(self, a: Any) -> ndarray:
        """Return an array of the current device, without a kernel."""
        a = np.asarray(a)
        return ndarray(self, a, Buffer(self._machine, a.nbytes), self._machine.current)

    def _in_memory(self, _: type, shape: Any, dtype: Any, memptr: Any) -> ndarray:
        return ndarray(self, memptr.array(shape, dtype), memptr.buffer, self._machine.current)

    def made(self, name: str, a: Any) -> ndarray:
        """Return the result of a kernel."""
        self.launch(name)
        return self.new(np.asarray(a) + 1 if name in self.wrong else a)

    def check(self, *arrays: Any) -> None:
        """Raise unless all are arrays of the current device."""
        for array in arrays:
            if not isinstance(array, ndarray):
                raise unsupported(array)
            array._buffer.used()
            if array._device != self._machine.current:
                raise ValueError(
                    f"The device where the array resides ({array._device}) is different from the "
                    f"current device ({self._machine.current}). Peer access is unavailable "
                    "between these devices."
                )

    def operand(self, value: Any) -> Any:
        if isinstance(value, SCALARS):
            return value
        self.check(value)
        return value._a

    def _ufunc(self, name: str) -> Callable[..., Any]:
        of_numpy = getattr(np, name)

        def ufunc(
            *args: Any, out: Any = None, dtype: Any = None, casting: Any = "same_kind"
        ) -> ndarray:
            if len(args) == of_numpy.nin + 1:
                *args, out = args  # type: ignore[assignment]
            if len(args) != of_numpy.nin:
                raise TypeError(f"Wrong number of arguments for {name!r}")
            r = np.asarray(of_numpy(*map(self.operand, args), dtype=dtype), order="C")
            arrays = [x.dtype for x in args if isinstance(x, ndarray)]
            if r.dtype == np.float64 and arrays and np.result_type(*arrays) == np.float32:
                self.trace.promotions.append(name)
            return self._into(out, name, r, casting)

        return ufunc

    def _into(self, out: Any, name: str, r: np.ndarray[Any, Any], casting: Any) -> ndarray:
        if out is None:
            return self.made(name, r)
        self.check(out)
        if np.broadcast_shapes(r.shape, out.shape) != out.shape:
            raise ValueError(f"Out shape is mismatched: {out.shape} for {r.shape}")
        if not np.can_cast(r.dtype, out.dtype, casting):
            raise TypeError(f"output (typecode {r.dtype}) could not be coerced to {out.dtype}")
        self.launch(name)
        out._a[...] = r
        return out  # type: ignore[no-any-return]

    def _reduction(self, name: str) -> Callable[..., Any]:
        def reduction(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
            self.check(a)
            r = getattr(np, name)(a._a, axis=axis, keepdims=keepdims)
            return self._into(out, name, np.asarray(r, order="C"), "unsafe")

        return reduction

    def _reduction_with_dtype(self, name: str) -> Callable[..., Any]:
        def reduction(
            a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
        ) -> Any:
            self.check(a)
            r = getattr(np, name)(a._a, axis=axis, dtype=dtype, keepdims=keepdims)
            return self._into(out, name, np.asarray(r, order="C"), "unsafe")

        return reduction

    def matmul(self, a: Any, b: Any, out: Any = None) -> ndarray:
        self.check(a, b)
        r = np.asarray(a._a @ b._a, order="C")
        for x in (a, b):
            contiguous = x.flags.c_contiguous or x.flags.f_contiguous
            if not contiguous or x.dtype != r.dtype:
                self.trace.hidden_copies.append(f"matmul operand {x.shape} {x.dtype}")
            if x.offset % MATMUL_ALIGNMENT:
                self.trace.misaligned.append(f"matmul operand {x.shape} at {x.offset}")
        if out is not None and (
            not out.flags.c_contiguous
            or out.dtype != r.dtype
            or builtins.any(np.may_share_memory(out._a, x._a) for x in (a, b))
        ):
            self.trace.hidden_copies.append(f"matmul out {out.shape} {out.dtype}")
        return self._into(out, "matmul", r, "same_kind")

    def where(self, condition: Any, x: Any, y: Any) -> ndarray:
        self.check(condition)
        r = np.where(condition._a, self.operand(x), self.operand(y))
        return self.made("where", np.asarray(r, order="C"))

    def clip(self, a: Any, a_min: Any, a_max: Any, out: Any = None) -> ndarray:
        self.check(a)
        r = np.clip(a._a, self.operand(a_min), self.operand(a_max))
        return self._into(out, "clip", np.asarray(r, order="C"), "same_kind")

    def astype(self, x: Any, dtype: Any, /, *, copy: bool = True) -> ndarray:
        self.check(x)
        return x.astype(dtype, copy=copy)  # type: ignore[no-any-return]

    def from_dlpack(self, x: Any) -> ndarray:
        shared = x.__dlpack__()
        self.check(shared)
        return shared  # type: ignore[no-any-return]

    def take(self, a: Any, indices: Any, axis: Any = None) -> ndarray:
        self.check(a, indices)
        return self.made("take", np.take(a._a, indices._a, axis))

    def ascontiguousarray(self, a: Any, dtype: Any = None) -> ndarray:
        self.check(a)
        if a.flags.c_contiguous and (dtype is None or a.dtype == dtype):
            return a  # type: ignore[no-any-return]
        return self.made("ascontiguousarray", np.ascontiguousarray(a._a, dtype))

    def asarray(self, a: Any, dtype: Any = None, order: Any = None) -> ndarray:
        if hasattr(a, "__cuda_array_interface__"):
            a = a.__cuda_array_interface__["data"]  # in place of a pointer
        if isinstance(a, ndarray):
            if a._device != self._machine.current:
                a = a.copy(order or "K")
            return a if dtype is None else self.astype(a, dtype, copy=False)
        host = np.array(a, dtype, order=order or "K")
        if host.dtype.char not in "?bhilqBHILQefdFD":
            raise ValueError(f"Unsupported dtype {host.dtype}")
        self.trace.bytes_to_device += host.nbytes
        if host.ndim:
            self.trace.pinned_bytes += 2 ** math.ceil(math.log2(max(1, host.nbytes)))
        return self.new(host)

    def asnumpy(
        self, a: Any, order: Any = "C", out: Any = None, *, blocking: bool = True
    ) -> np.ndarray[Any, Any]:
        if isinstance(a, ndarray):
            return a.get(order, out, blocking)
        return np.asarray(a, order=order)

    def stack(self, tup: Sequence[Any], axis: int = 0) -> ndarray:
        self.check(*tup)
        return self.made("stack", np.stack([x._a for x in tup], axis))

    def concatenate(self, tup: Sequence[Any], axis: int = 0) -> ndarray:
        self.check(*tup)
        return self.made("concatenate", np.concatenate([x._a for x in tup], axis))

    def empty(self, shape: Any, dtype: Any = float, order: Any = "C") -> ndarray:
        a = np.empty(shape, dtype, order)
        # Nobody may count on what new memory holds.
        a.fill(np.nan if a.dtype.kind in "fc" else np.array(-1).astype(dtype))
        return self.new(a)

    def zeros(self, shape: Any, dtype: Any = float, order: Any = "C") -> ndarray:
        return self.new(np.zeros(shape, dtype, order))  # a memset: no kernel

    def ones(self, shape: Any, dtype: Any = float, order: Any = "C") -> ndarray:
        return self.made("fill", np.ones(shape, dtype, order))

    def ones_like(self, a: Any, dtype: Any = None) -> ndarray:
        self.check(a)
        return self.made("fill", np.ones_like(a._a, dtype))

    def zeros_like(self, a: Any, dtype: Any = None) -> ndarray:
        self.check(a)
        return self.new(np.zeros_like(a._a, dtype))

    def empty_like(self, prototype: Any, dtype: Any = None) -> ndarray:
        self.check(prototype)
        return self.empty(prototype.shape, prototype.dtype if dtype is None else dtype)

    def arange(self, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> ndarray:
        return self.made("arange", np.arange(start, stop, step, dtype=dtype))

    def RawModule(self, *, code: str, options: tuple[str, ...]) -> Any:
        return fake_kernels.RawModule(self, code, options)

    def get_default_pinned_memory_pool(self) -> PinnedPool:
        return PinnedPool()

    def get_default_memory_pool(self) -> Pool:
        return self._pool


def make_fake_cupy(
    devices: int = 1,
    memory: int | Sequence[int] = 2**36,
    version: str = "14.2.0",
    *,
    driver: int = 13000,
    runtime: int = 13020,
    capability: str = "90",
    float64_slowdown: int = 2,
    multiprocessors: int = 132,
) -> Any:
    """Return a new fake of the module, to be put into ``sys.modules["cupy"]``."""
    faults: dict[str, Exception] = {}
    machine = Machine(memories(devices, memory), Trace())
    cupy = FakeCupy(machine, faults)
    cupy.__dict__["__version__"] = version
    cupy.multiprocessors = multiprocessors
    cupy.__dict__["cuda"] = fake_cuda.make_cuda(
        machine,
        faults,
        driver=driver,
        runtime=runtime,
        capability=capability,
        float64_slowdown=float64_slowdown,
        multiprocessors=multiprocessors,
    )
    return cupy
