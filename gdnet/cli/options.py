"""What several commands share: types of arguments, the device, where data come from."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdnet.cli.argument_types import column_names, device_name, number, whole_number
from gdnet.cli.output import say, say_what_is_logged
from gdnet.cli.signals import raise_received
from gdnet.data.formats import TABLE_NAMES
from gdnet.errors import DataError
from gdnet.training.options import TASKS

if TYPE_CHECKING:
    from gdnet.backends import Choice


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
        f"({TABLE_NAMES}); a name with a comma stands in double quotes, unless it is the whole "
        "name",
    )
    labels.add_argument(
        "--labels",
        metavar="FILE",
        help=f"labels in a file of their own, one a row: .npy, or {TABLE_NAMES} of one column",
    )


def add_ignore_option(parser: argparse.ArgumentParser) -> None:
    """Add --ignore, which may be given more than once."""
    parser.add_argument(
        "--ignore",
        type=column_names,
        action="extend",
        default=[],
        metavar="COL[,COL...]",
        help="columns that are not features, such as numbers that name a row "
        f"({TABLE_NAMES}); a name with a comma stands in double quotes",
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
    """Check that --header, if it is given, is for a CSV file.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments.
    *data : str, list of str, or None
        What is read.

    Raises
    ------
    DataError
        If none of the files is CSV.
    """
    from gdnet.data.formats import CSV
    from gdnet.data.parts import parts_of

    if options.header != "auto" and not any(
        parts_of(given).format in CSV.extensions for given in data if given
    ):
        raise DataError(
            f"expected --header {options.header} with a {', '.join(CSV.extensions)} file, got "
            f"{parts_of(data[0]).path}; "
            "leave --header"
        )


def check_apart(result: str, out: str, *read: Any) -> None:
    """Check that `out`, the file of a result, is not one of those that it is made of.

    Parameters
    ----------
    result : str
        How messages call it.
    out : str
        The file of the result.
    *read : str, list of str, or None
        What is read.

    Raises
    ------
    DataError
        If it is, or would be read with them the next time.
    """
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
    """Check that the name of a result does not promise a format that is not written.

    Parameters
    ----------
    out : str
        The file of the result.
    *extensions : str
        Those that are written, such as ".onnx".

    Raises
    ------
    DataError
        For another one.
    """
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
    say_what_is_logged(options.quiet)
    choice = choice._replace(why=choice.brief_why)
    if options.device == "auto" and not options.quiet:
        say(f"device {choice.backend.name} ({choice.why})")
    raise_received()
    return choice
