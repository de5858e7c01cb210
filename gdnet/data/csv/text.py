"""The text of CSV files, as it is read: decompressed, one file after the other, single blanks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from threading import Lock
from typing import Any, BinaryIO

import numpy as np

from gdnet.data.csv.compressed import CHUNK, decompressed
from gdnet.data.formats import COMPRESSED
from gdnet.data.parts import Parts
from gdnet.errors import DataError

# Characters of a line. A few kilobytes may decompress to a line that fills the memory.
MAX_LINE = 2**26

_LINE_END = re.compile(rb"\r\n?|\n")
_BLANKS = re.compile(rb"[ \t]+")
_BLANK_AT_LINE_END = re.compile(rb" ?([\r\n]+) ?")


class CsvText:
    """The text of one CSV file or of several, read as if it were one plain file.

    Nothing is kept of it, in memory or on the disk: each pass reads, and decompresses, from the
    beginning.

    Parameters
    ----------
    parts : Parts
        The files.

    Attributes
    ----------
    path : Path
        How messages call them.
    single_blanks : bool
        Whether blanks and tabs outside of quotes are read as one blank, and none at the beginning
        and the end of a line.
    skipped : list of int
        How many lines of each file but the first are left out, where they have a header.
    """

    def __init__(self, parts: Parts) -> None:
        self.path, self.files = parts.path, parts.files
        self.single_blanks = False
        self.skipped = [0] * len(parts.files)

    @property
    def files_alone(self) -> list[CsvText]:
        """The text of each file, all lines of it."""
        found = [CsvText(Parts(file, (file,))) for file in self.files]
        for text in found:
            text.single_blanks = self.single_blanks
        return found

    def open(self) -> BinaryIO:
        """Return the bytes as a file, to be read from its beginning to its end.

        Raises
        ------
        DataError
            As it is read: if a packed file is damaged, or a line too long.
        """
        if self._is_plain:
            return self.files[0].open("rb")
        return io.BufferedReader(_ChunkFile(self._chunks()), CHUNK)

    @contextmanager
    def source(self) -> Iterator[Any]:
        """Give what pyarrow reads the bytes from: a path, or a file that ends with the block.

        Raises
        ------
        DataError
            As it is read: if a packed file is damaged, or a line too long.
        """
        if self._is_plain:
            yield str(self.files[0])
            return
        file = _ChunkFile(self._chunks())
        try:
            yield io.BufferedReader(file, CHUNK)
        finally:
            file.end()

    def end(self, source: Any, reader: Any) -> None:
        """Let pyarrow's reader of a source come to its end.

        A thread of pyarrow's reads ahead, and calls Python for it: it must not outlive Python.
        """
        from pyarrow import ArrowException

        if isinstance(source, str):
            return
        source.raw.end()
        with suppress(ArrowException, DataError):
            for _ in reader:
                pass

    @contextmanager
    def lines(self) -> Iterator[Iterator[str]]:
        """Give the lines, as the csv module takes them; other bytes than UTF-8 as surrogates.

        Raises
        ------
        DataError
            As they are read: if a packed file is damaged, or a line too long.
        """
        with io.TextIOWrapper(
            self.open(), encoding="utf-8-sig", errors="surrogateescape", newline=""
        ) as file:
            yield file if self._is_plain else self._bounded(file)

    def place(self, line: int) -> str:
        """Return where a line is, counted from 1, for a message."""
        if len(self.files) == 1:
            return f"line {line}"
        for file, skipped in zip(self.files_alone, self.skipped, strict=True):
            count = count_lines(file) - skipped
            if line <= count or file.path == self.files[-1]:
                break
            line -= count
        return f"line {line + skipped} of {file.path}"

    @property
    def _is_plain(self) -> bool:
        packed = self.files[0].suffix.lower() in COMPRESSED
        return len(self.files) == 1 and not packed and not self.single_blanks

    def _bounded(self, file: io.TextIOWrapper) -> Iterator[str]:
        while line := file.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise self._endless()
            yield line

    def _endless(self) -> DataError:
        return DataError(
            f"{self.path}: expected lines of less than {MAX_LINE:,} characters, got a longer one; "
            "is it a table?"
        )

    def _chunks(self) -> Iterator[bytes]:
        chunks = self._joined()
        return self._with_single_blanks(chunks) if self.single_blanks else chunks

    def _joined(self) -> Iterator[bytes]:
        last = b"\n"
        for path, skipped in zip(self.files, self.skipped, strict=True):
            if not last.endswith((b"\n", b"\r")):
                yield b"\n"
            for chunk in _without_lines(decompressed(path), skipped):
                yield chunk
                last = chunk or last

    def _with_single_blanks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        rest, quoted = b"", False
        for chunk in chunks:
            rest += chunk
            end = max(rest.rfind(b"\n"), rest.rfind(b"\r")) + 1
            if end:
                done, quoted = _collapsed(rest[:end], quoted)
                yield done
                rest = rest[end:]
            elif len(rest) > MAX_LINE:
                raise self._endless()
        done, _ = _collapsed(rest, quoted)
        yield done.rstrip(b" ")


class _ChunkFile(io.RawIOBase):
    """A file of bytes that come in pieces."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._rest = chunks, memoryview(b"")
        self._lock, self._has_ended = Lock(), False

    def end(self) -> None:
        """Have no more bytes, whoever asks."""
        with self._lock:
            self._has_ended = True

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, none at the end."""
        with self._lock:
            while not (self._rest or self._has_ended):
                chunk = next(self._chunks, None)
                if chunk is None:
                    return 0
                self._rest = memoryview(chunk)
            if self._has_ended:
                return 0
            count = min(len(buffer), len(self._rest))
            buffer[:count], self._rest = self._rest[:count], self._rest[count:]
            return count


def _without_lines(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield the bytes behind so many lines, and behind a byte order mark."""
    head: bytes = b""
    ends: list[re.Match[bytes]] = []
    for chunk in chunks:
        head += chunk
        ends = list(islice(_LINE_END.finditer(head), count + 1))
        if not count or len(ends) > count or len(head) > MAX_LINE:  # one more tells CR from CR LF
            break
    begin = 0
    if count:
        begin = ends[count - 1].end() if len(ends) >= count else len(head)
    yield head[begin:] if begin else head.removeprefix(b"\xef\xbb\xbf")
    yield from chunks


