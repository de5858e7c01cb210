"""Compare the costs of two descents on a device with those of the CPU, iteration by iteration.

They are the lecture's lab up to iteration 7000 (later, its learning rate of 1.2 makes the cost
jump, and the last bit of one weight shows in it) and breast_cancer, by every kernel that applies.
Run it from the repository root: python -m bench.parity --json parity.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.environment import environment
from bench.problems import Problem, lab
from gdnet.backends import Backend, get_backend
from gdnet.data.builtin import load_builtin
from gdnet.data.labels.targets import encode_target
from gdnet.data.scaling import Scaling
from gdnet.descent import descend
from gdnet.errors import DataError, DeviceUnavailable
from gdnet.parameters import initialise

SHOWN = slice(None, None, 1000)
# Absolute, on costs between 0.7 and 0.2. Where the lab's cost jumps, around iteration 1950, the
# last bits of the first weights alone move it by up to 4e-6 in float32, and by 1e-14 in float64.
TOLERANCE = {"float64": 2e-10, "float32": 2e-5}


def breast_cancer(dtype: str) -> Problem:
    """Return the data set, standardised, and a network of 16 hidden units."""
    table = load_builtin("breast_cancer", dtype)
    rows = np.array(table.X)
    Scaling.of(rows, dtype).apply_in_place(rows)
    start = initialise(30, 16, 1, random_state=0, dtype=dtype)
    labels = encode_target(table.target).codes.astype(np.uint8)
    return Problem((30, 16, 1), rows, labels, start, learning_rate=0.5)


#: The descents, with their iterations.
DESCENTS: dict[str, tuple[Callable[[str], Problem], int]] = {
    "lab": (lab, 7001),
    "breast_cancer": (breast_cancer, 1001),
}


def costs_on(backend: Backend, name: str, dtype: str) -> npt.NDArray[np.float64]:
    make, iterations = DESCENTS[name]
    case = make(dtype)
    return descend(
        case.full_batch(backend),
        case.parameters,
        learning_rate=case.learning_rate,
        iterations=iterations,
    ).costs


def backends_of(device: str, dtype: str) -> dict[str, Backend]:
    """Return the ways to compute on a device."""
    if device == "cpu":
        return {"CPU": get_backend("cpu")}
    ways = {"cublas_fused": get_backend(device, engine="cublas_fused")}
    if dtype == "float32":
        ways["fused"] = get_backend(device, engine="fused")
    return ways


def compare(device: str, name: str, dtype: str, tolerance: float) -> list[dict[str, Any]]:
    ours = costs_on(get_backend("cpu", engine="reference"), name, dtype)
    results = []
    for way, backend in backends_of(device, dtype).items():
        theirs = costs_on(backend, name, dtype)
        difference = np.abs(ours - theirs)
        worst = int(np.argmax(difference))
        results.append(
            {
                "descent": name,
                "way": way,
                "dtype": dtype,
                "iterations": len(ours),
                "largest_difference": float(difference[worst]),
                "at_iteration": worst,
                "tolerance": tolerance,
                "passed": bool(difference[worst] <= tolerance),
                "cpu_every_1000": ours[SHOWN].tolist(),
                "device_every_1000": theirs[SHOWN].tolist(),
            }
        )
    return results


def _sentence(result: dict[str, Any], device: str) -> str:
    return (
        f"{result['descent']}, {result['way']}, {result['dtype']}, {result['iterations']} "
        f"iterations on cpu and {device}: costs differ by at most "
        f"{result['largest_difference']:.1e} (iteration {result['at_iteration']}); allowed "
        f"{result['tolerance']:.0e}: {'passed' if result['passed'] else 'FAILED'}"
    )


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
    results: list[dict[str, Any]] = []
    for descent in DESCENTS:
        for dtype, limit in TOLERANCE.items():
            try:
                found = compare(options.device, descent, dtype, limit)
            except DataError as missing:  # breast_cancer comes with scikit-learn
                print(f"{descent}: left out, {missing}")
                continue
            results += found
            for result in found:
                print(_sentence(result, name), flush=True)
            if options.json:
                report = {"environment": environment(), "device": name, "results": results}
                options.json.write_text(json.dumps(report) + "\n")
    return 0 if all(result["passed"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
