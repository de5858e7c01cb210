"""Types that have no home of their own: arrays of any module, and of the host."""

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: An array of NumPy, CuPy or another module of the array API standard.
Array: TypeAlias = Any
#: The module that owns an array: ``numpy`` or ``cupy``, unmodified.
Namespace: TypeAlias = ModuleType
#: An array of NumPy, of any type.
HostArray: TypeAlias = np.ndarray[Any, Any]
#: Numbers in float64.
Floats: TypeAlias = npt.NDArray[np.float64]
