"""What a page and the README say of CUDA, from the files that bench/on_gpu.sh leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.report import made_by
from bench.speed_table import speed_table
from bench.to_cost.text import HOW, table_lines

Plain = dict[str, Any]

#: What stands beside the fastest peer.
SHOWN = (
    *("gdnet, fused", "PyTorch eager", "torch.compile", "torch.compile, CUDA graphs"),
    *("JAX jit", "JAX fori_loop"),
)
#: Files of bench.compare by the beginning of their names, and the precision of products.
PRECISIONS = {"peers-": "float32", "tf32-": "TF32"}


def joined(files: dict[str, Plain], prefix: str) -> Plain | None:
    """Return the comparisons of all files that begin so as if one had them; None without any."""
    found = [measured for name, measured in files.items() if name.startswith(prefix)]
    if not found:
        return None
    comparisons = [each for measured in found for each in measured["comparisons"]]
    return {"environment": found[0]["environment"], "comparisons": comparisons}


def page_lines(files: dict[str, Plain]) -> Iterator[str]:
    """Give the sections of a card's page."""
    for prefix, precision in PRECISIONS.items():
        measured = joined(files, prefix)
        if measured is not None:
            yield from ("", f"## gdnet and its peers on CUDA, {precision}", "")
            yield f"`bash bench/on_gpu.sh`, {_commit(measured)}."
            yield ""
            yield from speed_table(measured, SHOWN)
    if "to-cost" in files:
        measured = files["to-cost"]
        yield from ("", "## Seconds to a cost and to a log loss", "")
        yield f"{made_by(measured['environment'], 'time_to_cost')}. {HOW}"
        for name, found in measured["tables"].items():
            yield ""
            yield from table_lines(name, found, measured["rounds"])
    if "paths" in files:
        yield from ("", "## gdnet's own ways on CUDA", "")
        yield from _ways(files["paths"])
    if "parity" in files:
        yield from ("", "## Costs on CUDA against those of the CPU", "")
        yield from _parity(files["parity"])


def readme_lines(files: dict[str, Plain], device: str) -> Iterator[str]:
    """Give what the README says of a card."""
    measured = joined(files, "peers-")
    if measured is not None:
        yield f"CUDA on {device}; float32, `bash bench/on_gpu.sh`, {_commit(measured)}:"
        yield ""
        yield from speed_table(measured, SHOWN)
        yield ""


def _commit(measured: Plain) -> str:
    return made_by(measured["environment"]).rpartition(", ")[2]


def _ways(measured: Plain) -> Iterator[str]:
    yield f"{made_by(measured['environment'], 'cuda_paths')}. Milliseconds an iteration, medians "
    yield "(quartiles), and the largest difference of the gradient from that in float64."
    yield ""
    for name, rate in measured["limits"].items():
        yield f"- {name}: {rate:.4g}"
    for case in measured["cases"]:
        yield ""
        yield f"| {case['case']} | ms | GB/s of data | gradient differs by |"
        yield "|---|---|---|---|"
        for name, way in case["ways"].items():
            if "failed" in way:
                yield f"| {name} | failed: {way['failed']} | | |"
                continue
            low, high = way.get("ms_quartiles", (0, 0))
            time = f"{way['ms']:.4g} ({low:.4g} .. {high:.4g})" if "ms" in way else "not measured"
            rate = f"{way['gb_a_second']:.4g}" if "ms" in way else ""
            wrong = "" if way["right"] else ", WRONG"
            yield f"| {name} | {time} | {rate} | {way['gradient_error']:.1e}{wrong} |"


def _parity(measured: Plain) -> Iterator[str]:
    yield f"{made_by(measured['environment'], 'parity')}."
    yield ""
    yield "| descent, way, dtype | iterations | costs differ by at most | allowed | |"
    yield "|---|---|---|---|---|"
    for each in measured["results"]:
        yield (
            f"| {each['descent']}, {each['way']}, {each['dtype']} | {each['iterations']} "
            f"| {each['largest_difference']:.1e} | {each['tolerance']:.0e} "
            f"| {'passed' if each['passed'] else 'FAILED'} |"
        )
