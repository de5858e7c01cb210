"""The comparison as a picture: a panel a network, a bar a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.interleave import REFERENCE
from bench.limits import title_of

COLUMNS = 3
OURS, OTHERS, LIMIT = "#1b6ca8", "#b9c0c7", "#c0392b"


def draw(measured: dict[str, Any], path: Path) -> None:
    """Write a PNG of the time of each candidate relative to gdnet's, from the JSON of compare."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    described, comparisons = measured["environment"], measured["comparisons"]
    hardware = f"{described['gpu'] or described['cpu']}, {described['cores']} CPU cores"
    columns = min(COLUMNS, len(comparisons))
    rows = -(-len(comparisons) // columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(5.2 * columns, 3.3 * rows + 0.8),
        squeeze=False,
        layout="constrained",
    )
    for panel in panels.flat[len(comparisons) :]:
        panel.set_axis_off()
    for panel, comparison in zip(panels.flat, comparisons, strict=False):
        _draw_panel(panel, comparison)
    figure.suptitle(
        f"Time of a full-batch iteration relative to gdnet's, {comparisons[0]['case']['dtype']}\n"
        f"{hardware}; bars: medians, whiskers: quartiles, red line: "
        f"{title_of(described['device'])} alone",
        fontsize=11,
    )
    figure.savefig(path, dpi=110, format="png")
    plt.close(figure)


def _draw_panel(panel: Any, comparison: dict[str, Any]) -> None:
    results = comparison["results"]
    ratios = {n: r["ratio"] for n, r in results.items() if r["ratio"] is not None}
    ours = results[REFERENCE]
    names = sorted(ratios, key=lambda name: ratios[name]["median"], reverse=True)
    medians = [ratios[name]["median"] for name in names]
    whiskers = [
        [ratios[name]["median"] - ratios[name]["low"] for name in names],
        [ratios[name]["high"] - ratios[name]["median"] for name in names],
    ]
    colours = [OURS if name == REFERENCE else OTHERS for name in names]
    panel.barh(names, medians, xerr=whiskers, color=colours, ecolor="#555555", capsize=2)
    for i, name in enumerate(names):
        panel.text(ratios[name]["high"], i, f"  {medians[i]:.2f}", va="center", fontsize=9)
    if ours["times_limit"]:
        panel.axvline(1 / ours["times_limit"], color=LIMIT, linewidth=1)
    panel.set_xlim(0, 1.18 * max(ratio["high"] for ratio in ratios.values()))
    ms = f", gdnet {ours['ms']['median']:.3g} ms" if ours["ms"] else ""
    panel.set_title(f"{comparison['name']}{ms}", fontsize=10)
    panel.tick_params(labelsize=9)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
