"""Training from a .npy file that a limit on the process does not let into memory, for real.

    python -m bench.larger_than_memory --json FILE

The same network on the same file, a process each time, in turns: once with an address space three
quarters the size of the file, where gdnet reads it block by block in every iteration; once the same
from the disk itself, the file's pages dropped from the system's cache before every iteration; once
loaded into memory. All must end with the same bits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from gdnet.backends import get_backend
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.source import RowSource
from gdnet.descent import DescentState, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise

FEATURES, HIDDEN = 28, 128
ITERATIONS = 2
ROWS_AT_A_TIME = 2**20
LIMIT = 0.75
WAYS = ("limited memory", "limited memory, from the disk", "in memory")


def write_file(path: Path, gigabytes: float) -> int:
    """Write rows of seeded normal numbers; return how many."""
    m = int(gigabytes * 1e9 / (4 * FEATURES))
    random = np.random.default_rng(1)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (m, FEATURES))
    for lo in range(0, m, ROWS_AT_A_TIME):
        part = rows[lo : lo + ROWS_AT_A_TIME]
        part[:] = random.standard_normal(part.shape, np.float32)
    rows.flush()
    return m


def train(connection: Connection, path: Path, way: str, limit: int) -> None:
    """Train in this process; send seconds an iteration and a hash of the parameters."""
    labels = _labels(path)
    if way == "in memory":
        rows: Any = np.load(path)
    else:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        rows = RowFile(path)
    gradient = FullBatch(RowSource(rows, labels), get_backend("cpu"), n1=HIDDEN)
    ends: list[float] = []

    def observe(told: DescentState) -> None:
        ends.append(told.seconds[-1])
        if way.endswith("disk"):
            _drop_from_cache(path)

    if way.endswith("disk"):
        _drop_from_cache(path)
    start = initialise(FEATURES, HIDDEN, 1, random_state=0, dtype="float32")
    run = descend(gradient, start, learning_rate=0.5, iterations=ITERATIONS, callbacks=[observe])
    digest = hashlib.sha256(b"".join(p.tobytes() for p in run.parameters)).hexdigest()
    connection.send((ends[-1] / ITERATIONS, digest))


def _labels(path: Path) -> np.ndarray[Any, Any]:
    """Return labels made of the first two features."""
    rows = RowFile(path)
    labels = np.empty((1, len(rows)), np.uint8)
    for lo in range(0, len(rows), ROWS_AT_A_TIME):
        part = rows[lo : lo + ROWS_AT_A_TIME]
        labels[0, lo : lo + len(part)] = part[:, 0] * part[:, 1] > 0
    return labels


def _drop_from_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_a_process(path: Path, way: str, limit: int) -> tuple[float, str]:
    """Return what `train` sends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=train, args=(theirs, path, way, limit))
    process.start()
    theirs.close()
    try:
        result: tuple[float, str] = ours.recv()
    finally:
        process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0, help="(default 2)")
    parser.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        help=f"address space as a multiple of the file's size (default {LIMIT})",
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--dir", type=Path, help="where to write the file (default: temporary)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        path = Path(folder) / "X.npy"
        m = write_file(path, options.gigabytes)
        file_bytes = path.stat().st_size
        limit = int(options.limit * file_bytes)
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        hashes = set()
        for _ in range(options.rounds):
            for way in WAYS:
                seconds, digest = in_a_process(path, way, limit)
                taken[way].append(seconds)
                hashes.add(digest)
    print(f"{FEATURES}-{HIDDEN}-1, m = {m:,}, a file of {file_bytes / 1e9:.2f} GB, of which")
    print(f"the limit lets {options.limit:.0%} in; {len(hashes)} different result(s)")
    for way, seconds_of in taken.items():
        print(
            f"  {way:30} {statistics.median(seconds_of):.2f} s an iteration "
            f"({min(seconds_of):.2f} .. {max(seconds_of):.2f})"
        )
    if options.json:
        facts = {
            "environment": environment(),
            "rounds": options.rounds,
            "m": m,
            "file_bytes": file_bytes,
            "address_space_bytes": limit,
            "different_results": len(hashes),
            "seconds_an_iteration": taken,
        }
        options.json.write_text(json.dumps(facts, indent=1) + "\n")
    if len(hashes) != 1:
        raise SystemExit("the results differ")


if __name__ == "__main__":
    main()
