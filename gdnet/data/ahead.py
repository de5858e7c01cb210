"""Reading ahead: the next part of a stream is prepared while the last one is computed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")

_END = object()


def read_ahead(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts of a stream, of which a thread prepares the next one meanwhile.

    Two parts are alive at a time, beyond what the stream itself holds.
    """
    stream = iter(parts)
    with ThreadPoolExecutor(1, "gdnet-read") as pool:
        coming = pool.submit(next, stream, _END)
        while (part := coming.result()) is not _END:
            coming = pool.submit(next, stream, _END)
            yield part  # type: ignore[misc]
