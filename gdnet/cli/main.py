"""The command ``gdnet``: parse, run one command, turn errors into exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import gdnet
from gdnet.cli import evaluate, gradcheck, info, predict, train
from gdnet.errors import DeviceUnavailable, Diverged, GdnetError

EXIT_CODES = """\
exit codes:
  0 done   2 bad usage or bad input   3 diverged   4 device not available   1 anything else
  130 interrupted (Ctrl-C)   143 terminated
"""

COMMANDS = (train, predict, evaluate, info, gradcheck)


class Terminated(BaseException):
    """SIGTERM has come."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="gdnet",
        description="One-hidden-layer networks by exact full-batch gradient descent, on the CPU "
        "or a CUDA GPU.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gdnet {gdnet.__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    with contextlib.suppress(ValueError):  # signals belong to the main thread
        signal.signal(signal.SIGTERM, _terminate)
    options = build_parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except Diverged as error:
        return _failed(error, 3)
    except DeviceUnavailable as error:
        return _failed(error, 4)
    except GdnetError as error:
        return _failed(error, 2)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except Terminated:
        return _failed("terminated", 143)
    except BrokenPipeError:
        # Who read our output has gone; Python must not try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return _failed(f"not enough memory: {error}" if str(error) else "not enough memory", 1)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _failed(f"{name}{error.strerror or error}", 1)
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _failed(message: object, code: int) -> int:
    print(f"gdnet: {message}", file=sys.stderr)  # noqa: T201
    return code
