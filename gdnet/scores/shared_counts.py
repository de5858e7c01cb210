"""What threads count together, and processes send each other."""

from __future__ import annotations

import threading
from typing import Any


class SharedCounts:
    """A base of counts that many threads add to under ``self._lock``.

    It can be pickled, which a lock cannot: the copy has one of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the lock."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what another has counted."""
        self.__dict__ |= state
        self._lock = threading.Lock()
