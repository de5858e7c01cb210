"""The command ``gdnet``: parse, run one command, turn errors into exit codes."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from gdnet import errors
from gdnet._version import __version__
from gdnet.cli import bench, convert, evaluate, export, gradcheck, info, plot, predict, train
from gdnet.cli.output import reason_of, say
from gdnet.cli.ranks import (
    SHARED_COMMANDS,
    Launched,
    join,
    launched,
    only_the_first_speaks,
    own_threads,
    signals_held_back,
)
from gdnet.cli.signals import Terminated, ended_by_signals
from gdnet.errors import DeviceUnavailable, Diverged, GdnetError, RankFailed

EXIT_CODES = """\
exit codes:
  0 done   2 bad usage or bad input   3 diverged   4 device not available   1 anything else
  130 interrupted (Ctrl-C)   143 terminated   75 a rank of MPI has waited too long for another
"""

# The first that an error is one of.
CODES = {RankFailed: 1, Diverged: 3, DeviceUnavailable: 4, GdnetError: 2}

COMMANDS = (train, predict, evaluate, bench, info, gradcheck, convert, export, plot)


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
    parser.add_argument("--version", action="version", version=f"gdnet {__version__}")
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
    _open_what_is_closed()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        process = launched() if words and words[0] in SHARED_COMMANDS else None
    except GdnetError as error:
        return _failed(error, 2)
    with only_the_first_speaks(process):
        return _main(arguments, process)


def _main(arguments: Sequence[str] | None, process: Launched | None) -> int:
    try:
        with ended_by_signals(), signals_held_back(process) as let_through:
            options = _parse(arguments)
            if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may be no text
                sys.stdout.reconfigure(errors="backslashreplace")
            if process is None:
                code = _run(options)
            else:
                code = _run_on_ranks(options, process, let_through)
            sys.stdout.flush()
    except RankFailed as error:  # all ranks end with the code of the one that has failed
        if error.kind == Terminated.__name__:  # by a SIGTERM between two exchanges
            return _failed(error, 143)
        return _failed(error, _code_of(getattr(errors, error.kind or "", Exception)))
    except GdnetError as error:
        return _failed(error, _code_of(type(error)))
    except KeyboardInterrupt as interrupt:
        return _failed(reason_of(interrupt), 130)
    except Terminated as termination:
        return _failed(reason_of(termination), 143)
    except BrokenPipeError:  # who read our output has gone
        _give_up_stdout()
        return 1
    except MemoryError as error:
        return _failed(reason_of(error), 1)
    except OSError as error:
        _give_up_stdout()
        return _failed(reason_of(error), 1)
    return code


def _open_what_is_closed() -> None:
    """Let stdout and stderr lead nowhere where a shell has closed them (``>&-``)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
            setattr(sys, name, nowhere)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = build_parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # argparse itself would show the usage of gdnet, not that of the command.
        hint = _similar_option(unknown[0].split("=")[0], options.parser)
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return options


def _similar_option(unknown: str, parser: argparse.ArgumentParser) -> str:
    """Return a hint at an option of nearly the same name, or of the same initials: --lr."""
    names = [name for name in parser._option_string_actions if name.startswith("--")]
    by_initials = {f"--{''.join(w[0] for w in name[2:].split('-'))}": name for name in names}
    close = difflib.get_close_matches(unknown, names, n=1)
    meant = by_initials.get(unknown) or (close[0] if close else None)
    return f"; did you mean {meant}?" if meant else ""


def _run(options: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        if not sys.warnoptions:
            # A descent that diverges overflows first; what users need to know of it is the error.
            warnings.simplefilter("ignore", RuntimeWarning)
        code: int = options.run(options)
        return code


def _run_on_ranks(
    options: argparse.Namespace, process: Launched, let_through: Callable[[], object]
) -> int:
    """Do the work on all ranks."""
    from gdnet.ranks.communicator import together

    ranks = join(process, options.mpi_timeout)
    with together(ranks):
        let_through()
        options.ranks = ranks
        options.threads = options.threads or own_threads(ranks)
        return _run(options)


def _give_up_stdout() -> None:
    """Write what stdout still holds, if it can be; Python must not complain of it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _code_of(kind: type[BaseException]) -> int:
    return next((code for each, code in CODES.items() if issubclass(kind, each)), 1)


def _failed(message: object, code: int) -> int:
    say(str(message))
    return code
