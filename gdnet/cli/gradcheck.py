"""``gdnet gradcheck``: the six equations against central differences."""

from __future__ import annotations

import argparse
from typing import Any

from gdnet.cli.argument_types import number_of, whole_number
from gdnet.cli.output import show

# The check takes two passes a parameter.
MAX_CHECKED = 1000
# What is checked, and with how many outputs.
OUTPUTS = (("sigmoid", 1), ("sigmoid", 3), ("softmax", 3), ("identity", 1), ("identity", 3))
# Several times the step of the differences.
KINK = 1e-4


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "gradcheck",
        help="compare the six backward equations with central differences",
        description="Compare the six backward equations with central differences of the cost, on "
        "random numbers, for every activation and output. The exit code is 1 if one disagrees.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("--activation", metavar="NAME", help="only this one")
    parser.add_argument("--hidden", type=whole_number(1, MAX_CHECKED), default=4, metavar="N")
    parser.add_argument("--examples", type=whole_number(1, MAX_CHECKED), default=20, metavar="N")
    parser.add_argument("--seed", type=number_of("seed"), default=0, metavar="N")


def run(options: argparse.Namespace) -> int:
    """Check, and write a report for each activation and output."""
    import numpy as np

    from gdnet.activations import ACTIVATIONS, get_activation
    from gdnet.gradcheck import check_gradients
    from gdnet.parameters import initialise

    names = [get_activation(options.activation).name] if options.activation else list(ACTIVATIONS)
    passed = True
    for name in names:
        for output, n2 in OUTPUTS:
            random = np.random.RandomState(options.seed)
            X = random.randn(3, options.examples)
            labels = random.randint(0, max(n2, 2), options.examples)
            Y = np.eye(n2)[:, labels] if output == "softmax" else random.rand(n2, X.shape[1]) < 0.5
            if output == "identity":
                Y = random.randn(n2, X.shape[1])
            start = initialise(3, options.hidden, n2, random_state=random)
            # A difference across the kink of relu is not a slope: leave such examples out.
            smooth = np.abs(start.W1 @ X).min(axis=0) > KINK
            X, Y = X[:, smooth], Y[:, smooth]
            check = check_gradients(start, X, Y, activation=name, output=output)
            show(f"{name}, {n2} {output} output{'s' * (n2 > 1)}\n{check}\n")
            passed &= check.passed
    show("every gradient agrees" if passed else "SOME GRADIENTS DISAGREE")
    return 0 if passed else 1
