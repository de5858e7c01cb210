"""The two types that stand for "whatever the array module makes"."""

from types import ModuleType
from typing import Any, TypeAlias

#: An array of NumPy, CuPy or another module of the array API standard.
Array: TypeAlias = Any
#: The module that owns an array: ``numpy`` or ``cupy``, unmodified.
Namespace: TypeAlias = ModuleType
