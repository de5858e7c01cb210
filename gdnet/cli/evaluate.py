"""``gdnet evaluate``: how good a saved model is on some data."""

from __future__ import annotations

import argparse
from typing import Any

from gdnet.cli.data_argument import add_data_argument, say_order
from gdnet.cli.options import (
    add_device_options,
    add_header_option,
    add_label_options,
    add_quiet_option,
    check_header,
    choose_device,
    say,
    show,
)


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate a saved model",
        description="Evaluate a saved model on data with labels. In CSV and Parquet files the "
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
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate and write the result."""
    from gdnet.cli.summary import (
        as_json,
        baseline_notes,
        describe_evaluation,
        evaluation_lines,
    )
    from gdnet.data.ahead import read_ahead
    from gdnet.data.stream import count_rows, iterate_examples, rows_at_a_time
    from gdnet.evaluation import Metrics, add_examples, labelled_data, metrics_of
    from gdnet.model_file import load_model
    from gdnet.progress import ShownPhases

    check_header(options, options.data)
    model = load_model(options.model)
    say_order(options)
    backend = choose_device(options).backend
    metrics: Metrics | None = None
    examples = iterate_examples(
        options.data,
        model,
        options.target,
        options.labels,
        rows_at_a_time(model.shape),
        header=options.header,
    )
    with ShownPhases(quiet=options.quiet)("evaluating", count_rows(options.data)) as done:
        for rows, target in read_ahead(examples):
            data = labelled_data(model, rows, target, backend)
            metrics = metrics or metrics_of(model.kind, data.source)
            add_examples(metrics, data, model.parameters, done)
    assert metrics is not None  # a file has rows
    evaluation = metrics.result()
    notes = baseline_notes(evaluation, "these examples")
    for note in () if options.quiet else notes:
        say(note)
    if options.json:
        classes = {"classes": None if model.classes is None else list(model.classes)}
        facts = describe_evaluation(evaluation, model.kind) | {"notes": list(notes)}
        show(as_json(facts if model.kind == "regression" else classes | facts))
    else:
        show("\n".join(evaluation_lines([evaluation], model.class_names)))
    return 0
