"""Compare the costs of the lecture's lab on a device with those of the CPU, up to iteration 7000.

Later ones are no test: with the lab's learning rate of 1.2 the cost jumps after iteration 7500,
and there a difference in the last bit of one weight shows in the third digit of the cost.
Run it from the repository root: python -m bench.parity --json parity.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.environment import environment
from bench.problems import lab
from gdnet.backends import get_backend
from gdnet.descent import descend
from gdnet.errors import DeviceUnavailable

ITERATIONS = 7001
SHOWN = slice(None, None, 1000)
# Absolute, on costs between 0.7 and 0.2.
TOLERANCE = {"float64": 2e-10, "float32": 2e-6}


def costs_on(device: str, dtype: str) -> npt.NDArray[np.float64]:
    case = lab(dtype)
    return descend(
        case.full_batch(get_backend(device)),
        case.parameters,
        learning_rate=case.learning_rate,
        iterations=ITERATIONS,
    ).costs


def compare(device: str, dtype: str, tolerance: float) -> dict[str, Any]:
    ours, theirs = costs_on("cpu", dtype), costs_on(device, dtype)
    difference = np.abs(ours - theirs)
    worst = int(np.argmax(difference))
    return {
        "dtype": dtype,
        "iterations": ITERATIONS,
        "largest_difference": float(difference[worst]),
        "at_iteration": worst,
        "tolerance": tolerance,
        "passed": bool(difference[worst] <= tolerance),
        "cpu_every_1000": ours[SHOWN].tolist(),
        "device_every_1000": theirs[SHOWN].tolist(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda (default), cuda:N or cpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here, too")
    options = parser.parse_args()

    try:
        name = get_backend(options.device).name
    except DeviceUnavailable as unavailable:
        print(f"{options.device}: {unavailable}", file=sys.stderr)
        return 4
    results = [compare(options.device, dtype, limit) for dtype, limit in TOLERANCE.items()]
    for result in results:
        print(
            f"lab, {result['dtype']}, {ITERATIONS} iterations on cpu and {name}: costs differ by "
            f"at most {result['largest_difference']:.1e} (iteration {result['at_iteration']}); "
            f"allowed {result['tolerance']:.0e}: {'passed' if result['passed'] else 'FAILED'}"
        )
    if options.json:
        text = json.dumps({"environment": environment(), "device": name, "results": results})
        options.json.write_text(text + "\n")
    return 0 if all(result["passed"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
