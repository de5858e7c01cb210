"""``gdnet evaluate``: how good a saved model is on some data."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

from gdnet.cli.data_argument import add_data_argument, say_order
from gdnet.cli.options import (
    add_device_options,
    add_header_option,
    add_label_options,
    add_mpi_option,
    add_quiet_option,
    check_header,
    choose_device,
)
from gdnet.cli.output import say, show
from gdnet.cli.ranks import check_shared, say_seen

if TYPE_CHECKING:
    from gdnet.backends import Backend
    from gdnet.data.encoding.encoding import Seen
    from gdnet.model.model import Model
    from gdnet.phases import Done
    from gdnet.ranks.communicator import Ranks
    from gdnet.scores.evaluation import Metrics

# After so many blocks ranks hear of each other.
BLOCKS_AT_A_TIME = 16


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate a saved model",
        description="Evaluate a saved model on data with labels. Where columns have names, the "
        "labels are in the column that the model was trained on, unless --target names another.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("model", metavar="MODEL", help="a model file")
    add_data_argument(parser)
    add_label_options(parser)
    add_header_option(parser)
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    add_device_options(parser)
    add_mpi_option(parser)
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate and write the result."""
    from gdnet.cli.summary import (
        as_json,
        baseline_notes,
        describe_evaluation,
        evaluation_lines,
    )
    from gdnet.data.formats import NPY
    from gdnet.data.parts import parts_of
    from gdnet.descent.progress import ShownPhases
    from gdnet.model.file import load_model
    from gdnet.model.rows import count_rows
    from gdnet.scores.evaluation import of_all

    check_header(options, options.data)
    ranks = options.ranks
    if ranks is not None:
        check_shared(options.data)
    model = load_model(options.model)
    say_order(options)
    backend = choose_device(options).backend
    phases = ShownPhases(quiet=options.quiet, ranks=1 if ranks is None else ranks.size)
    examples = count_rows(options.data)
    signals = nullcontext() if ranks is None else ranks.signals_wait()
    with phases("evaluating", examples) as done, signals:
        if ranks is None or parts_of(options.data).format == NPY:
            metrics = _counted(options, model, backend, examples, done)
        else:
            metrics = _counted_by_ranks(options, model, backend, examples, done, ranks)
        evaluation = of_all(metrics, ranks).result()
    notes = baseline_notes(evaluation, "these examples")
    for note in () if options.quiet else notes:
        say(note)
    if options.json:
        classes = {"classes": None if model.classes is None else list(model.classes)}
        facts = describe_evaluation(evaluation, model.kind) | {"notes": list(notes)}
        show(as_json(facts if model.kind == "regression" else classes | facts))
    else:
        show("\n".join(evaluation_lines([evaluation], model)))
    return 0


def _counted(
    options: argparse.Namespace, model: Model, backend: Backend, examples: int | None, done: Done
) -> Metrics:
    """Return what is counted of all examples; of one array each rank counts its own blocks."""
    from gdnet.data.ahead import read_ahead
    from gdnet.scores.evaluation import add_examples, metrics_of
    from gdnet.scores.examples import labelled_data

    metrics: Metrics | None = None
    for rows, target in read_ahead(_examples(options, model)):
        data = labelled_data(model, rows, target, backend)
        metrics = metrics or metrics_of(model.kind, data.source.labels, examples)
        add_examples(metrics, data, model.parameters, done, options.ranks)
    assert metrics is not None  # a file has rows
    return metrics


def _counted_by_ranks(
    options: argparse.Namespace,
    model: Model,
    backend: Backend,
    examples: int | None,
    done: Done,
    ranks: Ranks,
) -> Metrics:
    """Return what this rank counts of the examples that come in blocks."""
    from gdnet.data.ahead import read_ahead
    from gdnet.data.encoding.encoding import Seen
    from gdnet.model.rows import count_blocks, rows_at_a_time
    from gdnet.scores.evaluation import add_examples, metrics_of
    from gdnet.scores.examples import labelled_data

    def first_labels() -> Any:
        # Numbers to be predicted are measured from the first of all.
        rows, target = next(_examples(options, model, lambda count: range(min(count, 1))))
        return labelled_data(model, rows, target, backend).source.labels[:, :1]

    first = ranks.of_first(first_labels, "the first examples", of_data=True)
    metrics = metrics_of(model.kind, first, examples)
    seen = Seen()
    own = read_ahead(_examples(options, model, ranks.own, seen))

    def count(some: range) -> None:
        for rows, target in islice(own, len(some)):
            add_examples(
                metrics, labelled_data(model, rows, target, backend), model.parameters, done
            )

    blocks = count_blocks(options.data, rows_at_a_time(model.shape))
    ranks.share(count, blocks, BLOCKS_AT_A_TIME, "the evaluation")
    say_seen(options.data, model, seen, ranks)
    return metrics


def _examples(
    options: argparse.Namespace, model: Model, own: Any = None, seen: Seen | None = None
) -> Any:
    from gdnet.model.rows import iterate_examples, rows_at_a_time

    return iterate_examples(
        options.data,
        model,
        options.target,
        options.labels,
        rows_at_a_time(model.shape),
        header=options.header,
        own=own,
        seen=seen,
    )
