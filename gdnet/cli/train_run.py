"""The run of `gdnet train`: its signals, the files it leaves, and how it may end early."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from gdnet.cli.checkpointing import what_is_kept
from gdnet.cli.output import reason_of, show
from gdnet.cli.signals import Terminated, raise_received
from gdnet.errors import Diverged, GdnetError

if TYPE_CHECKING:
    from gdnet.backends import Choice
    from gdnet.checkpoint import Checkpoint
    from gdnet.descent import Callback, Next, TimeLimit
    from gdnet.descent.progress import ShownPhases
    from gdnet.model.model import Model
    from gdnet.training.table import Training
    from gdnet.training.trained import Trained

# A signal that the import of a C extension has swallowed is noticed as soon as this.
CHECK_INTERVAL_SECONDS = 0.1


class Ended(NamedTuple):
    """A training at its end, and what has failed since: saving the model, or evaluating it.

    Attributes
    ----------
    trained : Trained
        What it has made.
    limit : TimeLimit or None
        Of ``--max-seconds``.
    not_saved : Exception or None
        Why the model is not in its file.
    failure : BaseException or None
        Why it is not evaluated.
    """

    trained: Trained
    limit: TimeLimit | None
    not_saved: Exception | None
    failure: BaseException | None


def run_training(
    options: argparse.Namespace,
    training: Training,
    choice: Choice,
    checkpoint: Checkpoint | None,
    phases: ShownPhases,
) -> Ended:
    """Descend, and save what comes of it, however it ends.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments.
    training : Training
        What is run.
    choice : Choice
        Where, for the summary.
    checkpoint : Checkpoint or None
        In which the run is saved.
    phases : ShownPhases
        What has been timed so far, for the summary.

    Raises
    ------
    Diverged
        If the cost diverges; the last good parameters are saved before.
    KeyboardInterrupt, Terminated
        If a signal ends the descent; says what is kept.
    CheckpointError, DataError
        If the checkpoint or the history cannot be written.
    """
    import numpy.random  # noqa: F401 - the last C code to be imported

    from gdnet.cli.history import HistoryFile
    from gdnet.cli.summary import as_json, describe_divergence
    from gdnet.descent import Next, TimeLimit
    from gdnet.descent.progress import progress_bar
    from gdnet.model.file import save_model
    from gdnet.training.trained import NotEvaluated

    raise_received()
    saved = False
    not_saved: Exception | None = None

    def keep(model: Model) -> None:
        nonlocal saved, not_saved
        if options.ranks is not None and options.ranks.rank:
            return
        try:
            save_model(model, options.out)
            saved = True
        except (OSError, GdnetError) as error:  # the summary is still to be had
            not_saved = error

    def check_signals(state: object) -> Next:
        del state
        raise_received()
        return Next(seconds=CHECK_INTERVAL_SECONDS)

    limit = None if options.max_seconds is None else TimeLimit(options.max_seconds)
    callbacks: list[Callback] = [check_signals]
    if options.history is not None:
        callbacks.append(HistoryFile(options.history))
    if limit is not None:
        callbacks.append(limit)
    try:
        with progress_bar(options.iterations, training.m, quiet=options.quiet) as bar:
            trained = training.run([*callbacks, *bar], keep, checkpoint)
            return Ended(trained, limit, not_saved, None)
    except NotEvaluated as ended:
        failure = ended.__cause__
        if isinstance(failure, KeyboardInterrupt | Terminated):
            failure = _stopped(failure, what_is_kept(options, checkpoint, saved))
        return Ended(ended.trained, limit, not_saved, failure)
    except (KeyboardInterrupt, Terminated) as stop:
        raise _stopped(stop, what_is_kept(options, checkpoint, saved)) from None
    except Diverged as diverged:
        if diverged.last_good is None:
            if options.json:
                facts = describe_divergence(diverged, training, choice, None)
                show(as_json(facts | phases.facts))
            raise
        model, outcome = training.last_good(diverged)
        keep(model)
        which = "best" if options.early_stopping else "last good"
        if options.json:
            out = None if not_saved else options.out
            facts = describe_divergence(diverged, training, choice, out, outcome)
            show(as_json(facts | phases.facts))
        if not_saved is not None:
            raise not_saved from None
        raise Diverged(
            f"{diverged}; the {which} parameters, those after {outcome.iteration} iterations, "
            f"are in {options.out}",
            diverged.iteration,
            diverged.cost,
            diverged.last_good,
        ) from None


def _stopped(stop: BaseException, kept: str) -> BaseException:
    """Return the exception of a signal with what it has left."""
    return type(stop)(f"{reason_of(stop)}; {kept}")
