"""DATA: what several commands read."""

from __future__ import annotations

import argparse
from typing import Any

from gdnet.cli.output import say
from gdnet.data.formats import FOLDER_NAMES, TABLE_NAMES


class _Files(argparse.Action):
    """Keeps one name as text, and several as a list."""

    def __call__(self, parser: Any, options: Any, values: Any, option_string: Any = None) -> None:
        del parser, option_string
        setattr(options, self.dest, values[0] if len(values) == 1 else values)


def add_data_argument(parser: argparse.ArgumentParser, name: str = "data", **how: Any) -> None:
    """Add DATA: a built-in name, a file, or several files of the same columns."""
    about = {
        "metavar": "DATA",
        "help": f"built-in name or file; also several {TABLE_NAMES} files of the same columns, a "
        f"quoted pattern, or a folder of {FOLDER_NAMES} files, whose names key=value are columns",
    }
    parser.add_argument(name, nargs="+", action=_Files, **about | how)


def say_order(options: argparse.Namespace) -> None:
    """Say in which order several files are read, unless --quiet is given."""
    from gdnet.data.builtin import BUILTIN_NAMES
    from gdnet.data.parts import parts_of

    if not options.quiet and options.data not in BUILTIN_NAMES:
        for note in parts_of(options.data).notes:
            say(note)
