"""How the time of an iteration on the CPU grows: with m, with n1, with threads and block size.

    python -m bench.scale --json FILE --plot FILE

Every point is measured in every round, in a new random order, so that a drift of the machine
blurs the curves instead of bending them.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.environment import environment
from bench.problems import Shape, name_of, problem
from gdnet.backends import get_backend
from gdnet.backends.host import usable_cpus
from gdnet.data.source import ArraySource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise

HIGGS: Shape = (28, 128, 1)
NARROW: Shape = (2, 16, 1)
EXAMPLES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
WIDTHS = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
M_OF_THE_THREADS = 1_000_000  # enough blocks for many cores
# How many: even numbers, for two cores to have as many each. No width is then a power of two: rows
# that begin a multiple of 4096 bytes apart meet in the same lines of a cache.
BLOCKS = (800, 400, 200, 100, 50, 24, 12, 6, 4, 2)
M_OF_THE_OTHERS = 100_000
POINT_SECONDS = 0.05
KINDS = ("m", "n1", "threads", "block")


class Point(NamedTuple):
    """One measurement to make: which curve, where on it, and with what."""

    curve: str
    x: int
    shape: Shape
    m: int
    threads: int | None = None
    columns: int | None = None

    @property
    def kind(self) -> str:
        """What grows along the curve."""
        return self.curve.partition(",")[0]


def threads_to_try() -> list[int]:
    """Return powers of two below the number of cores, that number, and twice as many threads."""
    cores = usable_cpus()
    return sorted({2**i for i in range(cores.bit_length())} | {cores, 2 * cores})


def points(most_examples: int, kinds: Sequence[str] = KINDS) -> list[Point]:
    """Return every point of every curve of these kinds."""
    m = min(M_OF_THE_OTHERS, most_examples)
    most = min(M_OF_THE_THREADS, most_examples)
    found = [
        Point(f"m, {name_of(shape)}", each, shape, each)
        for shape in (HIGGS, NARROW)
        for each in EXAMPLES
        if each <= most_examples
    ]
    found += [Point("n1, 28-n1-1", n1, (28, n1, 1), m) for n1 in WIDTHS]
    for shape in (HIGGS, NARROW):
        name = name_of(shape)
        found += [Point(f"threads, {name}", t, shape, most, threads=t) for t in threads_to_try()]
        widths = sorted({-(-m // count) for count in BLOCKS})
        found += [Point(f"block, {name}", c, shape, m, columns=c) for c in widths]
    return [point for point in found if point.kind in kinds]


def measure(
    most_examples: int, rounds: int, kinds: Sequence[str] = KINDS
) -> dict[str, list[dict[str, Any]]]:
    """Return the curves: for each its points, with the quartiles of the milliseconds."""
    data = {n0: problem((n0, 4, 1), most_examples) for n0 in (28, 2)}
    todo = [
        (point, _iteration(point, data[point.shape[0]])) for point in points(most_examples, kinds)
    ]
    taken: dict[Point, list[float]] = {point: [] for point, _ in todo}
    for _ in range(rounds):
        random.shuffle(todo)
        for point, iterate in todo:
            iterate()
            taken[point].append(_milliseconds(iterate))
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in sorted(taken, key=lambda p: (p.curve, p.x)):
        low, median, high = statistics.quantiles(taken[point], n=4)
        curves.setdefault(point.curve, []).append(
            {"x": point.x, "m": point.m, "ms": median, "ms_low": low, "ms_high": high}
        )
    return curves


def _iteration(point: Point, case: Any) -> Callable[[], object]:
    backend = get_backend("cpu", threads=point.threads)
    source = ArraySource(case.rows[: point.m].T, case.labels[None, : point.m])
    n0, n1, n2 = point.shape
    gradient = FullBatch(source, backend, n1=n1, block_columns=point.columns)
    start = gradient.place(initialise(n0, n1, n2, random_state=0, dtype="float32"))

    def iterate() -> None:
        with backend.activate():
            gradient.value_and_gradient(start)

    return iterate


def _milliseconds(iterate: Callable[[], object]) -> float:
    """Return the time of an iteration, over as many as take a while."""
    done, began = 0, time.perf_counter()
    while done == 0 or time.perf_counter() - began < POINT_SECONDS:
        iterate()
        done += 1
    return (time.perf_counter() - began) / done * 1e3


def draw(curves: dict[str, list[dict[str, Any]]], hardware: str, cores: int, path: Path) -> None:
    """Write the curves as nanoseconds an example, which are flat where the time is linear in m."""
    from matplotlib.figure import Figure

    figure = Figure((11, 7.5), layout="constrained", facecolor="white")
    panels = figure.subplots(2, 2)
    labels = ("examples m", "hidden units n1", "threads", "columns")
    titles = ("examples", "hidden units (dashed: linear)", f"threads ({cores} cores)", "block size")
    for panel, kind, label, title in zip(panels.flat, KINDS, labels, titles, strict=True):
        for name, curve in curves.items():
            if name.split(",")[0] != kind:
                continue
            x = [point["x"] for point in curve]
            ns = [1e6 * point["ms"] / point["m"] for point in curve]
            spread = [[1e6 * p[k] / p["m"] for p in curve] for k in ("ms_low", "ms_high")]
            panel.plot(x, ns, "o-", ms=4, lw=1.4, label=name.split(", ")[1])
            panel.fill_between(x, *spread, alpha=0.2)
            if kind == "n1":
                panel.plot(x, [ns[-1] * each / x[-1] for each in x], "--", color="#999999", lw=1)
        panel.set(xlabel=label, ylabel="ns per example", title=title)
        panel.set_yscale("log")
        if any(name.split(",")[0] == kind for name in curves):
            panel.legend(frameon=False)
        if kind != "threads":
            panel.set_xscale("log", base=10 if kind == "m" else 2)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Time of a full-batch iteration, float32: medians and quartiles\n{hardware}")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--curve", action="append", choices=KINDS, help="repeatable (default all)")
    parser.add_argument("--rounds", type=int, default=9, help="(default 9)")
    parser.add_argument("--most-examples", type=int, default=EXAMPLES[-1])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    options = parser.parse_args()
    facts = environment()
    curves = measure(options.most_examples, options.rounds, options.curve or KINDS)
    for name, curve in curves.items():
        print(name)
        for point in curve:
            print(f"  {point['x']:>10,}  {point['ms']:10.4f} ms")
    if options.json:
        result = {"environment": facts, "rounds": options.rounds, "curves": curves}
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.plot:
        cores = facts["cores"]
        hardware = f"{facts['cpu']}, {cores} cores, NumPy {facts['numpy']}"
        draw(curves, hardware, cores, options.plot)


if __name__ == "__main__":
    main()
