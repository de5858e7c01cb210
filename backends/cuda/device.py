"""What the copying of blocks asks of the backend whose memory they go to."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

import numpy.typing as npt


class Device(Protocol):
    """A CUDA device with its memory; `CudaBackend` is one."""

    name: str
    xp: ModuleType
    keeps_blocks: bool

    def device(self) -> AbstractContextManager[Any]:
        """Return CuPy's device, a context in which it is the current one."""

    def make_room(self) -> bool:
        """Give up a block that is kept, and return whether there was one."""

    def asarray(self, a: Any, dtype: npt.DTypeLike | None = None) -> Any:
        """Return an array of the device."""
