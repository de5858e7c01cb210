"""What ``gdnet bench`` has measured: as a table, as facts for programs, as a picture."""

from __future__ import annotations

import itertools
import math
import platform
from collections.abc import Iterator
from typing import Any

import numpy as np

from gdnet._version import __version__
from gdnet.throughput import Setup, Speed, crossover

Speeds = dict[int, dict[str, Speed | str]]


def table(setup: Setup, speeds: Speeds) -> Iterator[str]:
    """Give the lines of a network's table, and where one row overtakes another."""
    if not speeds:
        yield f"{setup}: no m fits into the memory"
        return
    yield str(setup)
    names = {name for of in speeds.values() for name in of}
    width = 2 + max(map(len, (*names, "device, engine")))
    yield (
        f"{'m':>12}  {'device, engine':{width}}{'ms an iteration':>26}{'iterations/s':>14}"
        f"{'examples/s':>12}{'with transfer':>15}{'MiB':>8}{'error':>9}"
    )
    for m, of in speeds.items():
        for name, speed in of.items():
            if not isinstance(speed, Speed):
                yield f"{m:>12,}  {name:{width}}{speed}"
                continue
            spread = f"{1e3 * speed.median:.4g} ({1e3 * speed.low:.4g} .. {1e3 * speed.high:.4g})"
            memory = "-" if speed.memory is None else f"{speed.memory / 2**20:,.0f}"
            yield (
                f"{m:>12,}  {name:{width}}{spread:>26}{1 / speed.median:>14,.4g}"
                f"{_short(m / speed.median):>12}{_short(m / speed.with_transfer):>15}{memory:>8}"
                f"{speed.error:>9.0e}"
            )
    for one, other in compared(speeds):
        of_engines = one.split()[0] == other.split()[0]
        yield f"{'engines' if of_engines else 'crossover':12}{crossover(speeds, one, other)}"


def compared(speeds: Speeds) -> list[tuple[str, str]]:
    """Return which rows are compared: engines of a device, and other devices with the first one.

    Devices are compared with the first engine of each, which is by default the equations, and with
    the fastest of each.
    """
    names = list(next(iter(speeds.values()), []))
    largest = speeds[max(speeds)] if speeds else {}

    def seconds(name: str) -> float:
        speed = largest[name]
        return speed.median if isinstance(speed, Speed) else math.inf

    devices = [list(of) for _, of in itertools.groupby(names, key=lambda name: name.split()[0])]
    pairs = [(of[0], other) for of in devices for other in of[1:]]
    for other in devices[1:]:
        pairs.append((devices[0][0], other[0]))
        pairs.append((min(devices[0], key=seconds), min(other, key=seconds)))
    return list(dict.fromkeys(pairs))


def _short(count: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return f"{count:.3g}"


def as_facts(
    described: dict[str, str], missing: dict[str, str], results: list[tuple[Setup, Speeds]]
) -> dict[str, Any]:
    """Return everything: versions, devices and the missing ones, a row a measurement."""
    rows = []
    crossovers = []
    for setup, speeds in results:
        for m, of in speeds.items():
            for name, speed in of.items():
                device, engine = name.split()
                row = {**vars(setup), "m": m, "device": device, "engine": engine}
                if isinstance(speed, Speed):
                    row |= {
                        "iterations_per_second": 1 / speed.median,
                        "examples_per_second": m / speed.median,
                        "examples_per_second_with_transfer": m / speed.with_transfer,
                        "seconds": speed.median,
                        "seconds_low": speed.low,
                        "seconds_high": speed.high,
                        "seconds_with_transfer": speed.with_transfer,
                        "error": speed.error,
                        "memory_bytes": speed.memory,
                    }
                else:
                    row["failed"] = speed
                rows.append(row)
        crossovers += [
            {**vars(setup), "compared": pair, "says": crossover(speeds, *pair)}
            for pair in compared(speeds)
        ]
    return {
        "gdnet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "devices": described,
        "missing": missing,
        "speeds": rows,
        "crossovers": crossovers,
    }


def draw(path: str, results: list[tuple[Setup, Speeds]]) -> None:
    """Draw the time of an iteration over m, a curve a device, engine and network."""
    from gdnet.plots import Timing, plot_crossover, save_figure

    timings: dict[str, dict[str, list[Timing]]] = {}
    for setup, speeds in results:
        for m, of in speeds.items():
            for name, speed in of.items():
                if isinstance(speed, Speed):
                    timing = Timing(m, speed.median, speed.low, speed.high)
                    timings.setdefault(str(setup), {}).setdefault(name, []).append(timing)
    save_figure(plot_crossover(timings, title="A full-batch iteration"), path)