def _collapsed(text: bytes, quoted: bool) -> tuple[bytes, bool]:
    """Return text with single blanks, and whether it ends within quotes as it may begin."""
    pieces = text.split(b'"')
    for i in range(int(quoted), len(pieces), 2):
        pieces[i] = _BLANK_AT_LINE_END.sub(rb"\1", _BLANKS.sub(b" ", pieces[i]))
    if not quoted:
        pieces[0] = pieces[0].removeprefix(b" ")
    return b'"'.join(pieces), quoted ^ (len(pieces) % 2 == 0)


def has_quotes(text: CsvText) -> bool:
    """Return whether there is a quote at all; without one, a line is a row."""
    return any(buffer.find(b'"', 0, count) >= 0 for buffer, count in _buffers(text))


def count_lines(text: CsvText) -> int:
    """Return the number of lines; one that ends in CR LF, or CR alone, counts once."""
    newline, carriage_return = ord("\n"), ord("\r")
    lines, last = 0, newline
    for buffer, count in _buffers(text):
        chunk = np.frombuffer(buffer, np.uint8, count)
        ends = chunk == carriage_return
        lines += int(np.count_nonzero(chunk == newline) + np.count_nonzero(ends))
        if last == carriage_return or ends.any():
            lines -= int(last == carriage_return and chunk[0] == newline)
            lines -= int(np.count_nonzero(ends[:-1] & (chunk[1:] == newline)))
        last = int(chunk[-1])
    return lines + (last not in (newline, carriage_return))


def _buffers(text: CsvText) -> Iterator[tuple[bytearray, int]]:
    """Yield the bytes in pieces: a buffer, used again for the next, and their number."""
    buffer = bytearray(CHUNK)
    with text.open() as file:
        while count := file.readinto(buffer):  # type: ignore[attr-defined]
            yield buffer, count
