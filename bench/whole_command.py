"""Memory, seconds by phase and disk of whole commands, from reading to the summary, at any m.

    python -m bench.whole_command --m 40e6 --json FILE

`gdnet train`, `evaluate` and `predict` of 28-32-1, each in a process of its own, on the same rows
as .npy and as Parquet, without a limit and with an address space of 1 GiB. Memory is what the
process has that is no file's at its peak, beyond what the same command takes for 1000 rows and
beyond the data: the rows where they are in memory, and a byte a row for the labels. With
`--beside FOLDER` the times of `evaluate` are taken in turns with those of another checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.environment import environment

FEATURES, HIDDEN, ITERATIONS = 28, 32, 3
ROWS_AT_A_TIME = 2**20
SMALL = 1000
LIMIT = 2**30
FORMATS = ("npy", "parquet")
MODEL, SMALL_MODEL = "model.safetensors", "small.safetensors"
LOOK_INTERVAL_SECONDS = 0.002


class Run(NamedTuple):
    """A command at its end: seconds, bytes of memory and of temporary files at their peak."""

    seconds: float
    memory: int
    disk: int
    output: str


def write_data(folder: Path, name: str, m: int, formats: Sequence[str]) -> None:
    """Write m rows of seeded normal numbers, and labels that depend on them."""
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(1)
    rows = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (m, FEATURES))
    labels = np.lib.format.open_memmap(folder / f"{name}-y.npy", "w+", np.uint8, (m,))
    names = [f"x{j}" for j in range(FEATURES)]
    fields = [(each, pa.float32()) for each in names]
    schema = pa.schema([*fields, ("y", pa.int64())])
    with parquet.ParquetWriter(folder / f"{name}.parquet", schema, compression="none") as writer:
        for lo in range(0, m, ROWS_AT_A_TIME):
            part = rows[lo : lo + ROWS_AT_A_TIME]
            part[:] = random.standard_normal(part.shape, np.float32)
            noise = random.standard_normal(len(part), np.float32)
            found = part[:, 0] * part[:, 1] + 0.5 * part[:, 2] + 0.3 * noise > 0
            labels[lo : lo + len(part)] = found
            if "parquet" in formats:
                columns = [np.ascontiguousarray(column) for column in part.T]
                writer.write_table(pa.table([*columns, found.astype(np.int64)], schema=schema))
    rows.flush()
    labels.flush()


def run(folder: Path, *arguments: str, limit: int | None, checkout: Path | None = None) -> Run:
    """Run a command of gdnet, and watch it."""

    def confine() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    variables = dict(os.environ)
    if checkout is not None:
        variables["PYTHONPATH"] = str(checkout.resolve())
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gdnet", *arguments, "--device", "cpu", "--quiet"],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        preexec_fn=confine,
        text=True,
    )
    memory = disk = 0
    while process.poll() is None:
        memory = max(memory, _memory(process.pid))
        disk = max(disk, _temporary_bytes(process.pid))
        time.sleep(LOOK_INTERVAL_SECONDS)
    seconds = time.perf_counter() - began
    output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"gdnet {' '.join(arguments)}: exit code {process.returncode}")
    return Run(seconds, memory, disk, output)


def _memory(process: int) -> int:
    """Return the bytes that a process has for itself."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has just ended
        return 0
    kinds = ("RssAnon", "RssShmem")
    found = [line.split()[1] for line in status.splitlines() if line.startswith(kinds)]
    return sum(map(int, found)) * 1024


def _temporary_bytes(process: int) -> int:
    """Return the bytes on the disk of the files without a name that a process has open."""
    total = 0
    try:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            found = entry.stat()
            if found.st_nlink == 0:
                total += found.st_blocks * 512
    except OSError:
        return total
    return total


