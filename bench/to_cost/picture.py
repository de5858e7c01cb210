"""The costs over the seconds, a panel a table, a line a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.to_cost.candidates import MAKERS
from gdnet.plots.figure import THEMES, add_legend, new_figure, save_figure, style_axes

THEME = THEMES["light"]
# A colour a method, a kind of line a library: they can be told apart without colours, too.
METHODS = ("lbfgs", "adam", "momentum", "sgd", "gd")
LINES = {"gdnet": "-", "scikit-learn": ":", "PyTorch": "--", "optax": "-."}


def draw(measured: dict[str, Any], path: Path) -> None:
    """Write a picture of the median start of every candidate, from the JSON."""
    tables, described = measured["tables"], measured["environment"]
    title = (
        f"Training cost over time, the median start of {measured['rounds']}: "
        f"{described['cpu']}, {described['cores']} CPU cores"
    )
    figure = new_figure((5.2 * len(tables) + 2.2, 4.6), THEME, title)
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for panel, (name, table) in zip(panels, tables.items(), strict=True):
        _draw_panel(panel, name, table)
    shown = {line.get_label(): line for panel in panels for line in panel.lines if line.get_gid()}
    ordered = [shown[name] for name in MAKERS if name in shown]
    add_legend(panels[-1], THEME, handles=ordered, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    save_figure(figure, path)


def _draw_panel(panel: Any, name: str, table: dict[str, Any]) -> None:
    target = table["targets"]["cost"]
    top = target
    for candidate, result in table["results"].items():
        if not result.get("curve"):
            continue
        library, _, method = candidate.rpartition(" ")
        seconds, costs, _ = zip(*result["curve"], strict=True)
        ours = library == "gdnet"
        panel.plot(
            seconds,
            costs,
            LINES[library],
            label=candidate,
            gid=candidate,
            color=THEME.lines[METHODS.index(method)],
            linewidth=2.8 if ours else 1.4,
            zorder=3 if ours else 2,
        )
        if ours:
            top = max(top, *costs)
    panel.axhline(target, color=THEME.ink, linewidth=0.8, zorder=1)
    panel.annotate(
        f"target {target:g}",
        (0.01, target),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        color=THEME.ink,
        size=9,
    )
    style_axes(panel, THEME)
    panel.set(xscale="log", xlabel="seconds", ylabel="training cost")
    if top > 3 * target:
        panel.set_yscale("log")
    if top > target:
        # Where others begin far above them nothing else could be told apart.
        panel.set_ylim(top=top)
    shape = "-".join(map(str, table["shape"]))
    panel.set_title(f"{name}, {shape}, {table['m']:,} rows", size=10, color=THEME.ink)
