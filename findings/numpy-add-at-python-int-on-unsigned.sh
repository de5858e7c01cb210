#!/usr/bin/env bash
# NumPy 2.4.6: numpy.add.at(counts, places, 1) takes 30 to 120 times as long on an array of unsigned
# integers as on int64, 40 to 130 ns an element and not 1.1: the Python int 1 becomes an int64, and the fast loop
# is for equal types alone. With counts.dtype.type(1) all types take the same time. The results are equal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import timeit

import numpy as np

places = np.random.default_rng(0).integers(0, 2**20, 20_000)


def nanoseconds(counts, one):
    taken = timeit.repeat(lambda: np.add.at(counts, places, one), number=5, repeat=9)
    return min(taken) / 5 / len(places) * 1e9


ratios = {}
for dtype in (np.int64, np.uint64, np.uint32):
    counts = np.zeros(2**20, dtype)
    plain, typed = nanoseconds(counts, 1), nanoseconds(counts, dtype(1))
    ratios[dtype.__name__] = plain / typed
    print(f"{dtype.__name__}: {plain:.1f} ns with 1, {typed:.1f} ns with {dtype.__name__}(1)")
assert ratios["int64"] < 3
assert ratios["uint64"] > 8
assert ratios["uint32"] > 8
PYTHON
