"""The tables of a comparison for the README and the page of a machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.avx2 import VARIABLES
from bench.interleave import REFERENCE
from bench.limits import title_of
from bench.report import spread

# Beside the fastest, how most people would write it.
SHOWN = (
    *("gdnet, equations", "JAX jit", "torch.compile", "PyTorch eager", "scikit-learn"),
    "lecture's code",
)

LIMIT = "the time of the multiplications and of tanh at the rates of the cores"
JAX_BLOCKS = (
    "JAX blocks: a jitted step in which `lax.scan` adds up the gradients of blocks that stay in "
    "cache, written by hand for this comparison (`bench/peers/jax_blocks.py`); sharded: on one "
    "device of the host a core."
)
MALLOC = (
    "The peers' malloc is told to keep what it frees, in huge pages (bench/README.md); gdnet tells "
    "its own. With glibc's default most of them take longer."
)

Plain = dict[str, Any]


def speed_table(measured: Plain, shown: Sequence[str] = SHOWN) -> Iterator[str]:
    """Give a row for every network: gdnet's time, and that of the others divided by it."""
    title = title_of(measured["environment"]["device"])
    on_cpu = title == title_of("cpu")
    yield f"| network, m | gdnet | fastest peer | {' | '.join(shown)} | {title} | candidates |"
    yield f"|---|---|---|{'---|' * len(shown)}---|---|"
    for each in measured["comparisons"]:
        results, rival = each["results"], each["fastest_other"]
        cells = [each["name"], _duration(results[REFERENCE]["ms"]["median"])]
        cells.append("" if rival is None else f"{rival}: {spread(results[rival]['ratio'], '.2f')}")
        for name in shown:
            cells.append(spread(results.get(name, {}).get("ratio"), ".2f"))
        times = results[REFERENCE]["times_limit"]
        cells.append("" if times is None else f"{1 / times:.2f}")
        cells.append(str(sum(result["ms"] is not None for result in results.values())))
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        "gdnet: the time of an iteration. The others: their time divided by gdnet's, above 1 where "
        "gdnet is faster, below 1 where the peer is, with quartiles. "
        f"{title[0].upper()}{title[1:]}: {LIMIT if on_cpu else 'their time alone'}, likewise. "
        "An empty field: "
        "not measured on this network; the fastest peer is that of the candidates that were."
    )
    if on_cpu and any("JAX blocks" in each["results"] for each in measured["comparisons"]):
        yield ""
        yield f"{JAX_BLOCKS} {MALLOC}"


def fastest_peers(first: Plain, others: Sequence[Plain]) -> Iterator[str]:
    """Give a table of the fastest peer in other comparisons than the first, if there are any."""
    if not others:
        return
    networks = [each["name"] for each in first["comparisons"]]
    yield (
        "The fastest peer's time divided by gdnet's, in other comparisons (the commands are in the "
        "`summary.md` of each machine in [bench/results](bench/results)):"
    )
    yield ""
    yield f"| run | {' | '.join(networks)} |"
    yield f"|---|{'---|' * len(networks)}"
    for measured in others:
        found = {each["name"]: each for each in measured["comparisons"]}
        cells = []
        for network in networks:
            rival = found[network]["fastest_other"] if network in found else None
            ratio = rival and found[network]["results"][rival]["ratio"]["median"]
            cells.append(f"{rival}: {ratio:.2f}" if rival else "")
        yield f"| {_conditions(measured)} | {' | '.join(cells)} |"
    yield ""


def _conditions(measured: Plain) -> str:
    """Return what distinguishes a comparison from others."""
    described, first = measured["environment"], measured["comparisons"][0]
    said = [described["gpu"] or described["cpu"], f"gdnet {described['gdnet']}"]
    said += [first["case"]["dtype"], f"Python {described['python']}", f"NumPy {described['numpy']}"]
    jax = first["results"].get("JAX jit", {}).get("about")
    if jax:
        said.append(jax.partition(",")[0])
    if VARIABLES.items() <= described["variables"].items():
        said.append("everybody held to AVX2")
    return ", ".join(said)


def _duration(ms: float) -> str:
    return f"{1e3 * ms:.3g} µs" if ms < 1 else f"{ms:.3g} ms"
