"""The options of ``gdnet train`` that make a training resume after an interruption."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gdnet.cli.argument_types import number, whole_number
from gdnet.cli.output import say
from gdnet.errors import DataError

if TYPE_CHECKING:
    from gdnet.checkpoint import Checkpoint


def add_checkpoint_options(parser: argparse.ArgumentParser) -> None:
    """Add --checkpoint, its two intervals, and --resume."""
    add = parser.add_argument
    add(
        "--checkpoint",
        metavar="FILE",
        help="save the training here while it runs, when Ctrl-C or SIGTERM ends it, and at its "
        "end; the one before is kept as FILE.previous",
    )
    add(
        "--checkpoint-every",
        type=whole_number(1),
        metavar="N",
        help="save after each N iterations",
    )
    add(
        "--checkpoint-seconds",
        type=number(above=True),
        metavar="S",
        help="save every S seconds (default: 60, unless --checkpoint-every is given)",
    )
    add(
        "--resume",
        action="store_true",
        help="resume from --checkpoint, to the same bits as without the interruption; start from "
        "the beginning if there is none yet. Data and settings must be the same; --iterations may "
        "be raised",
    )


@contextmanager
def opened_checkpoint(options: argparse.Namespace) -> Iterator[Checkpoint | None]:
    """Open --checkpoint for this process alone, and say what is found there.

    That the training resumes from it is said by `Checkpoint`, as soon as it is known to.

    Raises
    ------
    DataError
        If an option is given that needs --checkpoint, or as `gdnet.Checkpoint`.
    CheckpointError
        As `gdnet.Checkpoint`.
    """
    if options.checkpoint is None:
        for name in ("checkpoint_every", "checkpoint_seconds", "resume"):
            if getattr(options, name):
                option = f"--{name.replace('_', '-')}"
                raise DataError(f"expected --checkpoint FILE with {option}, got none")
        yield None
        return
    from gdnet.checkpoint import Checkpoint

    with Checkpoint(
        options.checkpoint,
        every=options.checkpoint_every,
        seconds=options.checkpoint_seconds,
        resume=options.resume,
        comm=options.ranks,
    ) as checkpoint:
        if not options.quiet:
            _say_what_is_there(checkpoint, options)
        yield checkpoint


def _say_what_is_there(checkpoint: Checkpoint, options: argparse.Namespace) -> None:
    if checkpoint.problem:
        say(checkpoint.problem)
    if options.resume and checkpoint.saved is None:
        say(f"{checkpoint.path}: no checkpoint yet, the training starts from the beginning")
    elif checkpoint.replaces is not None:
        say(
            f"{checkpoint.path}: replaces a checkpoint after {checkpoint.replaces} iterations; "
            "--resume would continue it"
        )


def say_if_bits_differ(checkpoint: Checkpoint) -> None:
    """Say after a training whether it went on from where another machine had come."""
    if checkpoint.same_bits is False:
        say(
            f"{checkpoint.loaded}: its cost has other last digits here: it was saved with another "
            "processor or library, so the result may differ in them too"
        )


def what_is_kept(options: argparse.Namespace, checkpoint: Checkpoint | None, saved: bool) -> str:
    """Return what an interruption has left, and how to resume."""
    if saved:
        return f"the model is in {options.out}"
    if checkpoint is None:
        return "no model was saved; with --checkpoint FILE a training can resume"
    if checkpoint.iterations is None:
        return "nothing was trained yet"
    return (
        f"{options.checkpoint} has the first {checkpoint.iterations} iterations; "
        "the same command with --resume continues from there"
    )
