"""The comparison as markdown and as JSON."""

from __future__ import annotations

from typing import Any

from bench.interleave import REFERENCE, Comparison, Quartiles, Result


def as_markdown(comparisons: list[Comparison], described: dict[str, Any]) -> str:
    """Return the tables, each network's with its limits and the ratio to reach."""
    first = comparisons[0].case
    blas = ", ".join(described["blas"])
    lines = [
        f"# gdnet and its peers, {first.dtype}",
        "",
        f"{described['gpu'] or described['cpu']}, {described['cores']} CPU cores, "
        f"Python {described['python']}, NumPy {described['numpy']} ({blas}), "
        f"gdnet {described['gdnet']}, commit {str(described['commit'])[:12]}.",
        *(f"{name}={value} was set." for name, value in described["variables"].items()),
        "",
        "Time relative to gdnet's in the same round (above 1 where gdnet is faster), medians and "
        "quartiles. Floor: the matrix products and tanh alone, at the rates measured in the same "
        "rounds. Memory: the peak of an iteration beyond libraries and data.",
        "",
        *(f"- {name}: {about}" for name, about in _about(comparisons).items()),
    ]
    for comparison in comparisons:
        lines += ["", *_section(comparison)]
    for name, why in described["skipped"].items():
        lines += ["", f"## {name}", "", f"{why[0].upper()}{why[1:]}."]
    return "\n".join(lines) + "\n"


def verdict(comparison: Comparison) -> str:
    """Return in one sentence whether gdnet reaches the target against the fastest other."""
    rival = comparison.fastest_other()
    if rival is None:
        return "Nothing to compare with."
    ratio, target = comparison.results[rival].ratio, comparison.case.target
    assert ratio is not None
    reached = "reached" if round(ratio.median, 2) >= target else "not reached"
    return (
        f"Fastest other: {rival}, {ratio.median:.2f} times gdnet's time; "
        f"to reach: {target}, {reached}."
    )


def as_json(comparisons: list[Comparison], described: dict[str, Any]) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "environment": described,
        "comparisons": [
            {
                "case": each.case._asdict(),
                "rounds": each.rounds,
                "rates": each.rates._asdict(),
                "floor_ms": each.floor_ms,
                "fastest_other": each.fastest_other(),
                "results": {name: _plain(result) for name, result in each.results.items()},
            }
            for each in comparisons
        ],
    }


def _section(comparison: Comparison) -> list[str]:
    case, rates = comparison.case, comparison.rates
    output = "softmax" if case.shape[2] > 1 else "sigmoid"
    lines = [
        f"## {case.name} ({output})",
        "",
        f"{verdict(comparison)} {comparison.rounds} rounds of {case.iterations} iterations.",
        "",
        f"Limits: products of the hidden layer {rates.gemm_own / 1e9:.0f} GFLOP/s, square ones "
        f"{rates.gemm_square / 1e9:.0f}; in cache {rates.elementwise / 1e9:.2f} G multiplications "
        f"and {rates.tanh / 1e9:.2f} G tanh a second; copy {rates.copy / 1e9:.1f} GB/s. "
        f"Floor: {comparison.floor_ms:.4g} ms.",
        "",
        "| contestant | ms an iteration | relative to gdnet | times the floor | peak MiB "
        "| cost differs by |",
        "|---|---|---|---|---|---|",
    ]
    absent = []
    for name, result in comparison.results.items():
        if result.ms is None:
            absent.append(f"- {name} is missing: {result.failed}")
            continue
        ratio = "1" if name == REFERENCE else _spread(result.ratio, ".2f") or result.failed
        peak = "" if result.peak_mib is None else f"{result.peak_mib:.0f}"
        lines.append(
            f"| {name} | {_spread(result.ms, '.4g')} | {ratio} | {result.floors:.2f} | {peak} "
            f"| {result.cost_difference:.0e} |"
        )
    return [*lines, *([""] if absent else []), *absent]


def _about(comparisons: list[Comparison]) -> dict[str, str]:
    """Return what each contestant is; its layout or block width, where it varies, in each case."""
    about: dict[str, list[str]] = {}
    for comparison in comparisons:
        for name, result in comparison.results.items():
            seen = about.setdefault(name, [])
            if result.about and result.about not in seen:
                seen.append(result.about)
    return {name: "; or ".join(seen) for name, seen in about.items() if seen}


def _spread(values: Quartiles | None, spec: str) -> str:
    if values is None:
        return ""
    return f"{values.median:{spec}} ({values.low:{spec}} .. {values.high:{spec}})"


def _plain(result: Result) -> dict[str, Any]:
    quartiles = {
        name: None if (values := getattr(result, name)) is None else values._asdict()
        for name in ("ms", "ratio")
    }
    return result._asdict() | quartiles
