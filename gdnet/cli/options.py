"""What several commands share: types of arguments, the device, where data come from."""

from __future__ import annotations

import argparse
import ast
import contextlib
import csv
import io
import logging
import math
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.signals import raise_received
from gdnet.errors import DataError, GdnetError
from gdnet.training.options import OPTIONS, TASKS, Limits

if TYPE_CHECKING:
    from gdnet.backends import Choice


# What the library says to a user of Python; a list of columns is the end of a message.
_ARGUMENT = re.compile(
    r"""\b(target|labels|ignore|header|dtype|solver|task|text|missing|na_values|categorical)="""
    r"""(\[.*?\](?=$|, got |, or )|'[^']*'|"[^"]*"|COLUMN\b|FILE\.npy\b)"""
)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return an argument type: an integer of at least `least` and, if given, at most `most`."""
    expected = f"of at least {least}" if most is None else f"from {least} to {most}"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"expected a whole number {expected}, got {text!r}")
        return value

    return convert


def number(least: float = 0.0, *, above: bool = False) -> Callable[[str], float]:
    """Return an argument type: a finite number of at least `least`, or `above` it."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and (value > least if above else value >= least)):
            bound = f"above {least:g}" if above else f"of at least {least:g}"
            raise argparse.ArgumentTypeError(f"expected a finite number {bound}, got {text!r}")
        return value

    return convert


