"""Compare gdnet with its peers: the same full-batch iteration, side by side in one run.

Every candidate has the same data, start and dtype, and must reach the same costs before it is
timed. They take turns, each in a process of its own, and so does a probe of what the machine can
do. Run it from the repository root: python -m bench.compare
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.avx2 import hold_to_avx2
from bench.cases import NAMES, Case, cases
from bench.chart import draw
from bench.environment import environment
from bench.interleave import REFERENCE, TOLERANCE, Comparison, compare
from bench.peers import MAKERS, MAKERS_ON_CUDA, PRECISION_VARIABLE, precision, variables_of
from bench.report import as_json, as_markdown, verdict
from gdnet.backends import PRECISIONS, get_backend
from gdnet.errors import DeviceUnavailable

ROUNDS, QUICK_ROUNDS = 9, 3


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    if options.avx2:
        hold_to_avx2()
    try:
        print(get_backend(options.device).describe(), file=sys.stderr)
    except DeviceUnavailable as unavailable:
        print(f"{options.device}: {unavailable}", file=sys.stderr)
        return 4
    if not any(map(find_spec, ("torch", "jax", "sklearn"))):
        print(
            "no peer is installed, so gdnet meets only the lecture's code: "
            "pip install torch jax scikit-learn",
            file=sys.stderr,
        )
    if options.plot and not find_spec("matplotlib"):
        print("--plot needs matplotlib: pip install matplotlib", file=sys.stderr)
        return 2
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    for name, value in _variables().items():
        print(f"note: {name}={value} is set", file=sys.stderr)
    known = MAKERS if options.device == "cpu" else MAKERS | MAKERS_ON_CUDA
    # In the order in which they were named: where time runs out, the last do not take part.
    chosen = [REFERENCE, *(options.candidate or known)]
    makers = {name: known[name] for name in chosen if name in known}
    # The candidates are processes of their own.
    os.environ[PRECISION_VARIABLE] = options.precision
    comparisons: list[Comparison] = []
    skipped: dict[str, str] = {}
    for case in cases(options.dtype, options.only, quick=options.quick, device=options.device):
        print(f"\n{case.name}, {case.dtype}", file=sys.stderr, flush=True)
        lack = _lack_of_memory(case)
        if lack:
            _tell(lack)
            skipped[case.name] = lack
            continue
        comparisons.append(compare(case, options.device, rounds, makers, _tell, options.within))
        described = _described() | {
            "device": options.device,
            "skipped": skipped,
            "variables_of": {name: variables_of(name, options.device) for name in makers},
        }
        measured = as_json(comparisons, described)
        _tell(verdict(measured["comparisons"][-1]))
        # After each case: a run that is cut short keeps what it has.
        _write(measured, options)
    if not comparisons:
        return 1
    print(as_markdown(measured))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        type=_case_name,
        metavar="NETWORK[:M]",
        help=f"{', '.join(NAMES)}; repeatable",
    )
    parser.add_argument(
        "--candidate",
        action="append",
        choices=(*MAKERS, *MAKERS_ON_CUDA),
        help="beside gdnet; repeatable",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="highest",
        help="of everybody's matrix products in float32; tf32 on CUDA only (default: highest)",
    )
    parser.add_argument("--dtype", choices=tuple(TOLERANCE), default="float32")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda or cuda:N")
    parser.add_argument(
        "--avx2", action="store_true", help="hold everybody to AVX2, where there is AVX-512"
    )
    parser.add_argument("--rounds", type=_positive, help=f"turns of each (default {ROUNDS})")
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="of a network: fewer rounds, and without those that are not ready in time",
    )
    parser.add_argument("--quick", action="store_true", help="few examples, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here, too")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the ratios")
    return parser


def _case_name(text: str) -> str:
    if text.partition(":")[0] not in NAMES:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(NAMES)}, got {text!r}")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _lack_of_memory(case: Case) -> str | None:
    free = _free_bytes()
    needed = case.bytes_needed(len(MAKERS))
    if free is None or needed <= free:
        return None
    return (
        f"skipped: all candidates together need about {needed / 1e9:.0f} GB of memory, "
        f"and {free / 1e9:.0f} GB are free"
    )


def _free_bytes() -> int | None:
    """Return what may be used without taking memory from other processes; None if not on Linux."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    return None


def _described() -> dict[str, Any]:
    return environment() | {"variables": _variables(), "precision": precision()}


def _variables() -> dict[str, str]:
    """Return what changes the threads or the kernels of the libraries."""
    prefixes = ("OPENBLAS_", "MKL_", "OMP_", "XLA_", "NPY_", "ATEN_", "ONEDNN_", "GDNET_CPU_")
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}


def _write(measured: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(as_markdown(measured))
    if options.plot:
        draw(measured, options.plot)


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