def measure(folder: Path, m: int, kind: str, limit: int | None, rounds: int) -> dict[str, Any]:
    """Return what train, evaluate and predict take for one format."""
    found: dict[str, Any] = {}
    for command in ("train", "evaluate", "predict"):
        arguments = _arguments(command, "big", MODEL, kind)
        small = run(folder, *_arguments(command, "small", SMALL_MODEL, kind), limit=None)
        runs = [run(folder, *arguments, limit=limit) for _ in range(rounds)]
        peak = max(each.memory for each in runs)
        data = 0 if command == "predict" or (command, kind) == ("evaluate", "parquet") else m
        if command == "train" and json.loads(runs[0].output)["storage"] == "memory":
            data += 4 * FEATURES * m
        facts: dict[str, Any] = {
            "seconds": [each.seconds for each in runs],
            "memory_mib": peak / 2**20,
            "beyond_the_data_mib": (peak - small.memory - data) / 2**20,
            "temporary_gib": max(each.disk for each in runs) / 2**30,
        }
        if command == "train":
            facts["storage"] = json.loads(runs[0].output)["storage"]
            facts["phases"] = [_phases(json.loads(each.output)) for each in runs]
        found[command] = facts
    return found


def _arguments(command: str, name: str, model: str, kind: str) -> list[str]:
    data = [f"{name}.{kind}"]
    if command != "predict":
        labels = ["--target", "y"] if kind == "parquet" else ["--labels", f"{name}-y.npy"]
        data += labels
    if command == "train":
        network = ["--hidden", str(HIDDEN), "--iterations", str(ITERATIONS)]
        return ["train", *data, *network, "--json", "--out", model]
    return [command, model, *data, *(["--out", "p.npy"] if command == "predict" else [])]


def _phases(summary: dict[str, Any]) -> dict[str, float]:
    iteration = summary["seconds"] / summary["iterations"]
    phases = {key: value for key, value in summary.items() if key.endswith("_seconds")}
    return {
        **phases,
        "iteration_seconds": iteration,
        "evaluating_in_iterations": summary["evaluating_seconds"] / iteration,
    }


def evaluate_in_turns(folder: Path, beside: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of `gdnet evaluate`, of this checkout and another in turns."""
    arguments = _arguments("evaluate", "big", MODEL, "npy")
    taken: dict[str, list[float]] = {"this": [], "other": []}
    for _ in range(rounds):
        for name, checkout in (("this", None), ("other", beside)):
            taken[name].append(run(folder, *arguments, limit=None, checkout=checkout).seconds)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--m", type=float, default=40e6, help="rows (default 40 million)")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--dir", type=Path, help="where to write the data (default: temporary)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    m = int(options.m)
    facts: dict[str, Any] = {"environment": environment(), "m": m, "limit_bytes": LIMIT}
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        write_data(folder, "big", m, options.formats)
        write_data(folder, "small", SMALL, options.formats)
        for kind in options.formats:
            for limit in (None, LIMIT):
                way = f"{kind}, {'1 GiB' if limit else 'no limit'}"
                facts[way] = measure(folder, m, kind, limit, options.rounds)
                _show(way, facts[way])
        if options.beside is not None:
            facts["evaluate in turns"] = evaluate_in_turns(folder, options.beside, options.rounds)
            for which, seconds in facts["evaluate in turns"].items():
                print(f"evaluate, {which}: {statistics.median(seconds):.2f} s")
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


def _show(way: str, found: dict[str, Any]) -> None:
    print(way)
    for command, facts in found.items():
        print(
            f"  {command:9} {statistics.median(facts['seconds']):6.1f} s  "
            f"{facts['beyond_the_data_mib']:6.1f} MiB beyond the data  "
            f"{facts['temporary_gib']:.2f} GiB of temporary files"
        )
        for phases in facts.get("phases", ()):
            print(
                f"            {facts['storage']}:",
                "  ".join(f"{k} {v:.2f}" for k, v in phases.items()),
            )


if __name__ == "__main__":
    main()
