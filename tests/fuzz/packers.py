"""Packed files of the kinds that are read, by extension."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable


def zstd(data: bytes) -> bytes:
    """Return data as a .zst file."""
    from pyarrow import BufferOutputStream, CompressedOutputStream

    out = BufferOutputStream()
    with CompressedOutputStream(out, "zstd") as file:
        file.write(data)
    return bytes(out.getvalue())


def xz(data: bytes) -> bytes:
    """Return data as a .xz file that takes little memory to write."""
    return lzma.compress(data, preset=0)


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    (".gz", gzip.compress),
    (".bz2", bz2.compress),
    (".xz", xz),
    (".zst", zstd),
]
