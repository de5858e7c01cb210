"""Ten exclusive classes: a softmax output on pictures of digits, and where it is wrong.

python examples/digits_softmax.py
"""

from __future__ import annotations

import argparse

import numpy as np

from gdnet import ArraySource, FullBatch, descend, get_backend, initialise
from gdnet.data.builtin import load_builtin
from gdnet.scores.evaluation import evaluate


def main(iterations: int = 300, hidden: int = 32) -> None:
    """Train on four fifths of the digits, and test on the rest."""
    table = load_builtin("digits", np.float32)
    assert table.target is not None
    pixels = table.X / 16  # the brightest is 16
    shuffled = np.random.RandomState(0).permutation(len(pixels))
    batches = []
    for part in np.split(shuffled, [len(pixels) * 4 // 5]):
        # One row of class numbers: each block makes ten rows of 0 and 1 of it.
        digits = table.target[part].reshape(1, -1)
        source = ArraySource(pixels[part].T, digits, n_classes=10)
        batches.append(FullBatch(source, get_backend("auto"), n1=hidden, output="softmax"))
    train, test = batches

    start = initialise(64, hidden, 10, random_state=0, dtype=np.float32)
    run = descend(train, start, learning_rate=0.5, iterations=iterations, validation=test)
    assert run.validation_costs is not None
    print(f"cost on {train.source.m} digits {run.costs[0]:.3f} -> {run.costs[-1]:.3f}")
    first, *_, last = run.validation_costs
    print(f"on {test.source.m} others {first:.3f} -> {last:.3f}")

    tested = evaluate(test, run.parameters, "multiclass")
    assert tested.confusion is not None
    wrong = tested.confusion - np.diag(np.diag(tested.confusion))
    true, taken_for = np.unravel_index(wrong.argmax(), wrong.shape)
    print(f"accuracy {tested.accuracy:.1%}")
    print(f"the worst: {wrong.max()} times a {true} is taken for a {taken_for}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=300)
    main(parser.parse_args().iterations)