def probability(text: str) -> float:
    """Return a number above 0 and below 1."""
    value = number(above=True)(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(
            f"expected a probability above 0 and below 1, got {text!r}"
        )
    return value


def number_of(name: str) -> Callable[[str], Any]:
    """Return the argument type of a hyper-parameter that is a number, see `OPTIONS`."""
    low, above, high, below, whole = OPTIONS[name].limits or Limits()
    if whole:
        return whole_number(int(low), high)
    plain = number(low, above=above)

    def convert(text: str) -> float:
        value = plain(text)
        if below is not None and value >= below:
            raise argparse.ArgumentTypeError(f"expected a number below {below:g}, got {text!r}")
        return value

    return convert


def auto_or(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return an argument type: ``auto``, which gives None, or what `convert` takes."""

    def convert_or_none(text: str) -> Any:
        return None if text == "auto" else convert(text)

    return convert_or_none


def device_name(text: str) -> str:
    """Return the name of a device, if it is one."""
    from gdnet.backends import parse_device

    try:
        parse_device(text)
    except GdnetError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add --device and --threads."""
    parser.add_argument(
        "--device",
        type=device_name,
        default="auto",
        metavar="auto|cpu|cuda|cuda:N",
        help="where to compute; auto takes CUDA if it works, and says what it took (default: auto)",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(1),
        metavar="N",
        help="CPU threads; results do not depend on them (default: every core it may use)",
    )


def add_speed_options(parser: argparse.ArgumentParser) -> None:
    """Add --precision and --engine."""
    parser.add_argument(
        "--precision",
        choices=("highest", "tf32"),
        default="highest",
        help="of float32 matrix products; tf32, on CUDA, is faster, with 10 bits of mantissa in "
        "place of 23 (default: highest)",
    )
    parser.add_argument(
        "--engine",
        default="auto",
        metavar="NAME",
        help="how the gradient is computed: reference, the equations as they stand, or one that "
        "gdnet info lists for the device; auto is the fastest known to be right (default: auto)",
    )


def add_mpi_option(parser: argparse.ArgumentParser) -> None:
    """Add --mpi-timeout, to a command that ranks of MPI can share."""
    parser.set_defaults(ranks=None)
    parser.add_argument(
        "--mpi-timeout",
        type=number(above=True),
        default=300.0,
        metavar="S",
        help="under mpiexec or srun, end the job when a rank has waited so many seconds for "
        "another (default: 300)",
    )


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """Add --quiet."""
    parser.add_argument(
        "--quiet", action="store_true", help="say nothing on stderr but errors, show no progress"
    )


def add_label_options(parser: argparse.ArgumentParser) -> None:
    """Add --target and --labels, of which one may be given."""
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--target",
        metavar="COL[,COL...]",
        help="the column with the labels, or several of 0 and 1, or of numbers to be predicted "
        "(CSV, Parquet); a name with a comma stands in double quotes, unless it is the whole name",
    )
    labels.add_argument(
        "--labels",
        metavar="FILE",
        help="labels in a file of their own, one a row: .npy, or CSV or Parquet of one column",
    )


def add_ignore_option(parser: argparse.ArgumentParser) -> None:
    """Add --ignore, which may be given more than once."""
    parser.add_argument(
        "--ignore",
        type=column_names,
        action="extend",
        default=[],
        metavar="COL[,COL...]",
        help="columns that are not features, such as numbers that name a row (CSV, Parquet); a "
        "name with a comma stands in double quotes",
    )


def add_task_option(parser: argparse.ArgumentParser) -> None:
    """Add --task."""
    parser.add_argument(
        "--task",
        choices=TASKS,
        default="auto",
        help="whether the target is a class or a number to be predicted; auto takes it for "
        "classes, and asks where it looks like a quantity (default: auto)",
    )


def add_header_option(parser: argparse.ArgumentParser) -> None:
    """Add --header, which `check_header` looks at."""
    parser.add_argument(
        "--header",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether the first line of a CSV file names the columns; auto takes it for names and "
        "refuses one that looks like data; with no the columns are c1, c2, ... (default: auto)",
    )


def check_header(options: argparse.Namespace, *data: Any) -> None:
    """Raise if --header is given, and none of the files is CSV."""
    from gdnet.data.opening import CSV
    from gdnet.data.parts import parts_of

    if options.header != "auto" and not any(
        parts_of(given).format in CSV for given in data if given
    ):
        raise DataError(
            f"expected --header {options.header} with a {', '.join(CSV)} file, got "
            f"{parts_of(data[0]).path}; "
            "leave --header"
        )


def column_names(text: str) -> list[str]:
    """Return names between commas; one that contains a comma is in double quotes."""
    try:
        return next(csv.reader([text]))
    except csv.Error:
        raise argparse.ArgumentTypeError(f"expected names of columns, got {text!r}") from None


def check_apart(result: str, out: str, *read: Any) -> None:
    """Raise if `out`, the file of a result, is one of those that it is made of."""
    from gdnet.data.parts import parts_of, would_be_read

    for given in filter(None, read):
        for path in parts_of(given).files:
            if os.path.realpath(path) == os.path.realpath(out):
                raise DataError(f"{out}: expected a file of its own for {result}, got {path}, too")
        if would_be_read(given, Path(out)):
            raise DataError(
                f"{out}: expected {result} where they are not read with the data the next time, "
                "got a file of the same folder or pattern; choose another folder"
            )


def check_extension(out: str, *extensions: str) -> None:
    """Raise if the name of a result promises a format that is not written."""
    got = Path(out).suffix
    if got.lower() not in extensions:
        raise DataError(
            f"{out}: expected the name of a {' or '.join(filter(None, extensions))} file to write, "
            f"got {got or 'no extension'}"
        )


def choose_device(options: argparse.Namespace) -> Choice:
    """Return the backend that was asked for; `auto` says on stderr what it took and why.

    Ranks choose together.
    """
    from gdnet.backends import choose_backend

    how = {name: getattr(options, name) for name in ("precision", "engine") if name in options}
    ranks = getattr(options, "ranks", None)
    if ranks is None:
        choice = choose_backend(options.device, threads=options.threads, **how)
    else:
        from gdnet.ranks.devices import choose_on_ranks

        choice = choose_on_ranks(ranks, options.device, threads=options.threads, **how)
    _tell_what_is_logged(options.quiet)
    choice = choice._replace(why=choice.brief_why)
    if options.device == "auto" and not options.quiet:
        say(f"device {choice.backend.name} ({choice.why})")
    raise_received()
    return choice


class _Told(logging.Handler):
    """Writes what is logged, such as that data do not fit the memory of a GPU, to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _tell_what_is_logged(quiet: bool) -> None:
    logger = logging.getLogger("gdnet")
    logger.setLevel(logging.INFO)
    logger.handlers = [] if quiet else [_Told()]


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
