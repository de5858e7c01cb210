"""The comparison as JSON, and the markdown that is made from it.

    python -m bench.report FILE.json... --markdown FILE --plot FILE.png

makes both again from what `python -m bench.compare --json` wrote; of several files the networks are
put together.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.chart import draw
from bench.interleave import REFERENCE, Comparison, Result
from bench.limits import title_of

Plain = dict[str, Any]


def as_json(comparisons: list[Comparison], described: Plain) -> Plain:
    """Return everything that was measured."""
    return {
        "environment": described,
        "comparisons": [
            {
                "name": each.case.name,
                "case": {k: v for k, v in each.case._asdict().items() if k != "folder"},
                "rounds": each.rounds,
                "rates": each.rates._asdict(),
                "limit_ms": each.limit_ms,
                "fastest_other": each.fastest_other(),
                "results": {name: _plain(result) for name, result in each.results.items()},
            }
            for each in comparisons
        ],
    }


def as_markdown(measured: Plain) -> str:
    """Return the tables, each network's with its rates and the ratio to reach."""
    described, comparisons = measured["environment"], measured["comparisons"]
    lines = [
        f"# gdnet and its peers, {comparisons[0]['case']['dtype']}",
        "",
        f"{machine(described)}; {made_by(described)}.",
        *(f"{name}={value} was set." for name, value in described["variables"].items()),
        *_given(described["variables_of"]),
        "",
        "Time relative to gdnet's in the same round (above 1 where gdnet is faster), medians and "
        f"quartiles. {title_of(described['device'])}: the time that these alone would take at the "
        "rates measured in the same rounds; no lower limit, for another library's may be faster. "
        "Memory: the peak of an iteration beyond libraries and data.",
        "",
        *(f"- {name}: {about}" for name, about in _about(comparisons).items()),
    ]
    for comparison in comparisons:
        lines += ["", *_section(comparison, title_of(described["device"]))]
    for name, why in described["skipped"].items():
        lines += ["", f"## {name}", "", f"{why[0].upper()}{why[1:]}."]
    return "\n".join(lines) + "\n"


def machine(described: Plain) -> str:
    """Return hardware and versions in one line."""
    return (
        f"{described['gpu'] or described['cpu']}, {described['cores']} CPU cores, "
        f"Python {described['python']}, NumPy {described['numpy']} "
        f"({', '.join(described['blas'])}), gdnet {described['gdnet']}"
    )


def made_by(described: Plain, program: str = "compare") -> str:
    """Return the command and the commit of a measurement."""
    # Results from before the command was kept tell the program alone.
    command = described.get("command")
    made = f"`{command}`" if command else f"`python -m bench.{program}` (options not kept)"
    return f"{made}, commit {str(described['commit'])[:12]}"


def verdict(comparison: Plain) -> str:
    """Return in one sentence whether gdnet reaches the target against the fastest other."""
    rival = comparison["fastest_other"]
    if rival is None:
        return "Nothing to compare with."
    ratio = comparison["results"][rival]["ratio"]["median"]
    target = comparison["case"]["target"]
    reached = "reached" if round(ratio, 2) >= target else "not reached"
    return f"Fastest other: {rival}, {ratio:.2f} times gdnet's time; to reach: {target}, {reached}."


def spread(values: Plain | None, spec: str) -> str:
    """Return median and quartiles as text."""
    if values is None:
        return ""
    return f"{values['median']:{spec}} ({values['low']:{spec}} .. {values['high']:{spec}})"


def _section(comparison: Plain, title: str) -> list[str]:
    case, rates, limit = comparison["case"], comparison["rates"], comparison["limit_ms"]
    output = "softmax" if case["shape"][2] > 1 else "sigmoid"
    lines = [
        f"## {comparison['name']} ({output})",
        "",
        f"{verdict(comparison)} {comparison['rounds']} rounds of {case['iterations']} iterations.",
        "",
        f"Rates: products of the hidden layer {rates['gemm_own'] / 1e9:.0f} GFLOP/s, square ones "
        f"{rates['gemm_square'] / 1e9:.0f}; in cache {rates['elementwise'] / 1e9:.2f} G "
        f"multiplications and {rates['tanh'] / 1e9:.2f} G tanh a second; copy "
        f"{rates['copy'] / 1e9:.1f} GB/s.{_peaks(rates)}"
        + ("" if limit is None else f" {title[0].upper()}{title[1:]}: {limit:.4g} ms."),
        "",
        f"| candidate | ms an iteration | relative to gdnet | relative to {title} | peak MiB "
        "| cost differs by |",
        "|---|---|---|---|---|---|",
    ]
    absent = []
    for name, result in comparison["results"].items():
        if result["ms"] is None:
            absent.append(f"- {name} is missing: {result['failed']}")
            continue
        ratio = "1" if name == REFERENCE else spread(result["ratio"], ".2f") or result["failed"]
        peak = "" if result["peak_mib"] is None else f"{result['peak_mib']:.0f}"
        times = "" if result["times_limit"] is None else f"{result['times_limit']:.2f}"
        lines.append(
            f"| {name} | {spread(result['ms'], '.4g')} | {ratio} | {times} "
            f"| {peak} | {result['cost_difference']:.0e} |"
        )
    return [*lines, *([""] if absent else []), *absent]


def _peaks(rates: Plain) -> str:
    """Return in a sentence what the limit is made of, where it was measured."""
    if not rates["fma"]:
        return ""
    sleef = f" and {rates['sleef_tanh'] / 1e9:.2f} G of SLEEF's" if rates["sleef_tanh"] else ""
    return (
        f" At most: {rates['fma'] / 1e9:.0f} GFLOP/s of fused multiply-adds, "
        f"{rates['own_tanh'] / 1e9:.2f} G tanh of gdnet's kernels{sleef} a second; reading "
        f"{rates['read'] / 1e9:.1f} GB/s."
    )


def _given(variables_of: dict[str, dict[str, str]]) -> list[str]:
    """Return which variables the processes of some candidates were started with."""
    given: dict[str, list[str]] = {}
    for candidate, variables in variables_of.items():
        for name, value in variables.items():
            given.setdefault(f"{name}={value}", []).append(candidate)
    return [f"`{variable}` for {', '.join(names)}." for variable, names in given.items()]


def _about(comparisons: list[Plain]) -> dict[str, str]:
    """Return what each candidate is; its layout or block width, where it varies, in each case."""
    about: dict[str, list[str]] = {}
    for comparison in comparisons:
        for name, result in comparison["results"].items():
            seen = about.setdefault(name, [])
            if result["about"] and result["about"] not in seen:
                seen.append(result["about"])
    return {name: "; or ".join(seen) for name, seen in about.items() if seen}


def _plain(result: Result) -> Plain:
    quartiles = {
        name: None if (values := getattr(result, name)) is None else values._asdict()
        for name in ("ms", "ratio")
    }
    return result._asdict() | quartiles


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write them as one file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="in place of stdout")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    read = [json.loads(file.read_text()) for file in options.files]
    measured = read[0] | {"comparisons": [each for one in read for each in one["comparisons"]]}
    for key in ("commit", "cpu", "gpu", "numpy", "blas", "variables"):
        if any(one["environment"][key] != measured["environment"][key] for one in read):
            print(f"these were not measured alike: {key} differs", file=sys.stderr)
            return 2
    commands = dict.fromkeys(one["environment"].get("command") for one in read)
    measured["environment"]["command"] = "; ".join(filter(None, commands)) or None
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")
    if options.plot:
        draw(measured, options.plot)
    if options.markdown:
        options.markdown.write_text(as_markdown(measured))
    else:
        print(as_markdown(measured), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
