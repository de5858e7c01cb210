"""Peak memory of an iteration beyond the data, of gdnet and its peers, as m grows.

    python -m bench.memory --json FILE

Each candidate has a process of its own, one after the other; see `bench.worker`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.cases import Case
from bench.environment import environment
from bench.interleave import Worker
from bench.peers import MAKERS, variables_of
from bench.problems import Shape, name_of
from bench.worker import Failed, serve_memory

HIGGS: Shape = (28, 128, 1)
EXAMPLES = (100_000, 1_000_000, 5_000_000)


def peaks(m: int, device: str) -> dict[str, float | str | None]:
    """Return the MiB of each candidate; in place of them why it does not take part."""
    found: dict[str, float | str | None] = {}
    for name, maker in MAKERS.items():
        case = Case(HIGGS, m, "float32", 1, 0.0)
        # Malloc as it is by default: memory that it keeps is not given back.
        given = {k: v for k, v in variables_of(name, device).items() if k == "XLA_FLAGS"}
        worker = Worker(serve_memory, maker, case, device, variables=given)
        report = worker.receive()
        found[name] = report.reason if isinstance(report, Failed) else report
        worker.end()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--m", type=int, nargs="+", default=EXAMPLES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results: dict[str, dict[str, float | str | None]] = {}
    for m in options.m:
        results[str(m)] = peaks(m, options.device)
        print(f"{name_of(HIGGS)}, m = {m:,}")
        for name, peak in results[str(m)].items():
            print(f"  {name:28} {f'{peak:,.0f} MiB' if isinstance(peak, float) else peak}")
        if options.json:  # after each m: a run that is cut short keeps what it has
            facts = {"environment": environment(), "rounds": 1, "shape": HIGGS, "peak_mib": results}
            options.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
