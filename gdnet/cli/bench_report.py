"""What ``gdnet bench`` has measured: as a table, as facts for programs, as a picture."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

import numpy as np

from gdnet._version import __version__
from gdnet.throughput import Setup, Speed, crossover

Speeds = dict[int, dict[str, Speed | str]]


def table(setup: Setup, speeds: Speeds) -> Iterator[str]:
    """Give the lines of a network's table, and where the other devices overtake the first one."""
    if not speeds:
        yield f"{setup}: no m fits into the memory"
        return
    yield str(setup)
    yield (
        f"{'m':>12}  {'device':8}{'ms an iteration':>26}{'iterations/s':>14}{'examples/s':>12}"
        f"{'with transfer':>15}{'MiB':>8}{'error':>9}"
    )
    for m, of in speeds.items():
        for name, speed in of.items():
            if not isinstance(speed, Speed):
                yield f"{m:>12,}  {name:8}{speed}"
                continue
            spread = f"{1e3 * speed.median:.4g} ({1e3 * speed.low:.4g} .. {1e3 * speed.high:.4g})"
            memory = "-" if speed.memory is None else f"{speed.memory / 2**20:,.0f}"
            yield (
                f"{m:>12,}  {name:8}{spread:>26}{1 / speed.median:>14,.4g}"
                f"{_short(m / speed.median):>12}{_short(m / speed.with_transfer):>15}{memory:>8}"
                f"{speed.error:>9.0e}"
            )
    engines = {
        f"{name}: {speed.engine}"
        for of in speeds.values()
        for name, speed in of.items()
        if isinstance(speed, Speed)
    }
    if engines:
        yield f"engines     {', '.join(sorted(engines))}"
    first, *others = next(iter(speeds.values()))
    for other in others:
        yield f"crossover   {crossover(speeds, first, other)}"


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
                row = {**vars(setup), "m": m, "device": name}
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
                        "engine_used": speed.engine,
                    }
                else:
                    row["failed"] = speed
                rows.append(row)
        names = list(next(iter(speeds.values()), []))
        crossovers += [
            {
                **vars(setup),
                "devices": [names[0], other],
                "says": crossover(speeds, names[0], other),
            }
            for other in names[1:]
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
    """Draw the time of an iteration over m, a curve a device and network."""
    from gdnet.plots import Timing, plot_crossover, save_figure

    timings: dict[str, dict[str, list[Timing]]] = {}
    for setup, speeds in results:
        for m, of in speeds.items():
            for name, speed in of.items():
                if isinstance(speed, Speed):
                    timing = Timing(m, speed.median, speed.low, speed.high)
                    timings.setdefault(str(setup), {}).setdefault(name, []).append(timing)
    save_figure(plot_crossover(timings, title="A full-batch iteration"), path)
