"""Files that may be compressed, decompressed piece by piece in memory that has a limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gdnet.errors import DataError

# Bytes of a piece.
CHUNK = 2**20
# What a .xz file may ask for to be unpacked; xz -9 asks for a quarter of it.
XZ_MEMORY = 2**28


def decompressed(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, in pieces.

    Raises
    ------
    DataError
        If it is compressed, and damaged or not complete.
    """
    suffix = path.suffix.lower()
    try:
        with _opened(path, suffix) as file:
            if suffix == ".xz":
                yield from _xz(file)
            while chunk := file.read(CHUNK):
                yield chunk
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: expected a complete {suffix} file, got one that is damaged ({error})"
        ) from None


def _opened(path: Path, suffix: str) -> Any:
    if suffix == ".zst":
        from pyarrow import input_stream

        return input_stream(str(path), compression="zstd")
    modules: dict[str, Any] = {".gz": gzip, ".bz2": bz2}
    return modules[suffix].open(path) if suffix in modules else path.open("rb")


def _xz(file: BinaryIO) -> Iterator[bytes]:
    """Yield what the streams of a .xz file unpack to: lzma.open sets no limit to its memory."""
    stream, data = lzma.LZMADecompressor(memlimit=XZ_MEMORY), b""
    while True:
        if stream.eof:
            data = stream.unused_data.lstrip(b"\0")  # which may stand between streams
            while not data:
                chunk = file.read(CHUNK)
                if not chunk:
                    return
                data = chunk.lstrip(b"\0")
            stream = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
        elif stream.needs_input and not data:
            data = file.read(CHUNK)
            if not data:
                raise EOFError("it ends too early")
        yield stream.decompress(data, CHUNK)
        data = b""
