"""Reading a Parquet file of text and gaps: rows a second of gdnet and pandas, memory and disk.

    python -m bench.encode --m 10e6 --other CHECKOUT --json FILE

Ten columns of numbers, two with gaps, and three of text, one with gaps. In turns, a process each
time: reading and encoding by gdnet, the same by `pandas.get_dummies` and `fillna`, both to float32.
Then `gdnet train` with an address space of 1 GiB, on this file and on its numbers alone with their
gaps filled in: memory that the process has for itself at its peak, and the temporary file. And
`gdnet train` on the numbers alone, of this checkout and of another one in turns, without a limit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from bench.whole_command import run

NUMBERS = 10
WITH_GAPS = ("x0", "x1")
TEXTS = {"carrier": 16, "airport": 30, "day": 7}
ROWS_AT_A_TIME = 2**18
LIMIT = 2**30
READERS = ("gdnet", "pandas")


def write_data(folder: Path, m: int) -> None:
    """Write m rows of seeded numbers and text, and the numbers alone."""
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(1)
    names = [f"x{j}" for j in range(NUMBERS)]
    fields = [(name, pa.float32()) for name in names]
    label = ("y", pa.int64())
    text = [(name, pa.string()) for name in TEXTS]
    plain, mixed = pa.schema([*fields, label]), pa.schema([*fields, *text, label])
    with (
        parquet.ParquetWriter(folder / "numbers.parquet", plain) as numbers,
        parquet.ParquetWriter(folder / "mixed.parquet", mixed) as table,
    ):
        for lo in range(0, m, ROWS_AT_A_TIME):
            rows = min(ROWS_AT_A_TIME, m - lo)
            columns: dict[str, Any] = {
                name: random.standard_normal(rows, np.float32) for name in names
            }
            codes = {
                name: np.minimum(random.geometric(3 / levels, rows) - 1, levels - 1)
                for name, levels in TEXTS.items()
            }
            columns["y"] = ((codes["day"] > 1) ^ (columns["x0"] > 0)).astype(np.int64)
            numbers.write_table(pa.table(columns, schema=plain))
            for name in WITH_GAPS:
                columns[name] = pa.array(columns[name], mask=random.random(rows) < 0.1)
            for name, levels in TEXTS.items():
                values = pa.array([f"{name} {k}" for k in range(levels)])
                gaps = random.random(rows) < (0.05 if name == "carrier" else 0)
                indices = pa.array(codes[name].astype(np.int32), mask=gaps)
                found = pa.DictionaryArray.from_arrays(indices, values)
                columns[name] = found.dictionary_decode()
            table.write_table(pa.table(columns, schema=mixed))


def read(connection: Connection, path: Path, reader: str) -> None:
    """Read a file in this process; send the seconds, and the shape of what was made of it."""
    began = time.perf_counter()
    X = (_by_gdnet if reader == "gdnet" else _by_pandas)(path)
    connection.send((time.perf_counter() - began, X.shape))


def _by_gdnet(path: Path) -> Any:
    from gdnet.data.encoding.file import Plan
    from gdnet.data.files import read_table

    return read_table(path, target="y", labels=None, dtype="float32", plan=Plan()).X


def _by_pandas(path: Path) -> Any:
    import pandas

    frame = pandas.read_parquet(path)
    frame.pop("y")
    for name in WITH_GAPS:
        frame[f"{name} is missing"] = frame[name].isna()
        frame[name] = frame[name].fillna(frame[name].mean())
    names = list(TEXTS)
    return pandas.get_dummies(frame, columns=names, dtype=np.float32).to_numpy(np.float32)


def read_in_turns(folder: Path, rounds: int) -> dict[str, Any]:
    """Return the seconds of each reader, a process each time, and how many features it makes."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, Any] = {name: {"seconds": []} for name in READERS}
    for _ in range(rounds):
        for name in READERS:
            here, there = context.Pipe()
            process = context.Process(target=read, args=(there, folder / "mixed.parquet", name))
            process.start()
            there.close()
            seconds, shape = here.recv()
            process.join()
            found[name]["seconds"].append(seconds)
            found[name]["features"] = shape[1]
    return found


def train(folder: Path, data: str, limit: int | None, checkout: Path | None = None) -> Any:
    """Train for two iterations; return how the command went."""
    arguments = ["train", f"{data}.parquet", "--target", "y", "--hidden", "8", "--json"]
    return run(folder, *arguments, "--iterations", "2", limit=limit, checkout=checkout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--m", type=float, default=10e6, help="rows (default 10 million)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--other", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--dir", type=Path, help="where to write the data (default: temporary)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    m = int(options.m)
    facts: dict[str, Any] = {"environment": environment(), "m": m, "limit_bytes": LIMIT}
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        write_data(folder, m)
        facts["reading and encoding"] = read_in_turns(folder, options.rounds)
        for reader, found in facts["reading and encoding"].items():
            found["rows_per_second"] = m / statistics.median(found["seconds"])
            print(f"{reader}: {found['rows_per_second']:,.0f} rows/s, {found['features']} features")
        for data in ("numbers", "mixed"):
            done = train(folder, data, LIMIT)
            summary = json.loads(done.output)
            facts[f"{data}, 1 GiB of address space"] = {
                "memory_mib": done.memory / 2**20,
                "temporary_gib": done.disk / 2**30,
                "announced_gib": m * summary["features"] * 4 / 2**30,
                "storage": summary["storage"],
                "seconds": done.seconds,
            }
            print(f"{data}, 1 GiB of address space: {facts[f'{data}, 1 GiB of address space']}")
        if options.other is not None:
            taken: dict[str, list[float]] = {"this": [], "other": []}
            for _ in range(options.rounds):
                for which, checkout in (("this", None), ("other", options.other)):
                    taken[which].append(train(folder, "numbers", None, checkout).seconds)
            facts["numbers alone, in turns"] = taken
            for which, seconds in taken.items():
                print(f"numbers alone, {which}: {statistics.median(seconds):.2f} s")
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
