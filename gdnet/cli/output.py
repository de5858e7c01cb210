"""What commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import ast
import contextlib
import csv
import io
import logging
import re
import shlex
import sys

# What the library says to a user of Python; a list of columns is the end of a message.
_ARGUMENT = re.compile(
    r"""\b(target|labels|ignore|header|dtype|solver|task|text|missing|na_values|categorical)="""
    r"""(\[.*?\](?=$|, got |, or )|'[^']*'|"[^"]*"|COLUMN\b|FILE\.npy\b)"""
)


class _Reported(logging.Handler):
    """Writes what is logged, such as that data do not fit the memory of a GPU, to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def say_what_is_logged(quiet: bool) -> None:
    """Write what gdnet logs to stderr, unless it is to be quiet."""
    logger = logging.getLogger("gdnet")
    logger.setLevel(logging.INFO)
    logger.handlers = [] if quiet else [_Reported()]


def say(message: str) -> None:
    """Write a line to stderr, arguments of Python in it as options."""
    print(f"gdnet: {as_options(message)}", file=sys.stderr)  # noqa: T201


def as_options(message: str) -> str:
    """Return a message of the library with ``target='y'`` as ``--target y``."""

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        with contextlib.suppress(ValueError, SyntaxError):
            given = ast.literal_eval(value)
            text = io.StringIO()
            csv.writer(text).writerow(given if isinstance(given, list) else [given])
            value = shlex.quote(text.getvalue().removesuffix("\r\n"))
        return f"--{name.replace('_', '-')}{'=' if value.startswith('-') else ' '}{value}"

    return _ARGUMENT.sub(option, message).replace("a smaller block_size", "a smaller --block-size")


def reason_of(error: BaseException) -> str:
    """Return what an error says to a user: of a file, which one."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    if isinstance(error, OSError):
        return f"{error.filename}: " * bool(error.filename) + (error.strerror or str(error))
    stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated"
    return str(error) or (stopped if not isinstance(error, Exception) else type(error).__name__)


def show(text: str) -> None:
    """Write a result to stdout, before an error that follows it is reported."""
    print(text, flush=True)  # noqa: T201
