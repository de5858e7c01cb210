"""CUDA kernels of the stand-in for CuPy: the real sources, run by `emulation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from . import emulation
from .fake_array import ndarray


class RawModule:
    """The kernels of a source; they are compiled when the first is asked for."""

    def __init__(self, cupy: Any, code: str, options: tuple[str, ...]) -> None:
        # The emulation, too, fuses no product with an addition by itself.
        fixed, defines = options[:2], options[2:]
        defined = all(each.startswith("-D") for each in defines)
        if fixed != ("-std=c++17", "-fmad=false") or not defined:
            raise ValueError(f"the stand-in does not know these options: {options}")
        self._cupy, self._code, self._defines = cupy, code, defines

    def get_function(self, name: str) -> Callable[..., None]:
        if emulation.GXX is None:
            pytest.skip("CUDA kernels are run on the CPU with g++, which is not there")
        run = emulation.compiled(self._code, self._defines)[name]

        def kernel(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
            values = [self._argument(name, value) for value in args]
            self._cupy.launch(name)
            run(grid, block, values, self._cupy.multiprocessors)

        return kernel

    def _argument(self, name: str, value: Any) -> Any:
        if isinstance(value, ndarray):
            self._cupy.check(value)
            return value._a.ctypes.data
        if isinstance(value, np.generic):
            return value
        raise TypeError(f"{name}: an argument is neither an array nor a NumPy scalar: {value!r}")
