"""Print the JSON of test_iteration.py as a short table.

Run it from the repository root: python -m bench.table iteration.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="what --benchmark-json wrote")
    benchmarks = json.loads(parser.parse_args().file.read_text())["benchmarks"]

    medians: dict[tuple[str, int], dict[str, float]] = {}
    for each in benchmarks:
        info = each["extra_info"]
        device = info["backend"].partition(":")[0]
        medians.setdefault((info["shape"], info["m"]), {})[device] = each["stats"]["median"]

    print(f"{'network':>11} {'m':>9} {'cpu ms':>10} {'cuda ms':>10} {'cpu/cuda':>9}")
    for (shape, m), of in medians.items():
        cells = [f"{of[d] * 1e3:10.3f}" if d in of else f"{'-':>10}" for d in ("cpu", "cuda")]
        ratio = f"{of['cpu'] / of['cuda']:9.2f}" if len(of) == 2 else f"{'-':>9}"
        print(f"{shape:>11} {m:>9} {' '.join(cells)} {ratio}")


if __name__ == "__main__":
    main()
