"""Where one device overtakes the other: the time of an iteration over the number of examples."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.errors import DataError
from gdnet.plots.figure import Theme, add_legend, new_figure, shown, style_axes, theme_of
from gdnet.throughput import Setup

MARKERS = "osD^vPX"
DASHES = ("-", "--", ":")


class Timing(NamedTuple):
    """One measurement.

    Attributes
    ----------
    m : int
        Number of examples.
    seconds : float
        The median time of an iteration.
    low, high : float
        Its quartiles, in seconds.
    """

    m: int
    seconds: float
    low: float
    high: float


Timings = Mapping[str, Sequence[Timing]]


def plot_crossover(
    networks: Mapping[str, Timings], *, title: str = "", theme: str = "light"
) -> Any:
    """Draw the time of an iteration over m, and mark where two devices take the same time.

    Parameters
    ----------
    networks : mapping of str to (mapping of str to sequence of Timing)
        For each network the measurements of each device. Devices are compared on one network.
    title : str
        Stands above the picture.
    theme : {"light", "dark"}
        The colours.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.

    Raises
    ------
    DataError
        Without a measurement, for times or numbers of examples that are not above 0, for an unknown
        theme, or if matplotlib is not installed.
    """
    colours = theme_of(theme)
    series = [each for devices in networks.values() for each in devices.values()]
    if not series or not all(series):
        raise DataError("expected at least 1 measurement of each device, got none")
    if not all(0 < value < np.inf for each in series for timing in each for value in timing):
        raise DataError("expected finite times and numbers of examples above 0, got others")
    figure = new_figure((6.8, 4.6), colours, title)
    axes = figure.subplots()
    style_axes(axes, colours)
    axes.set(xscale="log", yscale="log", xlabel="examples m", ylabel="seconds an iteration")
    axes.grid(which="major", color=colours.frame, alpha=0.25, linewidth=0.6)
    looks = itertools.cycle(itertools.product(DASHES, zip(colours.lines, MARKERS, strict=True)))
    for network, devices in networks.items():
        curves = {name: np.array(sorted(each), np.float64).T for name, each in devices.items()}
        for name, (m, seconds, low, high) in curves.items():
            dashes, (colour, marker) = next(looks)
            axes.fill_between(m, low, high, color=colour, alpha=0.2, linewidth=0)
            style = {"marker": marker, "ms": 5, "lw": 1.6, "color": colour, "linestyle": dashes}
            label = name if len(networks) == 1 else f"{network}, {name}"
            axes.plot(m, seconds, label=shown(label, 40), **style)
        for (m1, t1, *_), (m2, t2, *_) in itertools.combinations(curves.values(), 2):
            for m, t in crossings((m1, t1), (m2, t2)):
                _mark(axes, m, t, colours)
    add_legend(axes, colours, loc="upper left")
    return figure


def crossings(one: tuple[Any, Any], other: tuple[Any, Any]) -> list[tuple[float, float]]:
    """Return where two curves meet, interpolated between their points in logarithms.

    Nothing is extrapolated: only the range that both have is looked at.

    Parameters
    ----------
    one, other : tuple of arrays (m, seconds), of shape (k,) each
        The curves: numbers of examples, rising, and times.

    Returns
    -------
    list of tuple of float
        The number of examples and the seconds of each crossing.
    """
    (m1, t1), (m2, t2) = one, other
    low, high = max(m1[0], m2[0]), min(m1[-1], m2[-1])
    m = np.unique(np.concatenate([m1, m2]))
    x = np.log(m[(m >= low) & (m <= high)])
    if len(x) < 2:
        return []
    y1 = np.interp(x, np.log(m1), np.log(t1))
    gap = y1 - np.interp(x, np.log(m2), np.log(t2))
    i = np.flatnonzero(np.sign(gap[:-1]) * np.sign(gap[1:]) < 0)
    part = gap[i] / (gap[i] - gap[i + 1])
    at, height = x[i] + part * (x[i + 1] - x[i]), y1[i] + part * (y1[i + 1] - y1[i])
    return list(zip(np.exp(at).tolist(), np.exp(height).tolist(), strict=True))


def _mark(axes: Any, m: float, seconds: float, theme: Theme) -> None:
    axes.plot([m], [seconds], "o", ms=11, mfc="none", mec=theme.ink, mew=1.2)
    axes.annotate(
        f"m = {float(f'{m:.2g}'):,.0f}",
        (m, seconds),
        (12, -14),
        textcoords="offset points",
        size=9,
        color=theme.ink,
    )


def read_timings(path: str | Path, network: str | None = None) -> dict[str, Timings]:
    """Read what ``gdnet bench --json FILE`` has written.

    Parameters
    ----------
    path : str or Path
        The file.
    network : str, optional
        One of the networks in it, such as "28-128-1"; by default all.

    Returns
    -------
    dict of str to dict of str to list of Timing
        For each network, and each device with its engine; what failed there is left out.

    Raises
    ------
    DataError
        If the file cannot be read or is another, or has no such network.
    """
    found: dict[str, dict[str, list[Timing]]] = {}
    known = set()
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["speeds"]
        for row in rows:
            setup = Setup(**{field.name: row[field.name] for field in fields(Setup)})
            known.add(setup.network)
            if "failed" in row or network not in (None, setup.network):
                continue
            of = found.setdefault(str(setup), {})
            times = (float(row[f"seconds{which}"]) for which in ("", "_low", "_high"))
            name = f"{row['device']} {row['engine']}"
            of.setdefault(name, []).append(Timing(int(row["m"]), *times))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise DataError(
            f"{path}: expected what gdnet bench --json FILE writes, got another file ({error!r})"
        ) from None
    if not found:
        raise DataError(
            f"{path}: expected measurements of {network or 'a network'}, got those of "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    return dict(found)
