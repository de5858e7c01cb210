"""What `gdnet train` refuses before it reads the data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gdnet.errors import DataError

if TYPE_CHECKING:
    pass


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
    if options.solver == "lbfgs":
        given = {
            "learning-rate": options.learning_rate is not None,
            "momentum": options.momentum is not None,
            "nesterov": options.nesterov,
        }
        for name in given:
            if given[name]:
                raise DataError(
                    f"expected --{name} with --solver gd alone, got it with "
                    "lbfgs, which finds how far to go by itself"
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
