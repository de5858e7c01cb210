"""What `gdnet train` refuses before it reads the data."""

from __future__ import annotations

import argparse
from pathlib import Path

from gdnet.errors import DataError
from gdnet.training.options import SOLVER_OPTIONS, SOLVERS


def check_solver(options: argparse.Namespace) -> None:
    """Check that no option is given that the solver has no use for.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments.

    Raises
    ------
    DataError
        If one is.
    """
    reads = SOLVERS[options.solver].reads
    for name in SOLVER_OPTIONS:
        given = getattr(options, name)
        if name not in reads and given is not None and given is not False:
            others = " or ".join(each for each, option in SOLVERS.items() if name in option.reads)
            raise DataError(
                f"expected --{name.replace('_', '-')} with --solver {others} alone, got it with "
                f"{options.solver}, which "
                + ("does not read it" if reads else "finds how far to go by itself")
            )
    if options.nesterov and not options.momentum:
        raise DataError("expected --momentum above 0, such as 0.9, with --nesterov, got none")


def check_apart(options: argparse.Namespace) -> None:
    """Check that no result would overwrite the data or another result.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments.

    Raises
    ------
    DataError
        If one would.
    """
    from gdnet.checkpoint.files import sibling_paths
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.parts import parts_of

    taken: dict[Path, str] = {}
    read = ("data", "labels", "validation", "validation_labels", "init")
    for name in (*read, "out", "history", "plot", "checkpoint"):
        path = getattr(options, name)
        if path is None or (name == "data" and path in BUILTIN_NAMES):
            continue
        option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
        files = [
            file.resolve() for file in (parts_of(path).files if name in read else [Path(path)])
        ]
        for each in (files[0], *sibling_paths(files[0])) if name == "checkpoint" else files:
            other = taken.setdefault(each, option)
            if other != option and name not in read:
                raise DataError(
                    f"{each.name}: expected files of their own for {other} and {option}"
                )
