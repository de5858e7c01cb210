"""Phases of a long command, such as reading, for whoever shows how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

#: Called with how many more examples are done; from any thread.
Done = Callable[[int], object]


class Phases(Protocol):
    """Called where a phase begins; the phase is over when the context is left."""

    def __call__(self, name: str, total: int | None) -> AbstractContextManager[Done]:
        """Return a context that gives the function to call as examples are done."""


def unseen(count: int) -> None:
    """Take note of nothing."""
    del count


@contextmanager
def unseen_phases(name: str, total: int | None) -> Iterator[Done]:
    """Show nothing."""
    del name, total
    yield unseen
